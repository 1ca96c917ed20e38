//! What a file is called until it has its own name.
//!
//! `.flow2pcap-LETTERS.part` leads a run, whose letters these are, and its lock says whether the run
//! goes on; `.flow2pcap-LETTERS-MORE.part` follows it. With `-old` at the end it is one whose name
//! another file gets.

/// What all passing names begin with; one run's own letters follow, and in files that follow
/// another one, a hyphen and more letters.
pub(super) const PREFIX: &str = ".flow2pcap-";

/// What all passing names end with.
pub(super) const SUFFIX: &str = ".part";

/// What is before [`SUFFIX`] in the passing name of a file whose name another file gets.
const OLDER: &str = "-old";

/// The letters of the run that a passing name belongs to.
pub(super) fn letters(name: &str) -> Option<&str> {
    let own = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    own.split('-').next()
}

/// What the file is called whose lock says that the run of these letters goes on.
pub(super) fn leader(letters: &str) -> String {
    format!("{PREFIX}{letters}{SUFFIX}")
}

/// What the names of files begin with that follow the leader of these letters.
pub(super) fn followers(letters: &str) -> String {
    format!("{PREFIX}{letters}-")
}

/// What the file is called whose name the one with this passing name gets.
pub(super) fn older(passing: &str) -> String {
    let own = passing.strip_suffix(SUFFIX).unwrap_or(passing);
    format!("{own}{OLDER}{SUFFIX}")
}

/// Whether a passing name is that of a file which another one has replaced.
pub(super) fn is_older(name: &str) -> bool {
    let own = name.strip_suffix(SUFFIX);
    own.is_some_and(|own| own.ends_with(OLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_they_are() {
        let leader = leader("AbCdEf");
        let follower = format!("{}x1{SUFFIX}", followers("AbCdEf"));
        for name in [&leader, &follower, &older(&leader), &older(&follower)] {
            assert_eq!(letters(name), Some("AbCdEf"), "{name}");
        }
        assert!(is_older(&older(&leader)) && is_older(&older(&follower)));
        assert!(!is_older(&leader) && !is_older(&follower));
        assert_eq!(letters("out.part"), None);
        assert_eq!(letters(".flow2pcap-notes.txt"), None);
    }
}
