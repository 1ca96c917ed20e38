//! Addresses and networks: `CAST(x AS IPADDRESS)` and `contains(network, address)`
//! (<https://trino.io/docs/current/functions/ipaddress.html>).
//!
//! An address is text in its shortest form. Trino refuses text that is no address; here it is null,
//! because records without traffic have `-`.

use std::net::IpAddr;

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    RowSpec {
        name: "ip_in",
        takes: &[Takes::Text, Takes::Text],
        optional: 0,
        gives: Gives::Boolean,
        may_fail: true,
        compute: ip_in,
    },
    RowSpec {
        name: "ip_address",
        takes: &[Takes::Text],
        optional: 0,
        gives: Gives::Text,
        may_fail: false,
        compute: ip_address,
    },
];

/// Whether an address is in a network.
fn ip_in(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let network = cells[0].text();
    let (base, bits) = parsed(network)
        .ok_or_else(|| format!("{network:?} is not a network such as 10.0.0.0/8"))?;
    let Some(address) = address(cells[1].text()) else {
        return Ok(RowValue::Null);
    };
    Ok(RowValue::Bool(match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (base.to_bits() ^ address.to_bits()) & mask == 0
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (base.to_bits() ^ address.to_bits()) & mask == 0
        }
        _ => false,
    }))
}

fn parsed(network: &str) -> Option<(IpAddr, u32)> {
    let (base, bits) = network.split_once('/')?;
    let base = address(base)?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
    Some((base, bits))
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.trim().parse::<IpAddr>().ok()?.to_canonical())
}

fn ip_address(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let address = address(cells[0].text());
    Ok(address.map_or(RowValue::Null, |address| {
        RowValue::Text(address.to_string())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::row::computed;

    #[test]
    fn addresses_are_in_their_networks_only() {
        let is_in = |network, address| {
            computed(
                SPECS,
                "ip_in",
                &[Argument::Text(network), Argument::Text(address)],
            )
        };
        assert_eq!(
            is_in("10.0.0.0/8", "10.255.255.255"),
            Ok(RowValue::Bool(true))
        );
        assert_eq!(
            is_in("10.0.0.0/8", "11.255.255.255"),
            Ok(RowValue::Bool(false))
        );
        assert_eq!(is_in("10.0.0.5/32", "10.0.0.5"), Ok(RowValue::Bool(true)));
        assert_eq!(is_in("0.0.0.0/0", "8.8.8.8"), Ok(RowValue::Bool(true)));
        assert_eq!(is_in("::/0", "8.8.8.8"), Ok(RowValue::Bool(false)));
        assert_eq!(
            is_in("64:ff9b::/64", "64:ff9b::ffff"),
            Ok(RowValue::Bool(true))
        );
        assert_eq!(is_in("10.0.0.0/8", "-"), Ok(RowValue::Null));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "2001:db8::/129"] {
            assert!(is_in(wrong, "10.0.0.1").is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_have_one_form() {
        let form = |text| computed(SPECS, "ip_address", &[Argument::Text(text)]);
        assert_eq!(
            form("2001:DB8:0:0::1"),
            Ok(RowValue::Text("2001:db8::1".into()))
        );
        assert_eq!(form("10.0.0.1"), Ok(RowValue::Text("10.0.0.1".into())));
        assert_eq!(form("-"), Ok(RowValue::Null));
    }
}
