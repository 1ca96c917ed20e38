//! What a cause means, where to look in AWS, and what else it might be.

use crate::diagnosis::finding::Cause;

/// What is said of a cause wherever it is found.
pub(super) struct Words {
    pub(super) means: &'static str,
    pub(super) look_at: &'static [&'static str],
    pub(super) against: &'static [&'static str],
}

/// The words for a cause.
pub(super) fn of(cause: Cause) -> Words {
    filtered_in(cause)
        .or_else(|| filtered_out(cause))
        .or_else(|| unanswered(cause))
        .or_else(|| cut(cause))
        .unwrap_or_else(|| harmless(cause))
}

fn filtered_in(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::AclBlocksReply => Words {
            means: "Security groups let the reply of an accepted request pass; network ACLs keep no state and \
                    judge it anew. The reply goes to the port that the initiator chose (an ephemeral port), and \
                    no rule of the ACL allows it.",
            look_at: &[
                "VPC > Network ACLs: the rules of this subnet's ACL in the direction of the reply",
                "allow the ephemeral ports 1024-65535 to the sources that the request rule allows",
            ],
            against: &[],
        },
        Cause::SecurityGroupInbound => Words {
            means: "The packet reached the responder's ENI and was rejected there, while the ACL of the same \
                    subnet lets others in. No inbound rule of its security groups allows this source and port.",
            look_at: &[
                "EC2 > Network interfaces > this ENI > Security groups: the inbound rules for this port",
                "CloudTrail at the time of the first REJECT: RevokeSecurityGroupIngress, ModifyNetworkInterfaceAttribute",
            ],
            against: &["a network ACL rule for just this source or port looks the same"],
        },
        Cause::AclInbound => Words {
            means: "The whole subnet turns this traffic away, not one ENI: that is how a network ACL rejects.",
            look_at: &[
                "VPC > Network ACLs: the inbound rules of this subnet's ACL, lowest number first",
                "CloudTrail: ReplaceNetworkAclEntry, CreateNetworkAclEntry, ReplaceNetworkAclAssociation",
            ],
            against: &["ENIs that share one security group would look the same"],
        },
        Cause::InboundBlocked => Words {
            means: "The packet reached the responder's ENI and was rejected on its way in: by a security group of \
                    the ENI or by the ACL of its subnet. Nothing else in the archive tells which.",
            look_at: &[
                "EC2 > Network interfaces > this ENI > Security groups: the inbound rules for this port",
                "VPC > Network ACLs: the inbound rules of the subnet's ACL",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn filtered_out(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::SecurityGroupOutbound => Words {
            means: "The packet was rejected before it left the initiator's ENI, while others leave the same subnet. \
                    No outbound rule of its security groups allows this destination and port.",
            look_at: &[
                "EC2 > Network interfaces > this ENI > Security groups: the outbound rules",
                "CloudTrail: RevokeSecurityGroupEgress, ModifyNetworkInterfaceAttribute",
            ],
            against: &["a network ACL rule for just this destination or port looks the same"],
        },
        Cause::AclOutbound => Words {
            means: "The whole subnet may not send this, not one ENI: that is how a network ACL rejects.",
            look_at: &[
                "VPC > Network ACLs: the outbound rules of this subnet's ACL, lowest number first",
            ],
            against: &["ENIs that share one security group would look the same"],
        },
        Cause::OutboundBlocked => Words {
            means: "The packet was rejected before it left the initiator's ENI: by a security group of the ENI or by \
                    the ACL of its subnet. Nothing else in the archive tells which.",
            look_at: &[
                "EC2 > Network interfaces > this ENI > Security groups: the outbound rules",
                "VPC > Network ACLs: the outbound rules of the subnet's ACL",
            ],
            against: &[],
        },
        Cause::BlockPublicAccess => Words {
            means: "VPC Block Public Access is on for this VPC or account and rejected it, whatever security groups \
                    and ACLs say; the record names it (reject-reason BPA).",
            look_at: &[
                "VPC > Settings > Block Public Access: mode, and exclusions for this VPC or subnet",
            ],
            against: &[],
        },
        Cause::EncryptionControls => Words {
            means: "VPC Encryption Controls enforces encryption in transit and rejected it; the record names it \
                    (reject-reason EC).",
            look_at: &[
                "VPC > Encryption controls: mode, exclusions, and resources that cannot encrypt",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn unanswered(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::NoReply => Words {
            means: "Every ENI that logged the request accepted it, and no ENI logged a reply. If it entered the \
                    responder's ENI: the host is down, hung, or its own firewall drops. If it did not: no route, \
                    a route to a gateway that is missing or in another zone, or a peer that has no route back.",
            look_at: &[
                "the host: is it running, does it listen (ss -ltn), does its firewall drop (iptables, Windows Firewall)",
                "VPC > Route tables of both subnets: a route to the other side, its target active and not a blackhole",
                "for the internet: the NAT or internet gateway that the route names, its zone and its state",
                "VPC > Reachability Analyzer between both ENIs",
            ],
            against: &["replies that pass ENIs without a flow log do not show"],
        },
        Cause::ReplyElsewhere => Words {
            means: "The request passed one ENI and the reply another, so the first never saw it: an asymmetric path. \
                    What keeps state (security groups, NAT, firewalls, load balancers) drops what it has no state for.",
            look_at: &[
                "the responder's routes: several ENIs, and a default route out of the other one",
                "VPC > Route tables of the responder's subnet: the way back leads through another gateway or zone",
                "Transit Gateway appliance mode, if a firewall stands between",
            ],
            against: &["records of the first ENI that are missing look the same"],
        },
        Cause::Refused => Words {
            means: "The host is up and reached, and answered the SYN with a RST: nothing listens on the port, or \
                    only on another address, or a host firewall rejects.",
            look_at: &[
                "the host: is the service running, on which address does it listen (ss -ltn)",
                "deployments and restarts at the time of the first refusal",
                "load balancers: the target group's port and health checks",
            ],
            against: &["a full accept queue can answer with RST too"],
        },
        Cause::HalfOpen => Words {
            means: "The responder answered the SYN and nobody acknowledged it: the answer is lost on its way back, \
                    or the source address is not that of the sender (spoofed SYN).",
            look_at: &[
                "the way back: routes of the responder's subnet, and of what stands between",
                "from the internet: a SYN flood, if there are many (AWS Shield, load balancer metrics)",
            ],
            against: &["port scanners leave handshakes half open"],
        },
        _ => return None,
    })
}

fn cut(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::IdleTimeout => Words {
            means: "The connection was silent for longer than something on its path remembers connections; the next \
                    packet was then reset or rejected. NAT gateways and Network Load Balancers forget after 350 s, \
                    Application Load Balancers after 60 s (a setting), security groups after 432000 s (350 s on \
                    Nitro v6).",
            look_at: &[
                "TCP keep-alive of the client or its connection pool: shorter than the time-out (e.g. 60 s)",
                "load balancer attributes: idle time-out",
                "ENI > connection tracking configuration (TCP established time-out)",
            ],
            against: &["an application that closes idle connections by RST looks the same"],
        },
        Cause::Reset => Words {
            means: "Connections were opened and then aborted by one side, without a FIN.",
            look_at: &[
                "the application on the side that aborts: crashes, restarts, time-outs, limits of connections",
            ],
            against: &["health checks, load balancers and some clients close by RST as a rule"],
        },
        Cause::Intermittent => Words {
            means: "Some attempts at one service fail while others succeed, so no rule or route forbids it as such: \
                    one of several hosts, zones or paths is bad, or the service is at its limit.",
            look_at: &[
                "what the split names: that zone's route table, that ENI, that minute's deployment or load",
                "accept queues, connection limits, exhausted ports",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn harmless(cause: Cause) -> Words {
    match cause {
        Cause::Scan => Words {
            means: "One source tries many ports or hosts and gets nowhere. From the internet that is background noise; \
                    from inside it is a scanner that somebody runs, a misconfigured client, or an intruder.",
            look_at: &[
                "from inside: what runs on that host, and GuardDuty findings (Recon, Portscan)",
            ],
            against: &["inventory and monitoring tools scan as a matter of course"],
        },
        _ => Words {
            means: "Packets of a connection that is over, or of which nothing else is known, were rejected: nothing \
                    tracks them any more. Harmless.",
            look_at: &["nothing, unless an application complains"],
            against: &[],
        },
    }
}
