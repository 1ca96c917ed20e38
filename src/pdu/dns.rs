//! DNS queries as IP packets: a query and its answer, RFC 1035.
//!
//! The Route 53 Resolver logs who asked, what, and what was answered. The rest of the packets is
//! invented: the address of the server is the one that every VPC has ([`SERVER_V4`], [`SERVER_V6`]),
//! the transaction is a hash of the question, answers live 0 seconds, and the answer comes
//! [`LATENCY_NS`] after the query. A query over TCP is a datagram here, and its comment says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::EventFrame;
use crate::event::resolver::DnsQuery;
use crate::packet::datagram;

/// The address of the Amazon DNS server in every VPC.
pub const SERVER_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);

/// The same for IPv6.
pub const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253);

/// From a query to its answer: 1 ms.
pub const LATENCY_NS: i64 = 1_000_000;

const PORT: u16 = 53;

/// The most bytes of a message.
const MESSAGE_LEN_MAX: usize = 16 << 10;

/// Class IN.
const INTERNET: u16 = 1;

/// Returns the frames of a query; none if its source or its name cannot be in a packet.
pub(super) fn frames(query: &DnsQuery<'_>, at_ns: i64) -> Vec<EventFrame> {
    made(query, at_ns).unwrap_or_default()
}

fn made(query: &DnsQuery<'_>, at_ns: i64) -> Option<Vec<EventFrame>> {
    let client = (query.source?, query.source_port.unwrap_or(0));
    let server = match client.0 {
        IpAddr::V4(_) => (SERVER_V4.into(), PORT),
        IpAddr::V6(_) => (SERVER_V6.into(), PORT),
    };
    let mut question = encoded_name(&query.name)?;
    question.extend_from_slice(&record_type(&query.query_type)?.to_be_bytes());
    question.extend_from_slice(&INTERNET.to_be_bytes());
    let id = transaction(&question, client.1);
    // RD; one question.
    let asked = message(id, 0x0100, &question, &[]);
    let mut frames = vec![EventFrame {
        at_ns,
        bytes: datagram(client, server, &asked).ok()?,
    }];
    if let Some(rcode) = query.rcode.as_deref().and_then(rcode) {
        // QR, RD, RA.
        let answered = message(id, 0x8180 | rcode, &question, &answers(query));
        frames.push(EventFrame {
            at_ns: at_ns.saturating_add(LATENCY_NS),
            bytes: datagram(server, client, &answered).ok()?,
        });
    }
    Some(frames)
}

fn message(id: u16, flags: u16, question: &[u8], answers: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut len = 12 + question.len();
    let fitting = answers.iter().take_while(|answer| {
        len += answer.len();
        len <= MESSAGE_LEN_MAX
    });
    let count = u16::try_from(fitting.count()).unwrap_or(u16::MAX);
    for word in [id, flags, 1, count, 0, 0] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(question);
    for answer in &answers[..usize::from(count)] {
        bytes.extend_from_slice(answer);
    }
    bytes
}

/// Returns the answers as resource records. Those with data that a record cannot have are left out.
fn answers(query: &DnsQuery<'_>) -> Vec<Vec<u8>> {
    let mut owner = query.name.to_string();
    let mut records = Vec::new();
    for answer in &query.answers {
        let kind = answer.answer_type.as_deref().unwrap_or(&query.query_type);
        let record = (|| {
            let (data, number) = (data(kind, &answer.data)?, record_type(kind)?);
            let mut record = encoded_name(&owner)?;
            record.extend_from_slice(&number.to_be_bytes());
            record.extend_from_slice(&INTERNET.to_be_bytes());
            record.extend_from_slice(&[0; 4]);
            record.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
            record.extend_from_slice(&data);
            Some(record)
        })();
        records.extend(record);
        // The answers after it are those of its target.
        if kind == "CNAME" {
            owner = answer.data.to_string();
        }
    }
    records
}

/// Returns the data of a record as the wire has it.
fn data(kind: &str, text: &str) -> Option<Vec<u8>> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut number = || words.next()?.parse::<u16>().ok();
    Some(match kind {
        "A" => text.parse::<Ipv4Addr>().ok()?.octets().to_vec(),
        "AAAA" => text.parse::<Ipv6Addr>().ok()?.octets().to_vec(),
        "CNAME" | "NS" | "PTR" | "DNAME" => encoded_name(text)?,
        "MX" => {
            let preference = number()?;
            [
                preference.to_be_bytes().to_vec(),
                encoded_name(words.next()?)?,
            ]
            .concat()
        }
        "SRV" => {
            let numbers = [number()?, number()?, number()?];
            let numbers = numbers.map(u16::to_be_bytes).as_flattened().to_vec();
            [numbers, encoded_name(words.next()?)?].concat()
        }
        "TXT" => {
            let text = text.trim_matches('"').as_bytes();
            let text = &text[..text.len().min(255)];
            [&[u8::try_from(text.len()).ok()?], text].concat()
        }
        _ => return None,
    })
}

/// Returns a name as labels with their lengths.
fn encoded_name(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.is_empty() {
        for label in name.split('.') {
            if !(1..=63).contains(&label.len()) {
                return None;
            }
            bytes.push(u8::try_from(label.len()).ok()?);
            bytes.extend_from_slice(label.as_bytes());
        }
    }
    bytes.push(0);
    (bytes.len() <= 255).then_some(bytes)
}

/// Returns the number of a type of record.
fn record_type(name: &str) -> Option<u16> {
    Some(match name {
        "A" => 1,
        "NS" => 2,
        "CNAME" => 5,
        "SOA" => 6,
        "PTR" => 12,
        "HINFO" => 13,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        "NAPTR" => 35,
        "DNAME" => 39,
        "DS" => 43,
        "SSHFP" => 44,
        "RRSIG" => 46,
        "NSEC" => 47,
        "DNSKEY" => 48,
        "TLSA" => 52,
        "SVCB" => 64,
        "HTTPS" => 65,
        "SPF" => 99,
        "ANY" => 255,
        "CAA" => 257,
        other => other.strip_prefix("TYPE")?.parse().ok()?,
    })
}

/// Returns the number of a result.
fn rcode(name: &str) -> Option<u16> {
    let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ];
    let at = names.iter().position(|known| *known == name)?;
    u16::try_from(at).ok()
}

/// Returns a number for a question: FNV-1a, folded to 16 bits.
fn transaction(question: &[u8], port: u16) -> u16 {
    let bytes = question.iter().copied().chain(port.to_be_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [a, b, c, d] = hash.to_be_bytes();
    u16::from_be_bytes([a ^ c, b ^ d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventDetail, for_each_in_json};

    fn frames_of(more: &str) -> Vec<EventFrame> {
        let text = format!(
            r#"{{"query_timestamp":"2026-03-14T02:15:02Z","query_name":"db.example.com.","query_type":"A","srcaddr":"10.0.1.5","srcport":"41000","transport":"UDP"{more}}}"#
        );
        let mut found = Vec::new();
        for_each_in_json(&text, None, &mut |_, event, _| {
            let event = event.unwrap();
            let EventDetail::DnsQuery(query) = &event.detail else {
                panic!("{event:?}");
            };
            found = frames(query, event.instant_ns);
        });
        found
    }

    #[test]
    fn query_and_answer_are_messages() {
        let found = frames_of(
            r#","rcode":"NOERROR","answers":[{"Rdata":"a.test.","Type":"CNAME"},{"Rdata":"10.0.2.7","Type":"A"}]"#,
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].at_ns - found[0].at_ns, LATENCY_NS);
        let question = b"\x02db\x07example\x03com\0\0\x01\0\x01";
        let (asked, answered) = (&found[0].bytes[28..], &found[1].bytes[28..]);
        assert_eq!(asked[..2], answered[..2]);
        assert_eq!(
            asked[2..],
            [b"\x01\0\0\x01\0\0\0\0\0\0", &question[..]].concat()
        );
        let head = b"\x81\x80\0\x01\0\x02\0\0\0\0";
        let cname = b"\x02db\x07example\x03com\0\0\x05\0\x01\0\0\0\0\0\x08\x01a\x04test\0";
        let address = b"\x01a\x04test\0\0\x01\0\x01\0\0\0\0\0\x04\x0a\0\x02\x07";
        assert_eq!(
            answered[2..],
            [&head[..], question, cname, address].concat()
        );
    }

    #[test]
    fn failure_has_its_result_and_no_answer() {
        let found = frames_of(r#","rcode":"NXDOMAIN","answers":[]"#);
        assert_eq!(found[1].bytes[30..32], [0x81, 0x83]);
        assert_eq!(frames_of("").len(), 1);
    }

    #[test]
    fn data_that_is_no_record_is_left_out() {
        let found = frames_of(
            r#","rcode":"NOERROR","answers":[{"Rdata":"x","Type":"A"},{"Rdata":"10 mail.test.","Type":"MX"},{"Rdata":"a..b","Type":"CNAME"}]"#,
        );
        assert_eq!(found[1].bytes[34..36], [0, 1]);
    }

    #[test]
    fn name_that_is_none_has_no_frame() {
        for name in ["a..b".to_owned(), "x".repeat(64), "a.".repeat(128)] {
            assert_eq!(encoded_name(&name), None);
        }
        assert_eq!(encoded_name("."), Some(vec![0]));
    }

    #[test]
    fn message_stays_within_its_size() {
        let answer = r#"{"Rdata":"10.0.0.1","Type":"A"}"#;
        let many = vec![answer; 4_000].join(",");
        let found = frames_of(&format!(r#","rcode":"NOERROR","answers":[{many}]"#));
        assert!((16_000..=MESSAGE_LEN_MAX + 28).contains(&found[1].bytes.len()));
    }
}
