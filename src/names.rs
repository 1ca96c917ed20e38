//! Names of protocols and services: one table of each, for all code that reads or prints a name.
//!
//! This module knows numbers and names. It does not decide which values a record or a filter may
//! have.

use etherparse::IpNumber;

/// Protocols by name, in lowercase: the IANA's keywords, the names in pcap-filter(7), and names
/// used by people, tools and exports of flow logs. Several names may have the same number.
///
/// <https://www.iana.org/assignments/protocol-numbers>
const PROTOCOLS: [(&str, u8); 20] = [
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("ipv4", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("icmp6", 58),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("ospfigp", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("sctp", 132),
];

/// Returns the number of the protocol with this name, ignoring case.
pub fn protocol_number(name: &str) -> Option<u8> {
    let mut known = PROTOCOLS.iter();
    let found = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, number)| *number)
}

/// Returns the keyword that the IANA registered for a protocol number, such as `TCP` for 6.
pub fn protocol_keyword(number: u8) -> Option<&'static str> {
    IpNumber(number).keyword_str()
}

/// The number of a protocol whose keyword the IANA registered, in any case. Keywords are many, and
/// only where a protocol is expected is each of them one.
pub fn protocol_of_keyword(keyword: &str) -> Option<u8> {
    let is_named = |number: &u8| {
        protocol_keyword(*number).is_some_and(|known| known.eq_ignore_ascii_case(keyword))
    };
    (0..=u8::MAX).find(is_named)
}

/// A well-known service and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its port, over TCP, UDP or both.
    pub port: u16,
    /// Its name in a sentence: `PostgreSQL`.
    pub title: &'static str,
    /// Its names in a filter, in lowercase; the name in the IANA's registry comes first, if there
    /// is one.
    pub names: &'static [&'static str],
    /// Whether it answers queries from applications.
    pub is_database: bool,
    /// Whether its server sends the first data of a connection, such as a greeting.
    pub greets: bool,
    /// Whether its server closes the connection, once the client has said goodbye.
    pub hangs_up: bool,
    /// Whether it is rarely used over TCP.
    pub is_udp: bool,
}

impl Service {
    const fn new(port: u16, title: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            port,
            title,
            names,
            is_database: false,
            greets: false,
            hangs_up: false,
            is_udp: false,
        }
    }

    const fn database(self) -> Self {
        Self {
            is_database: true,
            ..self
        }
    }

    const fn greeting(self) -> Self {
        Self {
            greets: true,
            ..self
        }
    }

    const fn mail(self) -> Self {
        Self {
            greets: true,
            hangs_up: true,
            ..self
        }
    }

    const fn udp(self) -> Self {
        Self {
            is_udp: true,
            ..self
        }
    }
}

/// Names from <https://www.iana.org/assignments/service-names-port-numbers>, and common names.
const SERVICES: [Service; 25] = [
    Service::new(21, "FTP", &["ftp"]).greeting(),
    Service::new(22, "SSH", &["ssh"]).greeting(),
    Service::new(23, "Telnet", &["telnet"]),
    Service::new(25, "SMTP", &["smtp"]).mail(),
    Service::new(53, "DNS", &["domain", "dns"]).udp(),
    Service::new(80, "HTTP", &["http"]),
    Service::new(110, "POP3", &["pop3"]).mail(),
    Service::new(123, "NTP", &["ntp"]).udp(),
    Service::new(143, "IMAP", &["imap"]).mail(),
    Service::new(389, "LDAP", &["ldap"]),
    Service::new(443, "HTTPS", &["https"]),
    Service::new(445, "SMB", &["microsoft-ds", "smb"]),
    Service::new(465, "SMTPS", &["submissions", "smtps"]).mail(),
    Service::new(587, "SMTP submission", &["submission", "smtp-submission"]).mail(),
    Service::new(636, "LDAPS", &["ldaps"]),
    Service::new(
        1433,
        "SQL Server",
        &["ms-sql-s", "mssql", "sqlserver", "sql-server"],
    )
    .database(),
    Service::new(1521, "Oracle", &["oracle"]).database(),
    Service::new(2049, "NFS", &["nfs"]),
    Service::new(3306, "MySQL", &["mysql"])
        .database()
        .greeting(),
    Service::new(3389, "RDP", &["ms-wbt-server", "rdp"]),
    Service::new(5432, "PostgreSQL", &["postgresql", "postgres"]).database(),
    Service::new(6379, "Redis", &["redis"]).database(),
    Service::new(9092, "Kafka", &["kafka"]),
    Service::new(11211, "memcached", &["memcache", "memcached"]).database(),
    Service::new(27017, "MongoDB", &["mongodb"]).database(),
];

/// Returns the service with this port.
pub fn service_at(port: u16) -> Option<&'static Service> {
    let place = SERVICES.binary_search_by_key(&port, |service| service.port);
    place.ok().map(|place| &SERVICES[place])
}

/// Returns the service with this name, ignoring case.
pub fn service_named(name: &str) -> Option<&'static Service> {
    let is_named = |known: &&str| known.eq_ignore_ascii_case(name);
    let mut services = SERVICES.iter();
    services.find(|service| service.names.iter().any(is_named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_their_numbers_in_any_case() {
        for (name, number) in [("TCP", 6), ("icmpv6", 58), ("IPv6-ICMP", 58), ("Vrrp", 112)] {
            assert_eq!(protocol_number(name), Some(number), "{name}");
        }
        for name in ["", "tcp ", "https", "6"] {
            assert_eq!(protocol_number(name), None, "{name}");
        }
    }

    #[test]
    fn iana_keywords_are_recognized() {
        for (_, number) in PROTOCOLS {
            let keyword = protocol_keyword(number).unwrap();
            assert_eq!(protocol_number(keyword), Some(number), "{keyword}");
        }
        assert_eq!(protocol_keyword(200), None);
        assert_eq!(protocol_of_keyword("L2tp"), Some(115));
        assert_eq!(protocol_of_keyword(""), None);
    }

    #[test]
    fn services_are_found_by_port_and_by_every_name() {
        assert!(SERVICES.is_sorted_by(|a, b| a.port < b.port));
        for service in &SERVICES {
            assert_eq!(service_at(service.port), Some(service));
            for name in service.names {
                assert_eq!(service_named(name), Some(service), "{name}");
            }
        }
        for service in &SERVICES {
            let printed = service.title.replace(' ', "-");
            assert_eq!(service_named(&printed), Some(service), "{printed}");
        }
        assert_eq!(service_named("RDP").map(|service| service.port), Some(3389));
        assert_eq!((service_at(8080), service_named("")), (None, None));
    }
}
