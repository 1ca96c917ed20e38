//! Text of the page in pieces: names that must not be broken across lines, and links into the AWS
//! console.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextPiece {
    /// The text.
    pub(super) text: String,
    /// Whether it stays on one line.
    pub(super) is_name: bool,
    /// The page of the AWS console that shows it.
    pub(super) link: Option<String>,
}

/// The regions of the ids that have a page in the AWS console.
#[derive(Clone, Copy)]
pub(super) struct Console<'a>(pub(super) &'a BTreeMap<String, String>);

impl Console<'_> {
    /// Returns a text in pieces: ids, addresses and instants are pieces of their own.
    pub(super) fn pieces(self, text: &str) -> Vec<TextPiece> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches(['.', ':']);
            if word.is_empty() {
                plain.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            rest = &rest[word.len()..];
            if !is_name(word) {
                plain.push_str(word);
                continue;
            }
            if !plain.is_empty() {
                pieces.push(TextPiece {
                    text: std::mem::take(&mut plain),
                    is_name: false,
                    link: None,
                });
            }
            pieces.push(TextPiece {
                text: word.to_owned(),
                is_name: true,
                link: self.0.get(word).and_then(|region| link(word, region)),
            });
        }
        if !plain.is_empty() {
            pieces.push(TextPiece {
                text: plain,
                is_name: false,
                link: None,
            });
        }
        pieces
    }
}

/// Whether a character may be part of a name.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.')
}

/// Whether a line break within this word would tear a name apart.
fn is_name(word: &str) -> bool {
    id_kind(word).is_some() || word.parse::<IpAddr>().is_ok() || is_instant(word)
}

/// Whether a word is an instant as RFC 3339 has it, in UTC.
fn is_instant(word: &str) -> bool {
    let is_date = |word: &str| word.len() > 18 && word.as_bytes()[10] == b'T';
    word.len() <= 30 && word.is_ascii() && is_date(word) && word.ends_with('Z')
}

/// Returns what an id of AWS is of, such as `eni`; `None` if the word is not such an id.
fn id_kind(word: &str) -> Option<&str> {
    let (kind, number) = word.rsplit_once('-')?;
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let is_number = matches!(number.len(), 8 | 17) && number.bytes().all(is_hex);
    let kinds = [
        "acl",
        "eni",
        "fl",
        "i",
        "igw",
        "nat",
        "pcx",
        "rtb",
        "sg",
        "subnet",
        "tgw",
        "tgw-attach",
        "vpc",
        "vpce",
    ];
    (is_number && kinds.contains(&kind)).then_some(kind)
}

/// Returns the page of the AWS console that shows an id; `None` if there is none, or if either name
/// is not written as AWS writes it.
fn link(id: &str, region: &str) -> Option<String> {
    let (service, fragment) = match id_kind(id)? {
        "eni" => ("ec2", "NetworkInterface:networkInterfaceId="),
        "i" => ("ec2", "InstanceDetails:instanceId="),
        "subnet" => ("vpcconsole", "SubnetDetails:subnetId="),
        "vpc" => ("vpcconsole", "VpcDetails:VpcId="),
        _ => return None,
    };
    if !is_region(region) {
        return None;
    }
    // Each partition of AWS has a console of its own.
    let domain = match region.split('-').collect::<Vec<_>>()[..] {
        ["cn", ..] => "console.amazonaws.cn",
        [_, "gov", ..] => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    Some(format!(
        "https://{region}.{domain}/{service}/home?region={region}#{fragment}{id}"
    ))
}

/// Whether a name is written like a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let [continent, middle @ .., number] = &parts[..] else {
        return false;
    };
    let are_letters = |part: &&str| part.bytes().all(|b| b.is_ascii_lowercase());
    continent.len() == 2
        && are_letters(continent)
        && matches!(middle.len(), 1 | 2)
        && middle
            .iter()
            .all(|part| are_letters(part) && (3..=12).contains(&part.len()))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENI: &str = "eni-0d73f0b5c9e2a6184";

    fn pieces(text: &str, region: &str) -> Vec<TextPiece> {
        let regions = BTreeMap::from([(ENI.to_owned(), region.to_owned())]);
        Console(&regions).pieces(text)
    }

    #[test]
    fn ids_addresses_and_instants_are_pieces_and_the_text_stays_the_same() {
        let text = format!("at {ENI}: 10.0.0.1, 2001:db8::1; (2026-03-14T02:15:00Z). eni-x ü-1.");
        let found = pieces(&text, "eu-central-1");
        let joined: String = found.iter().map(|piece| &*piece.text).collect();
        assert_eq!(joined, text);
        let names = found.iter().filter(|piece| piece.is_name);
        let names: Vec<&str> = names.map(|piece| &*piece.text).collect();
        assert_eq!(
            names,
            [ENI, "10.0.0.1", "2001:db8::1", "2026-03-14T02:15:00Z"]
        );
    }

    #[test]
    fn links_go_to_the_console_of_the_region_and_partition() {
        let link = |region| pieces(ENI, region)[0].link.clone();
        let expected = "https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1\
                        #NetworkInterface:networkInterfaceId=eni-0d73f0b5c9e2a6184";
        assert_eq!(link("eu-central-1").as_deref(), Some(expected));
        for region in ["cn-north-1", "us-gov-west-1"] {
            let link = link(region).unwrap();
            assert!(
                link.starts_with(&format!("https://{region}.console.amazonaws")),
                "{link}"
            );
        }
        for region in [
            "",
            "evil.example/",
            "eu-central",
            "a-b-1",
            "eu-central-1.x",
            "EU-west-1",
        ] {
            assert_eq!(link(region), None, "{region}");
        }
    }

    #[test]
    fn what_aws_would_not_write_is_no_id() {
        for word in [
            "eni-1",
            "eni-0D73F0B5C9E2A6184",
            "x-0d73f0b5c9e2a6184",
            "eni-",
            "-",
        ] {
            assert_eq!(id_kind(word), None, "{word}");
        }
        assert_eq!(id_kind("tgw-attach-0d73f0b5c9e2a6184"), Some("tgw-attach"));
        assert_eq!(link("sg-0d73f0b5c9e2a6184", "eu-central-1"), None);
    }
}
