//! Divides conversations among the runs that share an archive, by a hash that any engine can compute.
//!
//! The hash is FNV-1a with 64 bits of a text: both ends of the conversation, each as address, blank and
//! port, in order of their bytes, then the protocol. `docs/scale.md` has the same in Python and SQL, so the
//! text and the hash must not change.
//!
//! ```text
//! 10.0.1.20 443 198.51.100.23 51544 6
//! ```
//!
//! Only TCP and UDP have ports here. Packets of other protocols show none, and the hash must be known from
//! a packet alone, so that captures can be merged.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use crate::flow::{ConnectionKey, Endpoint, TCP, UDP};

/// The most shards of a run.
const SHARDS_MAX: u32 = 100_000;

/// One of the equal parts of all conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: u32,
    /// How many there are.
    of: u32,
}

impl Shard {
    /// All conversations, as the only shard.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Returns the shard with this number, from 1, of that many; `None` if there is none.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let exists = (1..=of).contains(&number) && of <= SHARDS_MAX;
        exists.then_some(Self { number, of })
    }

    /// Returns its number, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Returns how many shards there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether it is the first one, which has what belongs to no conversation.
    pub fn is_first(self) -> bool {
        self.number == 1
    }

    /// Whether a conversation is in this shard.
    pub fn has(self, key: &ConnectionKey) -> bool {
        self.of == 1 || key.shard_hash() % u64::from(self.of) + 1 == u64::from(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Parses `2/16`, the second of sixteen.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let numbers =
            numbers.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let Some((number, of)) = numbers else {
            return Err(
                "expected the number of a shard and how many there are, such as 1/16".into(),
            );
        };
        Self::new(number, of).ok_or_else(|| match of {
            0 => "there must be at least one shard, as in 1/1".into(),
            of if of > SHARDS_MAX => format!("more than {SHARDS_MAX} shards"),
            of => format!("the shards of {of} are 1/{of} to {of}/{of}"),
        })
    }
}

impl ConnectionKey {
    /// Returns the hash by which conversations are divided among shards. It is the same for both
    /// directions, in every run and on every machine.
    pub fn shard_hash(&self) -> u64 {
        let has_ports = matches!(self.protocol, TCP | UDP);
        let mut low = EndText::of(self.low, has_ports);
        let mut high = EndText::of(self.high, has_ports);
        if high.bytes() < low.bytes() {
            std::mem::swap(&mut low, &mut high);
        }
        let mut digits = itoa::Buffer::new();
        let protocol = digits.format(self.protocol);
        let parts = [low.bytes(), b" ", high.bytes(), b" ", protocol.as_bytes()];
        parts.into_iter().fold(FNV_BASIS, fnv_1a)
    }
}

/// The hash of no bytes.
pub(crate) const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// Returns the hash of the bytes before these and these.
pub(crate) fn fnv_1a(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, step)
}

/// The text of one end, in place: it is needed for each record.
struct EndText {
    text: [u8; Self::LEN_MAX],
    len: usize,
}

impl EndText {
    /// The longest IPv6 address, with IPv4 in it, and a port.
    const LEN_MAX: usize = 45 + 1 + 5;

    fn of(end: Endpoint, has_ports: bool) -> Self {
        let mut text = Self {
            text: [0; Self::LEN_MAX],
            len: 0,
        };
        let mut digits = itoa::Buffer::new();
        match end.address {
            IpAddr::V4(address) => {
                for (i, byte) in address.octets().into_iter().enumerate() {
                    if i > 0 {
                        text.push(".");
                    }
                    text.push(digits.format(byte));
                }
            }
            // Every address has room.
            IpAddr::V6(address) => _ = write!(text, "{address}"),
        }
        text.push(" ");
        text.push(digits.format(if has_ports { end.port } else { 0 }));
        text
    }

    fn push(&mut self, word: &str) {
        let end = (self.len + word.len()).min(Self::LEN_MAX);
        self.text[self.len..end].copy_from_slice(&word.as_bytes()[..end - self.len]);
        self.len = end;
    }

    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl std::fmt::Write for EndText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::FiveTuple;

    fn end(address: &str, port: u16) -> Endpoint {
        Endpoint {
            address: address.parse().unwrap(),
            port,
        }
    }

    fn key(a: (&str, u16), b: (&str, u16), protocol: u8) -> ConnectionKey {
        let tuple = FiveTuple {
            source: end(a.0, a.1),
            destination: end(b.0, b.1),
            protocol,
        };
        tuple.key().0
    }

    /// The hash of a text, as its authors define it: <http://www.isthe.com/chongo/tech/comp/fnv/>.
    fn of_text(text: &str) -> u64 {
        fnv_1a(FNV_BASIS, text.as_bytes())
    }

    #[test]
    fn hash_is_fnv_1a_with_64_bits() {
        assert_eq!(of_text("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(of_text("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn text_has_both_ends_in_order_of_their_bytes() {
        for (key, text) in [
            (
                key(("198.51.100.23", 51_544), ("10.0.1.20", 443), 6),
                "10.0.1.20 443 198.51.100.23 51544 6",
            ),
            // As text, unlike as a number, 10 comes before 9, and port 80 after port 443.
            (
                key(("9.0.0.1", 53), ("10.0.0.1", 53), 17),
                "10.0.0.1 53 9.0.0.1 53 17",
            ),
            (
                key(("10.0.0.1", 80), ("10.0.0.1", 443), 6),
                "10.0.0.1 443 10.0.0.1 80 6",
            ),
            (
                key(("2001:db8::2", 1), ("2001:db8::10", 2), 58),
                "2001:db8::10 0 2001:db8::2 0 58",
            ),
        ] {
            assert_eq!(key.shard_hash(), of_text(text), "{text}");
        }
    }

    #[test]
    fn longest_address_has_room() {
        let long = "2001:1db8:1111:2222:3333:4444:5555:6666";
        let mapped = "::ffff:255.255.255.255";
        let key = key((long, u16::MAX), (mapped, u16::MAX), 6);
        let text = format!("{long} 65535 {mapped} 65535 6");
        let other = format!("{mapped} 65535 {long} 65535 6");
        let ordered = text.min(other);
        assert_eq!(key.shard_hash(), of_text(&ordered));
    }

    #[test]
    fn shard_is_written_as_a_fraction() {
        assert_eq!("2/16".parse::<Shard>().ok(), Shard::new(2, 16));
        for (text, message) in [
            ("0/4", "the shards of 4 are 1/4 to 4/4"),
            ("5/4", "the shards of 4 are 1/4 to 4/4"),
            ("1/0", "there must be at least one shard, as in 1/1"),
            ("1/100001", "more than 100000 shards"),
            (
                "3",
                "expected the number of a shard and how many there are, such as 1/16",
            ),
            (
                "a/b",
                "expected the number of a shard and how many there are, such as 1/16",
            ),
        ] {
            assert_eq!(text.parse::<Shard>(), Err(message.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn each_conversation_is_in_one_shard(
            low: [u8; 4], high: [u8; 16], ports: (u16, u16), protocol: u8, of in 1_u32..40,
        ) {
            let key = ConnectionKey {
                low: Endpoint { address: low.into(), port: ports.0 },
                high: Endpoint { address: high.into(), port: ports.1 },
                protocol,
            };
            let shards = (1..=of).filter_map(|number| Shard::new(number, of));
            prop_assert_eq!(shards.filter(|shard| shard.has(&key)).count(), 1);
            // The packets of both directions have the same ends.
            let reversed = ConnectionKey { low: key.high, high: key.low, protocol };
            prop_assert_eq!(key.shard_hash(), reversed.shard_hash());
        }
    }
}
