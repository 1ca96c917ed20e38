//! A reader of the text format of OpenMetrics 1.0 that forgives nothing.
//!
//! Written from the grammar in its specification, for gauges with timestamps. It panics where a
//! rule is broken: names, escapes, one block a family, points of one series together and in order
//! of time, a unit that ends its family's name, and `# EOF` at the very end.

use std::collections::{BTreeMap, BTreeSet};

/// A metric family.
#[derive(Debug)]
pub(crate) struct Family {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: String,
    /// Its points.
    pub(crate) samples: Vec<Sample>,
}

/// One point.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The labels, unescaped.
    pub(crate) labels: BTreeMap<String, String>,
    /// The value.
    pub(crate) value: f64,
    /// The timestamp, seconds since the Unix epoch.
    pub(crate) at_s: i64,
}

/// The families of a text.
pub(crate) fn read(text: &str) -> Vec<Family> {
    let body = text.strip_suffix("# EOF\n").expect("the end is marked");
    let mut families: Vec<Family> = Vec::new();
    let mut told = BTreeSet::new();
    for line in body.lines() {
        let Some(metadata) = line.strip_prefix("# ") else {
            let family = families.last_mut().expect("a family is declared first");
            sample(line, family);
            continue;
        };
        let (keyword, rest) = metadata.split_once(' ').unwrap();
        let (name, value) = rest.split_once(' ').unwrap();
        if families.last().is_none_or(|family| family.name != name) {
            assert!(is_name(name, ":_"), "{name}");
            assert!(
                families.iter().all(|family| family.name != name),
                "{name} stands twice"
            );
            families.push(Family {
                name: name.to_owned(),
                kind: "unknown".to_owned(),
                samples: Vec::new(),
            });
        }
        let family = families.last_mut().unwrap();
        assert!(
            family.samples.is_empty(),
            "metadata stand before samples: {line}"
        );
        assert!(
            told.insert((keyword.to_owned(), name.to_owned())),
            "twice: {line}"
        );
        match keyword {
            "TYPE" => value.clone_into(&mut family.kind),
            "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
            "HELP" => assert!(!value.contains(['"', '\\']), "{line}"),
            other => panic!("{other} is no keyword"),
        }
    }
    families
}

fn sample(line: &str, family: &mut Family) {
    let rest = line
        .strip_prefix(&family.name)
        .expect("a sample of the family declared last");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), rest),
    };
    let numbers: Vec<&str> = rest.strip_prefix(' ').unwrap().split(' ').collect();
    let [value, at_s] = numbers[..] else {
        panic!("a value and a timestamp: {line}");
    };
    let sample = Sample {
        labels,
        value: value.parse().unwrap(),
        at_s: at_s.parse().unwrap(),
    };
    let earlier = family
        .samples
        .iter()
        .rposition(|s| s.labels == sample.labels);
    if let Some(at) = earlier {
        assert_eq!(at + 1, family.samples.len(), "interleaved: {line}");
        assert!(
            family.samples[at].at_s < sample.at_s,
            "back in time: {line}"
        );
    }
    family.samples.push(sample);
}

/// The labels behind an opening brace, and what stands behind the closing one.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_once("=\"").unwrap();
        assert!(is_name(name, "_"), "{name}");
        let (value, behind) = quoted(behind);
        assert_eq!(
            labels.insert(name.to_owned(), value),
            None,
            "{name} stands twice"
        );
        match behind.split_at(1) {
            (",", behind) => rest = behind,
            ("}", behind) => return (labels, behind),
            (other, _) => panic!("{other} behind a label"),
        }
    }
}

/// The text up to a closing quote, unescaped, and what stands behind it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().unwrap().1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                other => panic!("\\{other} is no escape"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote in {text}");
}

/// Whether this is a name of letters, digits and these, which does not begin with a digit.
fn is_name(text: &str, others: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    !text.is_empty() && text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit())
}
