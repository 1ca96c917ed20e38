//! Addresses and networks: `CAST(x AS IPADDRESS)` and `contains(network, address)`
//! (<https://trino.io/docs/current/functions/ipaddress.html>).
//!
//! An address is the 16 bytes of its IPv6 form, in which IPv4 is `::ffff:10.0.0.1`: bytes are in the order
//! of the addresses. Trino refuses text that is no address; here it is null, because records without
//! traffic have `-`.

use std::net::{IpAddr, Ipv6Addr};

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    RowSpec {
        name: "ip_in",
        takes: &[Takes::Text, Takes::Address],
        optional: 0,
        gives: Gives::Boolean,
        may_fail: true,
        compute: ip_in,
    },
    RowSpec {
        name: "ip_address",
        takes: &[Takes::Address],
        optional: 0,
        gives: Gives::Address,
        may_fail: false,
        compute: ip_address,
    },
    RowSpec {
        name: "ip_text",
        takes: &[Takes::Address],
        optional: 0,
        gives: Gives::Text,
        may_fail: false,
        compute: ip_text,
    },
];

/// The function that writes an address.
pub(super) fn shown() -> &'static RowSpec {
    let mut specs = SPECS.iter();
    specs
        .find(|spec| spec.name == "ip_text")
        .expect("in the table")
}

/// Whether an address is in a network.
fn ip_in(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let network = cells[0].text();
    let (base, bits) = parsed(network)
        .ok_or_else(|| format!("{network:?} is not a network such as 10.0.0.0/8"))?;
    let Some(address) = address_of(cells[1]) else {
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

fn address_of(cell: Argument<'_>) -> Option<IpAddr> {
    match cell {
        Argument::Address(address) => Some(address.to_canonical()),
        cell => address(cell.text()),
    }
}

fn ip_address(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    Ok(match address_of(cells[0]) {
        Some(IpAddr::V4(address)) => RowValue::Address(address.to_ipv6_mapped()),
        Some(IpAddr::V6(address)) => RowValue::Address(address),
        None => RowValue::Null,
    })
}

fn ip_text(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    Ok(address_of(cells[0]).map_or(RowValue::Null, |address| {
        RowValue::Text(address.to_string())
    }))
}

/// Writes the bytes of an address; none if they are not one.
pub(in crate::sql) fn address_text(bytes: &[u8]) -> Option<String> {
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(bytes).to_canonical().to_string())
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
        let made = |text| computed(SPECS, "ip_address", &[Argument::Text(text)]);
        let form = |text| match made(text) {
            Ok(RowValue::Address(address)) => address_text(&address.octets()),
            other => panic!("{other:?}"),
        };
        assert_eq!(form("2001:DB8:0:0::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(form("10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(made("10.0.0.1"), made("::ffff:10.0.0.1"));
        assert_eq!(made("-"), Ok(RowValue::Null));
    }
}
