//! The temporary name of a file until it has its final name.
//!
//! `.flow2pcap-LETTERS.part` is the leader of a run with these letters, and its lock shows whether
//! the run is still going. `.flow2pcap-LETTERS-MORE.part` is a follower of it. A name with `-old`
//! at the end belongs to a file that another file is replacing.

/// The beginning of all temporary names. The run's own letters follow, and for followers also a
/// hyphen and more letters.
pub(super) const PREFIX: &str = ".flow2pcap-";

/// The end of all temporary names.
pub(super) const SUFFIX: &str = ".part";

/// The text before [`SUFFIX`] in the temporary name of a file that another file is replacing.
const OLDER: &str = "-old";

/// Returns the letters of the run that a temporary name belongs to.
pub(super) fn letters(name: &str) -> Option<&str> {
    let own = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    own.split('-').next()
}

/// Returns the name of the file whose lock shows that the run with these letters is still going.
pub(super) fn leader(letters: &str) -> String {
    format!("{PREFIX}{letters}{SUFFIX}")
}

/// Returns the beginning of the names of files that follow the leader with these letters.
pub(super) fn followers(letters: &str) -> String {
    format!("{PREFIX}{letters}-")
}

/// Returns the temporary name of the file that the file with this temporary name replaces.
pub(super) fn older(passing: &str) -> String {
    let own = passing.strip_suffix(SUFFIX).unwrap_or(passing);
    format!("{own}{OLDER}{SUFFIX}")
}

/// Whether a temporary name belongs to a file that another one has replaced.
pub(super) fn is_older(name: &str) -> bool {
    let own = name.strip_suffix(SUFFIX);
    own.is_some_and(|own| own.ends_with(OLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_identify_their_run() {
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
