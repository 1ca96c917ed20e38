//! What an archive has of that which a filter names, noted while records are read.
//!
//! When nothing matches, two things help: the names that the archive has instead of the one that was
//! given, and which part of the filter excludes the records. Both are noted in the one pass that
//! reads. Names are noted of every record; parts are counted only until one record matches all of
//! them, so a filter that finds something costs no more than before.
//!
//! What is noted is bounded, and adds up to the same in any order of the blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::expression::{Expression, Name, RecordFacts, Term};

/// Names of one kind that are kept to be listed; the lowest ones stay.
const NAMES_MAX: usize = 1_000;

/// Names that begin as one filter word asks; one too many is enough to refuse it.
const CANDIDATES_MAX: usize = 50;

/// Bytes of a name that are kept.
const NAME_LEN_MAX: usize = 200;

/// Parts of a filter that are counted; more are read and not explained.
const PARTS_MAX: usize = 32;

/// Looks at records for one filter.
#[derive(Debug, Default)]
pub struct FilterWatch<'a> {
    /// The names that the filter asks for.
    wanted: Vec<WantedName<'a>>,
    /// What they are names of, once each.
    kinds: Vec<Name>,
    /// The conditions that must all hold.
    parts: Vec<&'a Expression>,
    /// Whether a record matched all of them.
    is_matched: AtomicBool,
}

/// A name that a filter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedName<'a> {
    /// What it is the name of.
    pub name: Name,
    /// The name, or its beginning.
    pub text: &'a str,
    /// Whether it may be the beginning only.
    pub is_beginning: bool,
    /// Whether records with that name are excluded.
    pub is_excluded: bool,
}

/// What was noted of some records in a row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Noticed {
    /// Records that match the condition.
    pub matching: u64,
    /// Records in all, until one matched.
    pub records: u64,
    /// Of each part, how many records match it.
    parts: Vec<PartCounts>,
    names: BTreeMap<Name, BTreeSet<String>>,
    /// Of each name that is wanted, those that fit.
    fitting: Vec<BTreeSet<String>>,
    /// The name noted last of each kind: records of one ENI come in a row.
    #[serde(skip)]
    last: Vec<Vec<u8>>,
}

/// How many records match one part of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartCounts {
    /// Records that match it.
    pub alone: u64,
    /// Records that match all other parts.
    pub others: u64,
    /// Records that lack the field that it looks at.
    pub missing: u64,
}

/// What a name turned out to be, when all is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFound {
    /// One name of the archive.
    One,
    /// The name of one and the beginning of these others.
    OneAndBeginning(Vec<String>),
    /// The beginning of several; these are some.
    Several(Vec<String>),
    /// None; the archive has these, the lowest ones if there are many.
    Unknown(Vec<String>),
}

impl Expression {
    /// Calls `each` with every condition in it, and whether that is excluded.
    fn each_term<'a>(&'a self, is_excluded: bool, each: &mut impl FnMut(&'a Term, bool)) {
        match self {
            Self::Term(term) => each(term, is_excluded),
            Self::Not(inner) => inner.each_term(!is_excluded, each),
            Self::All(list) | Self::Any(list) => {
                list.iter().for_each(|e| e.each_term(is_excluded, each));
            }
        }
    }

    /// The same, each name in it being a whole one.
    #[must_use]
    pub fn with_whole_names(&self) -> Self {
        let each = |list: &[Self]| list.iter().map(Self::with_whole_names).collect();
        match self {
            Self::Term(Term::Begins(name, text)) => Self::Term(Term::Is(*name, text.clone())),
            Self::Term(term) => Self::Term(term.clone()),
            Self::Not(inner) => Self::Not(Box::new(inner.with_whole_names())),
            Self::All(list) => Self::All(each(list)),
            Self::Any(list) => Self::Any(each(list)),
        }
    }

    /// Puts the conditions that must all hold into `parts`.
    fn flatten<'a>(&'a self, parts: &mut Vec<&'a Self>) {
        match self {
            Self::All(list) => list.iter().for_each(|part| part.flatten(parts)),
            part => parts.push(part),
        }
    }
}

impl<'a> FilterWatch<'a> {
    /// Watches for `condition`; for nothing without one.
    pub fn new(condition: Option<&'a Expression>) -> Self {
        let mut watch = Self::default();
        let Some(condition) = condition else {
            return watch;
        };
        condition.flatten(&mut watch.parts);
        watch.parts.truncate(PARTS_MAX);
        condition.each_term(false, &mut |term, is_excluded| {
            let (name, text, is_beginning) = match term {
                Term::Is(name, text) => (*name, text, false),
                Term::Begins(name, text) => (*name, text, true),
                _ => return,
            };
            let wanted = WantedName {
                name,
                text,
                is_beginning,
                is_excluded,
            };
            if !watch.wanted.contains(&wanted) {
                watch.wanted.push(wanted);
            }
            if !watch.kinds.contains(&name) {
                watch.kinds.push(name);
            }
        });
        watch
    }

    /// The conditions that must all hold.
    pub fn parts(&self) -> &[&'a Expression] {
        &self.parts
    }

    /// The names in the filter.
    pub fn wanted(&self) -> &[WantedName<'a>] {
        &self.wanted
    }

    /// Notes the names that a record and its path give.
    #[inline]
    pub fn note_names(&self, noticed: &mut Noticed, facts: &RecordFacts<'_>) {
        if !self.kinds.is_empty() {
            self.note_each(noticed, facts);
        }
    }

    fn note_each(&self, noticed: &mut Noticed, facts: &RecordFacts<'_>) {
        noticed.last.resize(self.kinds.len(), Vec::new());
        for (index, kind) in self.kinds.iter().enumerate() {
            kind.each_given(facts, |name| {
                if noticed.last[index] != name {
                    noticed.last[index].clear();
                    noticed.last[index].extend_from_slice(name);
                    self.note(noticed, *kind, name);
                }
            });
        }
    }

    /// Notes one name, such as that of a path which is not opened.
    pub fn note(&self, noticed: &mut Noticed, kind: Name, name: &[u8]) {
        let kept = String::from_utf8_lossy(&name[..name.len().min(NAME_LEN_MAX)]);
        noticed.fitting.resize(self.wanted.len(), BTreeSet::new());
        for (wanted, fitting) in self.wanted.iter().zip(&mut noticed.fitting) {
            let fits = match wanted.is_beginning {
                true => name.starts_with(wanted.text.as_bytes()),
                false => name == wanted.text.as_bytes(),
            };
            if wanted.name == kind && fits {
                keep(fitting, &kept, CANDIDATES_MAX);
            }
        }
        keep(noticed.names.entry(kind).or_default(), &kept, NAMES_MAX);
    }

    /// Counts which parts a record matches, until one matches all of them.
    #[inline]
    pub fn count(&self, noticed: &mut Noticed, facts: &RecordFacts<'_>, matches: Option<bool>) {
        if self.parts.is_empty() {
            return;
        }
        if matches == Some(true) {
            noticed.matching += 1;
            if !self.is_matched.load(Relaxed) {
                self.is_matched.store(true, Relaxed);
            }
        } else if !self.is_matched.load(Relaxed) {
            self.count_parts(noticed, facts);
        }
    }

    fn count_parts(&self, noticed: &mut Noticed, facts: &RecordFacts<'_>) {
        noticed.records += 1;
        noticed
            .parts
            .resize(self.parts.len(), PartCounts::default());
        let (mut failing, mut failed) = (0, 0);
        for (index, part) in self.parts.iter().enumerate() {
            match part.verdict(facts) {
                Some(true) => noticed.parts[index].alone += 1,
                verdict => {
                    noticed.parts[index].missing += u64::from(verdict.is_none());
                    (failing, failed) = (failing + 1, index);
                }
            }
        }
        if failing == 1 {
            noticed.parts[failed].others += 1;
        }
    }

    /// What each name turned out to be, in the order of [`wanted`](Self::wanted).
    pub fn found(&self, noticed: &Noticed) -> Vec<NameFound> {
        let wanted = self.wanted.iter().enumerate();
        let found = wanted.map(|(index, wanted)| {
            let fitting = noticed.fitting.get(index);
            let fitting: Vec<String> = fitting.into_iter().flatten().cloned().collect();
            match &fitting[..] {
                [] => {
                    let known = noticed.names.get(&wanted.name);
                    NameFound::Unknown(known.into_iter().flatten().cloned().collect())
                }
                [_] => NameFound::One,
                [first, others @ ..] if first == wanted.text => {
                    NameFound::OneAndBeginning(others.to_vec())
                }
                _ => NameFound::Several(fitting),
            }
        });
        found.collect()
    }
}

impl Noticed {
    /// How many records match each part, in the order of [`FilterWatch::parts`].
    pub fn parts(&self) -> &[PartCounts] {
        &self.parts
    }

    /// Adds what was noted of other records of the same filter.
    pub fn append(&mut self, later: Self) {
        self.matching = self.matching.saturating_add(later.matching);
        self.records = self.records.saturating_add(later.records);
        let parts_len = self.parts.len().max(later.parts.len());
        self.parts.resize(parts_len, PartCounts::default());
        for (own, more) in self.parts.iter_mut().zip(later.parts) {
            own.alone = own.alone.saturating_add(more.alone);
            own.others = own.others.saturating_add(more.others);
            own.missing = own.missing.saturating_add(more.missing);
        }
        for (name, more) in later.names {
            let own = self.names.entry(name).or_default();
            more.iter().for_each(|name| keep(own, name, NAMES_MAX));
        }
        let fitting_len = self.fitting.len().max(later.fitting.len());
        self.fitting.resize(fitting_len, BTreeSet::new());
        for (own, more) in self.fitting.iter_mut().zip(later.fitting) {
            more.iter().for_each(|name| keep(own, name, CANDIDATES_MAX));
        }
    }
}

/// Keeps the lowest `max` names.
fn keep(names: &mut BTreeSet<String>, name: &str, max: usize) {
    if !names.contains(name) {
        names.insert(name.to_owned());
        if names.len() > max {
            names.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(watch: &FilterWatch<'_>, names: &[&str]) -> Noticed {
        let mut noticed = Noticed::default();
        for name in names {
            watch.note(&mut noticed, Name::Eni, name.as_bytes());
        }
        noticed
    }

    #[track_caller]
    fn check(filter: &str, names: &[&str], expected: &NameFound) {
        let expression: Expression = filter.parse().unwrap();
        let watch = FilterWatch::new(Some(&expression));
        assert_eq!(
            &watch.found(&noticed(&watch, names))[0],
            expected,
            "{filter}"
        );
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn name_is_one_of_the_archive_or_begins_one() {
        let names = ["eni-1", "eni-10", "eni-2a", "eni-2b"];
        check("eni eni-10", &names, &NameFound::One);
        check("not eni eni-2a", &names, &NameFound::One);
        let both = NameFound::OneAndBeginning(texts(&["eni-10"]));
        check("eni eni-1", &names, &both);
        let several = NameFound::Several(texts(&["eni-2a", "eni-2b"]));
        check("port 1 and eni eni-2", &names, &several);
        check("eni eni-3", &names, &NameFound::Unknown(texts(&names)));
        check("vpc vpc-3", &names, &NameFound::Unknown(Vec::new()));
    }

    #[test]
    fn names_that_are_kept_do_not_depend_on_order_and_the_exact_one_stays() {
        let expression: Expression = "eni e".parse().unwrap();
        let watch = FilterWatch::new(Some(&expression));
        let names: Vec<String> = (0..3_000).map(|n| format!("e{n:04}")).collect();
        let (mut there, mut back) = (Noticed::default(), Noticed::default());
        for name in &names {
            watch.note(&mut there, Name::Eni, name.as_bytes());
        }
        for part in names.chunks(700).rev() {
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            back.append(noticed(&watch, &part));
        }
        assert_eq!(watch.found(&there), watch.found(&back));
        assert_eq!(there.names, back.names);
        assert_eq!(there.names[&Name::Eni].len(), NAMES_MAX);
        back.append(noticed(&watch, &["e"]));
        assert!(matches!(
            &watch.found(&back)[..],
            [NameFound::OneAndBeginning(others)] if others.len() == CANDIDATES_MAX - 1
        ));
    }

    #[test]
    fn parts_of_nested_conditions_that_must_all_hold_are_told_apart() {
        let expression = Expression::All(vec![
            "port 80 or port 81".parse().unwrap(),
            "tcp and (reject and not egress)".parse().unwrap(),
        ]);
        let watch = FilterWatch::new(Some(&expression));
        let parts: Vec<String> = watch.parts().iter().map(ToString::to_string).collect();
        assert_eq!(parts, ["port 80 or port 81", "tcp", "reject", "not egress"]);
    }
}
