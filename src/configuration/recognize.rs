//! Recognizes configuration by the names of the members at the front of its JSON.

/// Members with which an answer of the AWS CLI, or a file of AWS Config, begins. Their values are
/// lists.
const LISTS: &[&str] = &[
    "NetworkInterfaces",
    "SecurityGroups",
    "SecurityGroupRules",
    "NetworkAcls",
    "RouteTables",
    "Subnets",
    "Vpcs",
    "Reservations",
    "NatGateways",
    "VpcEndpoints",
    "ManagedPrefixLists",
    "PrefixLists",
    "LoadBalancers",
    "TargetGroups",
    "TargetHealthDescriptions",
    "LoadBalancerTargetHealth",
    "configurationItems",
    "baseConfigurationItems",
];

/// Members of one item of AWS Config.
const ITEM: &[&str] = &["configurationItemCaptureTime", "configurationItem"];

/// Members of the entries of a prefix list, of which neither is enough.
const ENTRIES: [&str; 2] = ["PrefixListId", "Entries"];

/// The member in which recorders of answers put them.
pub(super) const WRAP: &str = "data";

/// Whether a file that begins with `head` is configuration.
pub fn is_configuration(head: &[u8]) -> bool {
    // Nearly all files are logs, and nearly all logs are text.
    let head = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    if !head.starts_with(b"{") && !head.starts_with(b"[") {
        return false;
    }
    let mut entries = [false; 2];
    let mut is_found = false;
    for_each_member(head, |name, value| {
        let is_list = value == Some(b'[') && LISTS.contains(&name);
        for (found, expected) in entries.iter_mut().zip(ENTRIES) {
            *found |= name == expected;
        }
        is_found = is_list || ITEM.contains(&name) || entries == [true, true];
        is_found
    });
    is_found
}

/// Passes on the names of members of the outermost object, of objects of the outermost array, and
/// of the object that a recorder wrapped, with the first byte of the value, until `is_enough`
/// returns true.
fn for_each_member(head: &[u8], mut is_enough: impl FnMut(&str, Option<u8>) -> bool) {
    // The open brackets, and whether the members of each are looked at.
    let mut open: Vec<(u8, bool)> = Vec::new();
    let mut is_next_name = false;
    let mut opens_wrap = false;
    let mut at = 0;
    while let Some(byte) = head.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                let is_seen = match open[..] {
                    [] => true,
                    [(b'[', _)] => true,
                    [_] => opens_wrap,
                    _ => false,
                };
                open.push((*byte, is_seen));
                is_next_name = *byte == b'{';
                opens_wrap = false;
            }
            b'}' | b']' => {
                open.pop();
                is_next_name = false;
            }
            b',' => is_next_name = open.last().is_some_and(|(bracket, _)| *bracket == b'{'),
            b'"' => {
                let Some(len) = string_len(&head[at..]) else {
                    return;
                };
                let text = &head[at..at + len];
                at += len + 1;
                let is_seen = open.last().is_some_and(|(_, is_seen)| *is_seen);
                if !std::mem::take(&mut is_next_name) || !is_seen {
                    continue;
                }
                let name = std::str::from_utf8(text).unwrap_or_default();
                let rest = head[at..].iter();
                let mut rest = rest.filter(|byte| !byte.is_ascii_whitespace() && **byte != b':');
                if is_enough(name, rest.next().copied()) {
                    return;
                }
                opens_wrap = open.len() == 1 && name == WRAP;
            }
            _ => {}
        }
    }
}

/// Returns the length of a string up to its closing quote.
fn string_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_is_recognized_by_its_first_members() {
        for text in [
            r#"{"NetworkInterfaces": []}"#,
            r#"{"NextToken":"[{,\"","Subnets" : [{"#,
            r#"{"ResponseMetadata":{"HTTPHeaders":{"date":"x"}},"Vpcs":[]}"#,
            r#"{"status_code":200,"data":{"RouteTables":[]}}"#,
            r#"{"fileVersion":"1.0","configSnapshotId":"7","configurationItems":[]}"#,
            r#"[{"version":"1.3","configurationItemCaptureTime":"2026-03-14T02:00:00Z"}]"#,
            r#"{"PrefixListId":"pl-1","Entries":[]}"#,
        ] {
            assert!(is_configuration(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_json_is_not_configuration() {
        for text in [
            "",
            r#"{"logEvents":[{"message":"2 123456789012 eni-1"}]}"#,
            r#"{"Entries":[{"Cidr":"10.0.0.0/8"}]}"#,
            r#"{"Subnets":"x"}"#,
            r#"{"detail":{"requestParameters":{"Subnets":[]}}}"#,
            r#"{"events":[{"message":"x"}],"a":{"data":{"Subnets":[]}}}"#,
            r#"{"x":"\"Subnets\":[]"}"#,
            r#"{"Subnets"#,
        ] {
            assert!(!is_configuration(text.as_bytes()), "{text}");
        }
    }
}
