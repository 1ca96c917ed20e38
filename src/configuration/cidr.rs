//! Address ranges, and how surely something unknown fits one.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::flow::is_private;

/// A range of addresses: `10.0.0.0/16`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    len: u8,
}

/// Whether a rule fits traffic of which not everything is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It fits all of it.
    Yes,
    /// It fits none of it.
    No,
    /// It fits some of it, or it is unknown whether it fits.
    Maybe,
}

impl Fit {
    /// Whether two conditions both fit.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }
}

impl From<bool> for Fit {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// The other end of traffic at an ENI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FarEnd {
    /// One address.
    Address(IpAddr),
    /// Any address of the internet.
    Internet {
        /// Whether it is an IPv6 address.
        is_v6: bool,
    },
}

impl fmt::Display for FarEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Internet { .. } => f.write_str("the internet"),
        }
    }
}

impl Cidr {
    /// Returns the length of the prefix in bits.
    pub fn bits(self) -> u8 {
        self.len
    }

    /// Returns the address before the slash.
    pub(super) fn first(self) -> IpAddr {
        self.address
    }

    /// Whether it holds all addresses of its family.
    pub fn is_everything(self) -> bool {
        self.len == 0
    }

    /// Whether it holds the address.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.len)).unwrap_or(0);
                u32::from(own) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.len))
                    .unwrap_or(0);
                u128::from(own) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }

    /// Whether it holds the far end of traffic.
    pub fn fits(self, far: FarEnd) -> Fit {
        match far {
            FarEnd::Address(address) => self.contains(address).into(),
            FarEnd::Internet { is_v6 } if is_v6 != self.address.is_ipv6() => Fit::No,
            FarEnd::Internet { .. } if self.is_everything() => Fit::Yes,
            FarEnd::Internet { .. } if self.len >= 8 && is_private(self.address) => Fit::No,
            FarEnd::Internet { .. } => Fit::Maybe,
        }
    }
}

impl FromStr for Cidr {
    type Err = ();

    /// Reads an address with a prefix length, or one address alone.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let len = len.map_or(Ok(most), str::parse).map_err(drop)?;
        if len > most {
            return Err(());
        }
        Ok(Self { address, len })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_holds_its_addresses_and_no_others() {
        for (range, address, expected) in [
            ("10.0.8.0/21", "10.0.15.255", true),
            ("10.0.8.0/21", "10.0.16.0", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("2001:db8::/126", "2001:db8::4", false),
        ] {
            let range: Cidr = range.parse().unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), expected);
        }
        for text in ["10.0.0.0/33", "10.0.0/8", "", "10.0.0.0/", "all"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn part_of_the_internet_fits_only_perhaps() {
        let fits = |range: &str| {
            let internet = FarEnd::Internet { is_v6: false };
            range.parse::<Cidr>().unwrap().fits(internet)
        };
        assert_eq!(fits("0.0.0.0/0"), Fit::Yes);
        assert_eq!(fits("203.0.113.0/24"), Fit::Maybe);
        assert_eq!(fits("10.0.0.0/8"), Fit::No);
        assert_eq!(fits("::/0"), Fit::No);
    }
}
