//! Queries that have names: those that AWS's guides print, and those that an incident asks for.
//!
//! Each is a file `NAME.sql` that begins with comments: the title, where it is from or what it is for,
//! and a line `:name such as value` for each value that it needs.

/// A query with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedQuery {
    /// The name.
    pub name: &'static str,
    /// The whole file.
    pub sql: &'static str,
}

/// All of them, in the order in which they are listed.
const ALL: [NamedQuery; 38] = [
    named("accepted-traffic", include_str!("accepted-traffic.sql")),
    named("admin-port-traffic", include_str!("admin-port-traffic.sql")),
    named("ipv4-traffic", include_str!("ipv4-traffic.sql")),
    named("ipv6-traffic", include_str!("ipv6-traffic.sql")),
    named(
        "rejected-tcp-traffic",
        include_str!("rejected-tcp-traffic.sql"),
    ),
    named("rejected-traffic", include_str!("rejected-traffic.sql")),
    named("ssh-rdp-traffic", include_str!("ssh-rdp-traffic.sql")),
    named("top-talkers", include_str!("top-talkers.sql")),
    named(
        "top-talkers-packet-level",
        include_str!("top-talkers-packet-level.sql"),
    ),
    named(
        "top-talking-instances",
        include_str!("top-talking-instances.sql"),
    ),
    named(
        "top-talking-subnets",
        include_str!("top-talking-subnets.sql"),
    ),
    named("top-tcp-traffic", include_str!("top-tcp-traffic.sql")),
    named(
        "total-bytes-transferred",
        include_str!("total-bytes-transferred.sql"),
    ),
    named(
        "total-bytes-transferred-packet-level",
        include_str!("total-bytes-transferred-packet-level.sql"),
    ),
    named(
        "traffic-frm-src-addr",
        include_str!("traffic-frm-src-addr.sql"),
    ),
    named(
        "traffic-to-dst-addr",
        include_str!("traffic-to-dst-addr.sql"),
    ),
    named(
        "most-rejected-protocols",
        include_str!("most-rejected-protocols.sql"),
    ),
    named(
        "top-rejected-sources",
        include_str!("top-rejected-sources.sql"),
    ),
    named("top-https-servers", include_str!("top-https-servers.sql")),
    named("flows-of-a-day", include_str!("flows-of-a-day.sql")),
    named("rejected-of-a-day", include_str!("rejected-of-a-day.sql")),
    named("requests-by-client", include_str!("requests-by-client.sql")),
    named("who-did-what", include_str!("who-did-what.sql")),
    named(
        "rejected-tcp-by-15-minutes",
        include_str!("rejected-tcp-by-15-minutes.sql"),
    ),
    named("who-talked-to", include_str!("who-talked-to.sql")),
    named("what-began-to-fail", include_str!("what-began-to-fail.sql")),
    named(
        "server-errors-beside-rejects",
        include_str!("server-errors-beside-rejects.sql"),
    ),
    named(
        "changes-before-rejects",
        include_str!("changes-before-rejects.sql"),
    ),
    named(
        "rejects-by-interface",
        include_str!("rejects-by-interface.sql"),
    ),
    named("port-scans", include_str!("port-scans.sql")),
    named("new-peers", include_str!("new-peers.sql")),
    named("slow-targets", include_str!("slow-targets.sql")),
    named("errors-by-target", include_str!("errors-by-target.sql")),
    named("failed-calls", include_str!("failed-calls.sql")),
    named(
        "unanswered-connections",
        include_str!("unanswered-connections.sql"),
    ),
    named("traffic-by-hour", include_str!("traffic-by-hour.sql")),
    named("lost-records", include_str!("lost-records.sql")),
    named(
        "traffic-to-internet",
        include_str!("traffic-to-internet.sql"),
    ),
];

const fn named(name: &'static str, sql: &'static str) -> NamedQuery {
    NamedQuery { name, sql }
}

/// Returns all queries that have names.
pub fn named_queries() -> &'static [NamedQuery] {
    &ALL
}

impl NamedQuery {
    /// Finds a query by its name, or by the name that AWS gave it, such as `VpcFlowLogsTopTalkers`.
    pub fn find(name: &str) -> Option<&'static Self> {
        let folded = |name: &str| name.replace(['-', '_'], "").to_lowercase();
        let wanted = folded(name);
        let wanted = wanted.strip_prefix("vpcflowlogs").unwrap_or(&wanted);
        ALL.iter().find(|query| folded(query.name) == wanted)
    }

    /// Returns what it shows.
    pub fn title(&self) -> &'static str {
        self.comments().next().unwrap_or_default()
    }

    /// Returns where it is from, or what it is for.
    pub fn description(&self) -> &'static str {
        self.comments().nth(1).unwrap_or_default()
    }

    /// Returns the values that it needs, each with an example.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let lines = self.comments().filter_map(|line| line.strip_prefix(':'));
        lines.filter_map(|line| line.split_once(" such as "))
    }

    fn comments(&self) -> impl Iterator<Item = &'static str> {
        self.sql.lines().map_while(|line| line.strip_prefix("-- "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_titles_and_examples_of_their_values() {
        for query in named_queries() {
            assert!(
                !query.title().is_empty() && query.description().ends_with('.'),
                "{}",
                query.name
            );
            let used = query.sql.matches(":address").count() + query.sql.matches(":date").count();
            assert_eq!(query.parameters().count() > 0, used > 0, "{}", query.name);
            assert_eq!(NamedQuery::find(query.name), Some(query));
        }
    }

    #[test]
    fn queries_of_aws_have_their_names_there_too() {
        let aws = named_queries()
            .iter()
            .filter(|query| query.description().contains("VpcFlowLogs"));
        let mut count = 0;
        for query in aws {
            let name = query
                .description()
                .rsplit(' ')
                .next()
                .unwrap()
                .trim_end_matches('.');
            assert_eq!(NamedQuery::find(name), Some(query), "{name}");
            count += 1;
        }
        assert_eq!(count, 16);
    }
}
