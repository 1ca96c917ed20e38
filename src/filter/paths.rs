//! Prunes files that cannot match, by their paths alone.
//!
//! AWS puts account, region and time into the path of each file, so most of an archive need not be
//! opened for one hour of it. A path that does not follow AWS's scheme prunes nothing.
//!
//! The account in a path is the owner of the flow log. Records name the owner of the ENI, which can
//! be another account where a VPC is shared. To find those records, filter by the account in the
//! path.

use std::ops::Range;

use super::Filter;
use super::expression::RecordFacts;
use super::time::Bound;
use crate::archive::{File, s3_path};
use crate::time::SECOND_NS;

/// How far beyond the documented limits a file's records may lie from the time in its path, because
/// a record was delivered late or a clock is off.
///
/// AWS documents that a file holds the records whose `end` lies in its slot, and that they began up
/// to ten minutes earlier. AWS gives ten minutes as the usual delivery time, so a record that
/// missed its slot by all of that time is still found.
pub const MARGIN_S: i64 = 600;

/// The longest aggregation interval of a record.
const INTERVAL_S: i64 = 600;

/// Files divided into those that may match and those that cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Files to read, in their original order.
    pub files: Vec<File>,
    /// Files that cannot match.
    pub pruned: RuledOut,
    /// Start of the newest slot among the paths, in nanoseconds since the Unix epoch. A relative
    /// time counts from the newest record, or from this instant if it is later.
    pub newest_slot_ns: Option<i64>,
    /// The earliest start and the latest end that the time range can have, in nanoseconds since the
    /// Unix epoch; `None` if the filter has no time range.
    pub wanted: Option<Range<i64>>,
}

/// Files that are not opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuledOut {
    /// The number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl RuledOut {
    fn count(&mut self, file: &File) {
        self.files += 1;
        self.bytes += file.len;
    }
}

impl Filter {
    /// Prunes the files that cannot match.
    pub fn sift(&self, files: Vec<File>) -> Sifted {
        let mut sifted = Sifted::default();
        if self.wants_all() {
            sifted.files = files;
            return sifted;
        }
        let (possible, others) = files.into_iter().partition(|file| self.may_match(file));
        sifted.files = possible;
        others.iter().for_each(|file| sifted.pruned.count(file));
        let filed: Vec<_> = sifted.files.iter().map(filed_ns).collect();
        sifted.newest_slot_ns = filed.iter().flatten().map(|filed| filed.start).max();
        let wanted = self.wanted(&filed, sifted.newest_slot_ns);
        let has_bound = self.from.is_some() || self.to.is_some();
        sifted.wanted = has_bound.then(|| wanted.clone());
        let mut filed = filed.into_iter();
        let pruned = &mut sifted.pruned;
        sifted.files.retain(|file| {
            let reach = filed.next().flatten().map(reach);
            let may_match = reach.is_none_or(|reach| overlap(&wanted, &reach));
            if !may_match {
                pruned.count(file);
            }
            may_match
        });
        sifted
    }

    /// Whether a file in a folder can match, whose path ends in `/` and follows AWS's scheme or not. Where it
    /// depends on the newest record, it can.
    pub(crate) fn may_match_below(&self, folder: &str) -> bool {
        let Some(path) = s3_path::parse_folder(folder) else {
            return true;
        };
        let facts = RecordFacts {
            path: Some(path),
            ..RecordFacts::default()
        };
        let bound = |bound: Option<Bound>, other: i64| match bound {
            Some(at @ Bound::At(_)) => at.at(0),
            _ => other,
        };
        let wanted = bound(self.from, i64::MIN)..bound(self.to, i64::MAX);
        let is_then = |(from, to): (i64, i64)| {
            let ns = |s: i64| s.saturating_mul(SECOND_NS);
            overlap(&wanted, &reach(ns(from)..ns(to)))
        };
        self.verdict(&facts) != Some(false) && path.filed_s.is_none_or(is_then)
    }

    fn may_match(&self, file: &File) -> bool {
        let facts = RecordFacts {
            path: s3_path::parse(&file.name),
            ..RecordFacts::default()
        };
        self.verdict(&facts) != Some(false)
    }

    /// Returns the earliest start and the latest end that the time range can have, before any
    /// record is read.
    fn wanted(&self, filed: &[Option<Range<i64>>], newest_slot_ns: Option<i64>) -> Range<i64> {
        let start = match (self.from, newest_slot_ns) {
            (Some(from @ Bound::At(_)), _) => from.at(0),
            (Some(from), Some(newest_ns)) => from.at(newest_ns),
            (Some(Bound::BeforeNewest(_)) | None, _) => i64::MIN,
        };
        // A file without a time in its path may hold a record newer than all others.
        let latest = filed.iter().map(|filed| Some(reach(filed.clone()?).end));
        let latest = latest.collect::<Option<Vec<i64>>>();
        let latest = latest.and_then(|all| all.into_iter().max());
        let end = match (self.to, latest) {
            (Some(to @ Bound::At(_)), _) => to.at(0),
            (Some(to), Some(newest_ns)) => to.at(newest_ns),
            (Some(Bound::BeforeNewest(_)) | None, _) => i64::MAX,
        };
        start..end
    }
}

/// Whether records that began and ended within `times`, including its last instant, can matter to
/// the time range `wanted`. Applies the same margin as for files, so that the same part of a
/// connection is read from every file format.
pub fn may_tell(wanted: &Range<i64>, times: &Range<i64>) -> bool {
    let until = times.end.saturating_add(SECOND_NS);
    overlap(wanted, &reach(times.start..until))
}

fn overlap(one: &Range<i64>, other: &Range<i64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Returns the time slot in a file's path, in nanoseconds since the Unix epoch. Its records ended
/// in that slot.
fn filed_ns(file: &File) -> Option<Range<i64>> {
    let filed = s3_path::parse(&file.name)?.filed_s?;
    let ns = |s: i64| s.saturating_mul(SECOND_NS);
    Some(ns(filed.0)..ns(filed.1))
}

/// Returns the time that records may cover if they ended within `filed`.
fn reach(filed: Range<i64>) -> Range<i64> {
    let earlier = (INTERVAL_S + MARGIN_S) * SECOND_NS;
    let later = MARGIN_S * SECOND_NS;
    filed.start.saturating_sub(earlier)..filed.end.saturating_add(later)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Returns the files of one day's archive: one for each slot, 10 bytes each.
    fn day() -> Vec<File> {
        let slots = (0..288).map(|slot| {
            let (hour, minute) = (slot / 12, slot % 12 * 5);
            format!("a/111122223333_vpcflowlogs_us-east-1_fl-0a_20260314T{hour:02}{minute:02}Z_ab.log.gz")
        });
        slots.map(|name| file(&name)).collect()
    }

    fn file(name: &str) -> File {
        let mut file = File::typed(PathBuf::from(name), None);
        (file.len, file.is_typed) = (10, false);
        file
    }

    fn filter(condition: &str, from: &str, to: &str) -> Filter {
        let bound = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Filter {
            condition: (!condition.is_empty()).then(|| condition.parse().unwrap()),
            from: bound(from),
            to: bound(to),
            only_matching: false,
        }
    }

    /// Returns the first and the last slot that are read, and the number of files.
    fn read(filter: &Filter, files: Vec<File>) -> (String, String, usize) {
        let before = files.len();
        let sifted = filter.sift(files);
        let slot = |file: &File| file.name.split('_').nth(4).unwrap()[9..13].to_owned();
        let files = &sifted.files;
        assert_eq!(sifted.pruned.files, (before - files.len()) as u64);
        assert_eq!(sifted.pruned.bytes, 10 * sifted.pruned.files);
        (slot(&files[0]), slot(files.last().unwrap()), files.len())
    }

    #[test]
    fn folder_is_pruned_only_if_no_file_in_it_can_match() {
        let region = "AWSLogs/111122223333/vpcflowlogs/us-east-1/";
        let may =
            |filter: &Filter, below: &str| filter.may_match_below(&format!("{region}{below}"));
        let hour = filter("", "2026-03-14T00:05:00Z", "2026-03-14T01:00:00Z");
        for below in [
            "",
            "2026/",
            "2026/03/",
            "2026/03/13/",
            "2026/03/13/23/",
            "2026/03/14/01/",
        ] {
            assert!(may(&hour, below), "{below}");
        }
        for below in [
            "2025/",
            "2026/02/",
            "2026/03/12/",
            "2026/03/13/22/",
            "2026/03/14/03/",
        ] {
            assert!(!may(&hour, below), "{below}");
        }
        assert!(!may(&filter("region us-west-2", "", ""), "2026/"));
        assert!(may(&filter("", "-2h", ""), "2001/"));
        assert!(hour.may_match_below("AWSLogs/111122223333/CloudTrail/us-east-1/2001/"));
    }

    #[test]
    fn one_hour_of_a_day_opens_less_than_a_tenth_of_the_files() {
        let hour = filter("", "2026-03-14T02:00", "2026-03-14T03:00");
        let expected = ("0150".to_owned(), "0315".to_owned(), 18);
        assert_eq!(read(&hour, day()), expected);
    }

    #[test]
    fn relative_times_count_from_the_newest_slot() {
        let last = read(&filter("", "-1h", ""), day());
        assert_eq!(last, ("2245".to_owned(), "2355".to_owned(), 15));
        let all_but_last = read(&filter("", "", "-1h"), day());
        assert_eq!(all_but_last.1, "2325");
        let mut files = day();
        files.push(file("b/whenever.log"));
        assert_eq!(filter("", "", "-1h").sift(files).files.len(), 289);
    }

    #[test]
    fn account_and_region_in_the_path_prune_whole_folders() {
        let mut files = day();
        files.push(file(
            "AWSLogs/999988887777/vpcflowlogs/eu-west-1/2026/03/14/renamed.log",
        ));
        files.push(file("unknown.log"));
        let left = |condition: &str| filter(condition, "", "").sift(files.clone()).files.len();
        assert_eq!(left("account 999988887777"), 2);
        assert_eq!(left("region us-east-1"), 289);
        assert_eq!(left("not region us-east-1 and port 443"), 2);
        assert_eq!(left("region us-east-1 or port 443"), 290);
    }

    #[test]
    fn empty_filter_opens_every_file() {
        assert_eq!(Filter::default().sift(day()).files.len(), 288);
    }
}
