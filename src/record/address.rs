//! Parses addresses, one of the leaves of the grammar.
//!
//! Every record has two to four addresses, and nearly all are IPv4, so an IPv4 address is read
//! sixteen bytes at a time, without a branch that depends on the lengths of its numbers. IPv6 is
//! left to the standard library.

use std::net::{IpAddr, Ipv4Addr};

use super::leaf::{Leaf, ODD, non_digits, token};

/// Parses an IPv4 or IPv6 address, or `-`, and writes it to `place`.
///
/// If it were returned instead, it would be assembled byte by byte and immediately moved as a
/// whole, which stalls the processor.
#[inline(always)]
pub(super) fn address<'a>(input: &'a [u8], place: &mut Option<IpAddr>) -> Leaf<'a, ()> {
    match dotted_quad(input) {
        Some((len, address)) => {
            *place = Some(IpAddr::V4(address));
            Ok((&input[len..], ()))
        }
        None => other_address(input, place),
    }
}

/// Parses `text`, which must be exactly one address. Returns `None` if it is not a plain one.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<IpAddr> {
    let mut window = [b' '; 20];
    if let Some(room) = window.get_mut(..text.len())
        && text.len() <= 15
    {
        room.copy_from_slice(text);
        if let Some((len, address)) = dotted_quad(&window)
            && len == text.len()
        {
            return Some(IpAddr::V4(address));
        }
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Parses IPv6, `-`, and addresses in the last few bytes of a block.
#[inline(never)]
fn other_address<'a>(input: &'a [u8], place: &mut Option<IpAddr>) -> Leaf<'a, ()> {
    let (rest, text) = token(input)?;
    *place = match text {
        b"-" => None,
        _ => {
            let text = std::str::from_utf8(text).map_err(|_| ODD)?;
            Some(text.parse().map_err(|_| ODD)?)
        }
    };
    Ok((rest, ()))
}

/// Returns the length and value of the IPv4 address at the front, if there is one and enough bytes
/// follow it.
///
/// Accepts what `Ipv4Addr::from_str` accepts. A test compares the two.
#[inline(always)]
fn dotted_quad(input: &[u8]) -> Option<(usize, Ipv4Addr)> {
    // 15 bytes of address, one byte after it, and enough to load four bytes from any offset.
    let window: &[u8; 20] = input.first_chunk()?;
    let low = gather(non_digits(word_at(window, 0)));
    let high = gather(non_digits(word_at(window, 8)));
    // Bits that are always set replace missing stops.
    let stops = low | high << 8 | 0x1f_0000;
    let (a, stops) = next_stop(stops);
    let (b, stops) = next_stop(stops);
    let (c, stops) = next_stop(stops);
    let (d, _) = next_stop(stops);
    let dotted = (window[a & 15] == b'.') & (window[b & 15] == b'.') & (window[c & 15] == b'.');
    let first = byte(window, 0, a);
    let second = byte(window, a + 1, b);
    let third = byte(window, b + 1, c);
    let fourth = byte(window, c + 1, d);
    if !dotted || first | second | third | fourth > 255 {
        return None;
    }
    let address = first << 24 | second << 16 | third << 8 | fourth;
    Some((d, Ipv4Addr::from_bits(address)))
}

/// Returns the position of the lowest of `stops`, and the other stops.
#[inline(always)]
fn next_stop(stops: u32) -> (usize, u32) {
    (stops.trailing_zeros() as usize, stops & (stops - 1))
}

/// Parses the number at `start..stop`. Returns more than 255 if it is not a byte.
#[inline(always)]
fn byte(window: &[u8; 20], start: usize, stop: usize) -> u32 {
    let len = stop - start;
    let from = start & 15;
    let four = [
        window[from],
        window[from + 1],
        window[from + 2],
        window[from + 3],
    ];
    // Moves the last digit to the highest lane, and fills in zeros if there are fewer than three
    // digits.
    let digits = (u32::from_le_bytes(four) ^ 0x3030_3030) << (8 * (4_usize.wrapping_sub(len) & 3));
    let value = (digits >> 8 & 15) * 100 + (digits >> 16 & 15) * 10 + (digits >> 24);
    // Two digits are at least 10 and three at least 100, so leading zeros are refused.
    let least = 0x640a_0000_u32 >> (8 * (len & 3)) & 0xff;
    let wrong = (len.wrapping_sub(1) > 2) | (value < least);
    value | u32::from(wrong) << 8
}

/// Packs the high bits of eight lanes into the low eight bits of a number.
#[inline(always)]
fn gather(marks: u64) -> u32 {
    ((marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

#[inline(always)]
fn word_at(window: &[u8; 20], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&window[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::leaf::tests::both;

    fn address(input: &[u8]) -> Leaf<'_, Option<IpAddr>> {
        let mut place = None;
        let (rest, ()) = super::address(input, &mut place)?;
        Ok((rest, place))
    }

    #[test]
    fn dash_is_not_an_address() {
        assert_eq!(both("-", address), Some(None));
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "10.0.1.201",
            "2a02:cf40::",
            "::1",
        ] {
            assert_eq!(both(text, address), Some(text.parse().ok()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn address_agrees_with_std(text in "[0-9]{0,4}(\\.[0-9]{0,4}){2,4}|[0-9a-f:.]{1,20}") {
            let expected = text.parse::<IpAddr>().ok();
            prop_assert_eq!(both(&text, address).flatten(), expected);
        }

        #[test]
        fn any_bytes_are_an_address_or_odd(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = address(&bytes);
        }
    }
}
