//! Notices events that were delivered more than once.

use hashbrown::HashSet;

/// The identifiers of events, so that each event counts once.
///
/// Trails deliver the same event again: a retry, two trails, an organization trail beside that of an
/// account. Identifiers are kept as hashes of 128 bits. There is room for [`EventIds::MAX`] of them,
/// 32 MiB; an event that comes after so many counts as new.
#[derive(Clone, Debug, Default)]
pub struct EventIds {
    known: HashSet<u128>,
}

impl EventIds {
    /// The number of identifiers that are kept.
    pub const MAX: usize = 1 << 20;

    /// Notes an event. Returns whether it is new.
    pub fn note(&mut self, id: u128) -> bool {
        if self.known.len() >= Self::MAX && !self.known.contains(&id) {
            return true;
        }
        self.known.insert(id)
    }

    /// Returns the hash of an identifier. A UUID is its own.
    pub fn hash(id: &str) -> u128 {
        let hex = id.bytes().filter(|byte| *byte != b'-');
        let mut value = 0_u128;
        let mut digits = 0;
        for byte in hex {
            let Some(digit) = char::from(byte).to_digit(16) else {
                return fnv(id);
            };
            value = value << 4 | u128::from(digit);
            digits += 1;
        }
        if digits == 32 { value } else { fnv(id) }
    }
}

/// Hashes a text by FNV-1a with 128 bits.
fn fnv(text: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    text.bytes().fold(OFFSET, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_new_once() {
        let mut ids = EventIds::default();
        let id = EventIds::hash("6c3021c3-5697-431c-a27e-2427f30d67f4");
        assert_eq!(id, 0x6c30_21c3_5697_431c_a27e_2427_f30d_67f4);
        assert!(ids.note(id));
        assert!(!ids.note(id));
        assert!(ids.note(EventIds::hash("not-a-uuid")));
        assert!(!ids.note(EventIds::hash("not-a-uuid")));
    }
}
