//! Filters and their meaning, and the error for text that is not a filter.

use proptest::prelude::*;

use super::*;

/// Formats the parsed filter with explicit parentheses.
fn shown(expression: &Expression) -> String {
    let joined = |all: &[Expression], sign: &str| {
        let all: Vec<String> = all.iter().map(shown).collect();
        format!("({})", all.join(sign))
    };
    match expression {
        Expression::Term(term) => term_shown(term),
        Expression::Not(inner) => format!("!{}", shown(inner)),
        Expression::All(all) => joined(all, " & "),
        Expression::Any(any) => joined(any, " | "),
    }
}

fn term_shown(term: &Term) -> String {
    match term {
        Term::Host(side, net) => format!("{side:?} {}/{}", net.address, net.prefix_len),
        Term::Port(side, first, last) => format!("{side:?} {first}-{last}"),
        Term::Protocol(number) => format!("protocol {number}"),
        Term::Ipv6(is) => format!("ipv6 {is}"),
        Term::Action(action) => action.name().to_owned(),
        Term::Leaving(is) => format!("leaving {is}"),
        Term::Flags(flags) => flags.to_string(),
        Term::Is(name, text) => format!("{name:?} {text}"),
        Term::Begins(name, text) => format!("{name:?} {text}…"),
        Term::Between(one, other) => format!("{one} <-> {other}"),
        Term::Count(counter, comparison, number) => format!("{counter:?} {comparison:?} {number}"),
    }
}

#[track_caller]
fn check(filter: &str, expected: &str) {
    let expression = filter
        .parse::<Expression>()
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(shown(&expression), expected, "{filter}");
}

/// Asserts that a filter is an error at the end of `place`, with this message.
#[track_caller]
fn refuse(filter: &str, place: &str, expected: &str) {
    let error = filter.parse::<Expression>().unwrap_err();
    assert_eq!(&filter[..error.offset()], place, "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn tag_is_a_word_or_a_quoted_value() {
    check("tag web-1", "Tag web-1…");
    check("TAG:web-1", "Tag web-1…");
    check("tag = web-1 and tcp", "(Tag web-1… & protocol 6)");
    check(
        "instance-tag \"web server 1\"",
        "TagIn(InstanceTag) web server 1",
    );
    check("tag:'a \\' b'", "Tag a ' b");
    check(
        "asg-tag-2 a or 'b c'",
        "(TagIn(AsgTag2) a… | TagIn(AsgTag2) b c)",
    );
    check("tag:a:b", "Tag a:b…");
    refuse("tag", "tag", "found the end, expected the value of a tag");
    refuse("tag 'web", "tag 'web", "expected a closing quote");
    refuse("tag:Name=web-1", "tag:", "without its key");
    refuse("tags web", "", "expected a condition");
}

#[test]
fn primitives_of_pcap_filter_have_the_same_meaning() {
    check("host 10.0.0.5", "Either 10.0.0.5/32");
    check("10.0.0.5", "Either 10.0.0.5/32");
    check("src 10.0.0.5", "Source 10.0.0.5/32");
    check("dst host 2001:db8::1", "Destination 2001:db8::1/128");
    check("src or dst port 53", "Either 53-53");
    check("src and dst net 10.1", "Both 10.1.0.0/16");
    check("net 192.168.7", "Either 192.168.7.0/24");
    check("net 10", "Either 10.0.0.0/8");
    check("net 2001:db8::/32", "Either 2001:db8::/32");
    check("portrange 8000-8999", "Either 8000-8999");
    check("dst port https", "Destination 443-443");
    check("tcp", "protocol 6");
    check("udp port 53", "(protocol 17 & Either 53-53)");
    check("tcp dst port 22", "(protocol 6 & Destination 22-22)");
    check("ip proto 47", "(ipv6 false & protocol 47)");
    check("proto icmp6", "protocol 58");
    check("proto ICMPv6", "protocol 58");
    check("vrrp or ospf", "(protocol 112 | protocol 89)");
    check("port rdp", "Either 3389-3389");
    check("port ftp-ssh", "Either 21-22");
    check("ip6", "ipv6 true");
    check("inbound", "leaving false");
}

#[test]
fn primitives_of_flow_logs_test_columns() {
    check("reject", "REJECT");
    check("action ACCEPT", "ACCEPT");
    check("egress", "leaving true");
    check("direction ingress", "leaving false");
    check("flags syn,ack", "SYN,ACK");
    check("flags syn-ack", "SYN,ACK");
    check("eni eni-0A", "Eni eni-0A…");
    check("account 123456789012", "Account 123456789012");
    check("bytes>=1000", "Bytes AtLeast 1000");
    check("packets != 1", "Packets Different 1");
}

#[test]
fn name_that_has_the_form_of_a_whole_one_begins_no_other() {
    check("eni eni-0f6a2b9c4d1e83570", "Eni eni-0f6a2b9c4d1e83570");
    check("instance i-0a1b2c3d", "Instance i-0a1b2c3d");
    check("instance i-0a1b2c3", "Instance i-0a1b2c3…");
    check("vpc vpc-0a1b2c3g", "Vpc vpc-0a1b2c3g…");
    check("region us-gov-west-1", "Region us-gov-west-1");
    check("region us-", "Region us-…");
    check("account 12345678901", "Account 12345678901…");
}

#[test]
fn between_takes_two_ends_in_either_order() {
    check("between 10.0.0.1 10.0.0.2", "10.0.0.1 <-> 10.0.0.2");
    check(
        "between 10.0.0.1 and 10.1.0.0/16",
        "10.0.0.1 <-> 10.1.0.0/16",
    );
    check(
        "between 10.0.0.1:443 && [2001:db8::1]:50000",
        "10.0.0.1:443 <-> [2001:db8::1]:50000",
    );
    check(
        "tcp and between 10.0.0.1 10.0.0.2 and reject",
        "(protocol 6 & 10.0.0.1 <-> 10.0.0.2 & REJECT)",
    );
}

#[test]
fn and_has_the_precedence_of_or_and_not_binds_closest() {
    check("tcp and reject", "(protocol 6 & REJECT)");
    check(
        "tcp && reject && egress",
        "(protocol 6 & REJECT & leaving true)",
    );
    check(
        "tcp or udp and reject",
        "((protocol 6 | protocol 17) & REJECT)",
    );
    check(
        "tcp || (udp and reject)",
        "(protocol 6 | (protocol 17 & REJECT))",
    );
    check(
        "(tcp or udp) or icmp",
        "((protocol 6 | protocol 17) | protocol 1)",
    );
    check("not tcp and udp", "(!protocol 6 & protocol 17)");
    check("!(tcp or udp)", "!(protocol 6 | protocol 17)");
    check("NOT !tcp AND reject", "(!!protocol 6 & REJECT)");
    check(
        "host 10.0.0.5 and port 443 and (reject or flags syn)",
        "(Either 10.0.0.5/32 & Either 443-443 & (REJECT | SYN))",
    );
}

#[test]
fn value_without_a_keyword_takes_the_previous_keyword() {
    check("port 80 or 443", "(Either 80-80 | Either 443-443)");
    check(
        "src host 10.0.0.1 or 10.0.0.2",
        "(Source 10.0.0.1/32 | Source 10.0.0.2/32)",
    );
    check(
        "eni eni-1 or eni-2 and tcp",
        "((Eni eni-1… | Eni eni-2…) & protocol 6)",
    );
    check(
        "not 10.0.0.1 and 10.0.0.2",
        "(!Either 10.0.0.1/32 & Either 10.0.0.2/32)",
    );
}

#[test]
fn error_gives_the_position_and_what_was_expected() {
    refuse("", "", "expected a condition");
    refuse("port", "port", "expected a port, such as 443");
    // The family is written `ip6`; the IANA gives the name IPv6 to protocol 41, IPv6 in IPv4.
    assert!("ipv6".parse::<Expression>().is_err());
    refuse("tcp and port 70000", "tcp and port ", "found 70000");
    refuse("portrange 9-5", "portrange ", "a port");
    refuse("hots 10.0.0.5", "", "such as host");
    refuse("host 10.0.0", "host ", "an address");
    refuse("host 10.0.0.5/33", "host ", "an address");
    refuse("tcp and", "tcp and", "expected a condition");
    refuse("tcp and and udp", "tcp and ", "found and");
    refuse("tcp udp", "tcp ", "and, or, or the end");
    refuse("(tcp or udp", "(tcp or udp", "closing parenthesis");
    refuse("tcp)", "tcp", "because no parenthesis is open");
    refuse("()", "(", "expected a condition");
    refuse("flags synn", "flags ", "flags, such as syn");
    refuse("action maybe", "action ", "accept or reject");
    refuse("action Drop", "action ", "expected reject, which is");
    refuse("tcp and allow", "tcp and ", "expected accept, which is");
    refuse("between 10.0.0.1", "between 10.0.0.1", "10.0.0.5:443");
    refuse(
        "between 10.0.0.1 or 10.0.0.2",
        "between 10.0.0.1 ",
        "found or",
    );
    refuse("bytes 5", "bytes ", "a comparison");
    refuse("bytes > x", "bytes > ", "a number");
    refuse("tcp[tcpflags] & tcp-syn != 0", "tcp", "write flags syn");
    refuse("src or 10.0.0.1", "src ", "an address");
}

#[test]
fn endless_nesting_is_refused() {
    refuse(&"(".repeat(100_000), &"(".repeat(DEPTH_MAX), "fewer nested");
    assert!("!".repeat(100_000).parse::<Expression>().is_err());
    let alternating = "tcp and udp or ".repeat(10_000) + "tcp";
    assert!(alternating.parse::<Expression>().is_err());
    let flat = "port 80 or ".repeat(10_000) + "81";
    assert!(flat.parse::<Expression>().is_ok());
}

#[test]
fn option_takes_exactly_one_value() {
    let host = Qualifier::Host(EndpointSide::Either);
    assert!(host.parse(" 10.0.0.0/8 ").is_ok());
    assert!(host.parse("10.0.0.5 and tcp").is_err());
    assert!(host.parse("").is_err());
    assert!(
        Qualifier::Port(EndpointSide::Either)
            .parse("8000-8999")
            .is_ok()
    );
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_position(text in "\\PC{0,60}") {
        if let Err(error) = text.parse::<Expression>() {
            prop_assert!(text.is_char_boundary(error.offset()));
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    }

    #[test]
    fn any_words_are_a_filter_or_an_error_with_a_position(
        words in prop::collection::vec(prop::sample::select(&[
            "host", "src", "dst", "port", "10.0.0.5", "443", "and", "or", "not", "(", ")", "tcp",
            "reject", "flags", "syn", "eni", "bytes", ">", "ip",
        ][..]), 0..12),
    ) {
        let text = words.join(" ");
        if let Err(error) = text.parse::<Expression>() {
            prop_assert!(text.is_char_boundary(error.offset()));
        }
    }
}
