//! The explanation of each cause: its meaning, where to look in AWS, and other possible causes.

use crate::diagnosis::finding::Cause;

/// The texts that are the same for every finding of a cause.
pub(super) struct Words {
    pub(super) means: &'static str,
    pub(super) look_at: &'static [&'static str],
    pub(super) against: &'static [&'static str],
}

/// Returns the texts for a cause.
pub(super) fn of(cause: Cause) -> Words {
    filtered_in(cause)
        .or_else(|| filtered_out(cause))
        .or_else(|| unanswered(cause))
        .or_else(|| lost(cause))
        .or_else(|| cut(cause))
        .or_else(|| overloaded(cause))
        .unwrap_or_else(|| harmless(cause))
}

/// Returns the texts for a cause of attempts without ports, such as a ping.
pub(super) fn without_ports(cause: Cause) -> Words {
    match cause {
        Cause::AclBlocksReply => Words {
            means: "Network ACLs are stateless: the reply to an accepted request is checked again, and no rule of the ACL \
                    allows it. Security groups are stateful and let such a reply pass.",
            look_at: &[
                "Check VPC > Network ACLs: the rules of this subnet's ACL in the direction of the reply. For ping, allow \
                 ICMP echo reply (type 0)",
            ],
            against: &[],
        },
        cause => of(cause),
    }
}

fn filtered_in(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::AclBlocksReply => Words {
            means: "Network ACLs are stateless: the reply to an accepted request is checked again. The reply goes to \
                    the port that the initiator chose (an ephemeral port), and no rule of the ACL allows it. Security \
                    groups are stateful and let such a reply pass.",
            look_at: &[
                "Check VPC > Network ACLs: the rules of this subnet's ACL in the direction of the reply",
                "Allow the ephemeral ports 1024-65535 to the sources that the request rule allows",
            ],
            against: &[],
        },
        Cause::SecurityGroupInbound => Words {
            means: "The packet reached the responder's ENI and was rejected there, while the ACL of the same \
                    subnet lets other traffic in. No inbound rule of the ENI's security groups allows this source and port.",
            look_at: &[
                "Check EC2 > Network interfaces > this ENI > Security groups: the inbound rules for this port",
                "Check CloudTrail at the time of the first REJECT for RevokeSecurityGroupIngress and \
                 ModifyNetworkInterfaceAttribute",
            ],
            against: &["A network ACL rule for exactly this source or port looks the same"],
        },
        Cause::AclInbound => Words {
            means: "The whole subnet rejects this traffic, not one ENI. A network ACL works that way.",
            look_at: &[
                "Check VPC > Network ACLs: the inbound rules of this subnet's ACL, lowest number first",
                "Check CloudTrail for ReplaceNetworkAclEntry, CreateNetworkAclEntry and \
                 ReplaceNetworkAclAssociation",
            ],
            against: &["ENIs that share one security group look the same"],
        },
        Cause::InboundBlocked => Words {
            means: "The packet reached the responder's ENI and was rejected inbound, either by a security group of \
                    the ENI or by the ACL of its subnet. Nothing in the archive shows which of the two.",
            look_at: &[
                "Check EC2 > Network interfaces > this ENI > Security groups: the inbound rules for this port",
                "Check VPC > Network ACLs: the inbound rules of the subnet's ACL",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn filtered_out(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::SecurityGroupOutbound => Words {
            means: "The packet was rejected before it left the initiator's ENI, while other traffic leaves the same subnet. \
                    No outbound rule of the ENI's security groups allows this destination and port.",
            look_at: &[
                "Check EC2 > Network interfaces > this ENI > Security groups: the outbound rules",
                "Check CloudTrail for RevokeSecurityGroupEgress and ModifyNetworkInterfaceAttribute",
            ],
            against: &["A network ACL rule for exactly this destination or port looks the same"],
        },
        Cause::AclOutbound => Words {
            means: "The whole subnet cannot send this traffic, not one ENI. A network ACL works that way.",
            look_at: &[
                "Check VPC > Network ACLs: the outbound rules of this subnet's ACL, lowest number first",
            ],
            against: &["ENIs that share one security group look the same"],
        },
        Cause::OutboundBlocked => Words {
            means: "The packet was rejected before it left the initiator's ENI, either by a security group of the ENI or by \
                    the ACL of its subnet. Nothing in the archive shows which of the two.",
            look_at: &[
                "Check EC2 > Network interfaces > this ENI > Security groups: the outbound rules",
                "Check VPC > Network ACLs: the outbound rules of the subnet's ACL",
            ],
            against: &[],
        },
        Cause::BlockPublicAccess => Words {
            means: "VPC Block Public Access is on for this VPC or account and rejected the traffic, regardless of security \
                    groups and ACLs. The record names it (reject-reason BPA).",
            look_at: &[
                "Check VPC > Settings > Block Public Access: the mode, and the exclusions for this VPC or subnet",
            ],
            against: &[],
        },
        Cause::EncryptionControls => Words {
            means: "VPC Encryption Controls enforces encryption in transit and rejected the traffic. The record names it \
                    (reject-reason EC).",
            look_at: &[
                "Check VPC > Encryption controls: the mode, the exclusions, and resources that cannot encrypt",
            ],
            against: &[],
        },
        Cause::OtherReason => Words {
            means: "The record names the reason for the rejection (reject-reason), and this version of flow2pcap has no \
                    explanation for it. AWS names no reason for security groups and network ACLs, so it is neither of these.",
            look_at: &[
                "Look up this value of reject-reason in the list of fields: Amazon VPC User Guide > Flow log records",
                "Check CloudTrail at the time of the first REJECT for changes of the VPC and of its subnets",
            ],
            against: &[],
        },
        Cause::NetworkFirewall => Words {
            means: "AWS Network Firewall dropped packets of these flows. An alert with the verdict \"drop\" in the same \
                    file has their flow_id. The firewall may have passed the first packets, such as the handshake.",
            look_at: &[
                "Check the alert log of the firewall: the signature and the rule of the flow_id in the records",
                "Check VPC > Network Firewall > Firewall policies: the stateful rules and the default actions",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn unanswered(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::NoReply => Words {
            means: "Every ENI that logged the request accepted it, and no ENI logged a reply. If the request reached the \
                    responder's ENI, the host is down or hung, or its own firewall drops the packets. If it did not, there is \
                    no route, the route's gateway is missing or in another zone, or the peer has no route back.",
            look_at: &[
                "Check the host: is it running, is the service listening (ss -ltn), does the host firewall drop packets \
                 (iptables, Windows Firewall)",
                "Check VPC > Route tables of both subnets: is there a route to the other side, and is its target active \
                 and not a blackhole",
                "For the internet, check the NAT or internet gateway in the route: its zone and its state",
                "Run VPC > Reachability Analyzer between both ENIs",
            ],
            against: &["Replies that pass only ENIs without a flow log are not in the archive"],
        },
        Cause::NoRoute => Words {
            means: "The packets pass the filters at the ENI, but the route table of its subnet does not lead to the other \
                    end, so they, or the replies, are dropped without a record.",
            look_at: &[
                "Check VPC > Route tables: the route to the other end, its target and its state",
                "Check CloudTrail for DeleteRoute, ReplaceRoute, DisassociateRouteTable and the end of the route's target",
            ],
            against: &[],
        },
        Cause::Refused => Words {
            means: "The host is up and reachable, and answered the SYN with a RST: nothing is listening on the port, the \
                    service listens on another address only, or a host firewall rejects the connection.",
            look_at: &[
                "Check the host: is the service running, and on which address is it listening (ss -ltn)",
                "Check deployments and restarts at the time of the first refusal",
                "Check the load balancer: the target group's port and health checks",
            ],
            against: &["A full accept queue can also answer with a RST"],
        },
        Cause::HalfOpen => Words {
            means: "The responder answered the SYN, but the SYN-ACK was never acknowledged: it is lost on the return path, \
                    or the source address is not that of the sender (spoofed SYN).",
            look_at: &[
                "Check the return path: the routes of the responder's subnet and of any device on the path",
                "For many attempts from the internet, check for a SYN flood (AWS Shield, load balancer metrics)",
            ],
            against: &["Port scanners leave handshakes half-open"],
        },
        _ => return None,
    })
}

fn lost(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::ReplyElsewhere => Words {
            means: "The request passed one ENI and the reply another, so the first ENI never saw the reply: the path is \
                    asymmetric. Stateful devices (security groups, NAT, firewalls, load balancers) drop packets that \
                    belong to no connection they know.",
            look_at: &[
                "Check the responder's routes: does it have several ENIs, with the default route out of the other one",
                "Check VPC > Route tables of the responder's subnet: does the return path use another gateway or zone",
                "Check Transit Gateway appliance mode, if there is a firewall on the path",
            ],
            against: &["Missing records of the first ENI look the same"],
        },
        Cause::NoWayBack => Words {
            means: "The request arrives and the responder's ENI sends the reply, but the ENI that passed the request never \
                    logs it: the way back leads elsewhere or nowhere. A route to the initiator's network is missing in the \
                    responder's subnet, or in a Transit Gateway, a peering connection or a VPN on the way back.",
            look_at: &[
                "Check VPC > Route tables of the responder's subnet: the route to the initiator's network",
                "Check the Transit Gateway route tables: the route to the initiator's attachment (propagation), and \
                 blackhole routes",
                "Check the route tables on the other side of a peering connection or VPN",
            ],
            against: &["Missing records of the first ENI look the same"],
        },
        Cause::CidrOverlap => Words {
            means: "The request comes from another network, and the reply leaves toward the same VPC (traffic-path 1), where no \
                    ENI has the initiator's address. The VPC's own addresses (its local route) include the initiator's, so \
                    replies never leave the VPC: the address ranges overlap.",
            look_at: &[
                "Check VPC > Your VPCs: the IPv4 CIDRs, compared with the initiator's network",
                "Use addresses that do not overlap, or a private NAT gateway between the networks",
            ],
            against: &[
                "A more specific route in the subnet's route table to a device in the VPC that drops the replies looks the same",
            ],
        },
        _ => return None,
    })
}

fn cut(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::IdleTimeout => Words {
            means: "The connection was idle for longer than a device on its path tracks connections, and the next packet was \
                    reset or rejected. The idle timeout is 350 s for NAT gateways and Network Load Balancers, 60 s for \
                    Application Load Balancers (a setting), and 432000 s for security groups (350 s on Nitro v6).",
            look_at: &[
                "Check the TCP keep-alive interval of the client or its connection pool: it must be shorter than the \
                 timeout (e.g. 60 s)",
                "Check the load balancer attributes: the idle timeout",
                "Check the connection tracking configuration of the ENI (TCP established timeout)",
            ],
            against: &["An application that closes idle connections with a RST looks the same"],
        },
        Cause::PathMtu => Words {
            means: "The handshake and small packets pass, but large packets do not arrive: a link on the path has a smaller \
                    MTU, and the ICMP message that reports it (fragmentation needed) is blocked or not sent. VPNs, Transit \
                    Gateways (8500 bytes), peering between Regions and the internet (1500 bytes) have smaller MTUs than a VPC \
                    (9001 bytes).",
            look_at: &[
                "Check that security groups and network ACLs allow ICMP type 3 code 4 (fragmentation needed) to the sender",
                "Check the MTU on both hosts and on the path: ping with the don't-fragment bit (ping -M do -s 1472)",
                "Lower the MTU or clamp the TCP MSS on the VPN, tunnel or appliance",
            ],
            against: &[
                "A host that stops in the middle of a transfer looks the same, but not again and again",
            ],
        },
        Cause::Reset => Words {
            means: "Connections were established and then reset by one side, without a FIN.",
            look_at: &[
                "Check the application on the side that sends the RST: crashes, restarts, timeouts, connection limits",
            ],
            against: &["Health checks, load balancers and some clients normally close with a RST"],
        },
        _ => return None,
    })
}

fn overloaded(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::NlbHairpin => Words {
            means: "The target calls the Network Load Balancer that it is a target of, and the load balancer sends the request \
                    back to it. With client IP preservation the packet arrives with the target's own address as its source, \
                    and the host drops it. It happens only when the load balancer picks that target.",
            look_at: &[
                "Check EC2 > Target groups > Attributes: turn off client IP preservation, or register the target by IP \
                 address",
                "Let the service call itself directly (localhost), or use an Application Load Balancer",
            ],
            against: &[],
        },
        Cause::SynFlood => Words {
            means: "Very many sources outside send SYNs to one service in a short time, and the handshakes do not complete. \
                    The addresses may be spoofed. A full SYN queue makes other clients wait or fail too.",
            look_at: &[
                "Check AWS Shield and the load balancer metrics (NewConnectionCount, NewFlowCount) at that time",
                "Check the host: SYN cookies and the length of the SYN queue (nstat -az TcpExtTCPReqQFullDoCookies, \
                 TcpExtListenDrops)",
            ],
            against: &["A very popular service whose return path is broken looks the same"],
        },
        Cause::NatPorts => Words {
            means: "Requests to one destination arrive at the NAT gateway, and a part of them does not leave it, while requests \
                    to other destinations do. A NAT gateway has 55,000 ports for each destination (address, port, protocol) and \
                    each of its addresses. When all are in use, it drops new connections.",
            look_at: &[
                "Check CloudWatch > NATGateway: ErrorPortAllocation, ActiveConnectionCount and PacketsDropCount at that time",
                "Reuse connections (keep-alive, a connection pool) to this destination, or close idle ones sooner",
                "Add secondary addresses to the NAT gateway, or spread the sources over several NAT gateways",
            ],
            against: &[
                "A destination that limits connections looks the same, but its SYNs leave the NAT gateway",
            ],
        },
        Cause::SynBacklog => Words {
            means: "The SYNs reach the host's ENI, and in some short periods the host answers none of its clients. Between \
                    these periods it answers all of them. The host drops SYNs while its SYN queue or its accept queue is \
                    full, because too many clients connect at once or the application accepts connections too slowly.",
            look_at: &[
                "Check the host's counters at these times: nstat -az TcpExtListenOverflows TcpExtListenDrops \
                 TcpExtTCPReqQFullDrop",
                "Check the queue sizes: net.core.somaxconn, net.ipv4.tcp_max_syn_backlog, and the backlog that the \
                 application passes to listen (ss -ltn, column Send-Q)",
                "Check the application for pauses (garbage collection, no free worker) and the host for CPU credits",
            ],
            against: &[
                "A host that hangs or loses its network for some seconds, again and again, looks the same",
            ],
        },
        Cause::Intermittent => Words {
            means: "Some attempts to one service fail while others succeed, so no rule or route forbids the traffic \
                    altogether: one of several hosts, zones or paths is faulty, or the service is at its limit.",
            look_at: &[
                "Check what the failing attempts have in common: that zone's route table, that ENI, the deployment or load \
                 at that time",
                "Check accept queues, connection limits and port exhaustion",
            ],
            against: &[],
        },
        _ => return None,
    })
}

fn harmless(cause: Cause) -> Words {
    match cause {
        Cause::Scan => Words {
            means: "One source tries many ports or hosts without success. From the internet this is background noise. \
                    From inside it is an authorized scanner, a misconfigured client, or an intruder.",
            look_at: &[
                "For a source inside, check what runs on that host, and GuardDuty findings (Recon, Portscan)",
            ],
            against: &["Inventory and monitoring tools scan as part of their normal work"],
        },
        Cause::Unsolicited => Words {
            means: "A NAT gateway accepts packets from the internet only as answers to connections from inside. It drops \
                    all others, although its ENI logs them as ACCEPT. This is harmless.",
            look_at: &["No action is needed"],
            against: &[],
        },
        _ => Words {
            means: "Packets were rejected that belong to a closed connection, or to one with no other records: connection \
                    tracking no longer knows it. This is harmless.",
            look_at: &["No action is needed unless an application reports errors"],
            against: &[],
        },
    }
}
