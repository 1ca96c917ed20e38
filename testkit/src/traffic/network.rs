//! The ENIs that write the logs, and the hosts outside that they talk to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::random::Random;

/// Who owns the ENIs, in turn.
pub const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];

/// Where all of them are.
pub const REGION: &str = "eu-central-1";

/// An ENI; the words of its records that never change are ready to be copied.
#[derive(Debug)]
pub(super) struct Eni {
    /// Index in [`ACCOUNTS`].
    pub account: usize,
    /// `account-id interface-id`.
    pub name: String,
    /// `vpc-id subnet-id instance-id`.
    pub home: String,
    pub zone: &'static str,
    pub address: Ipv4Addr,
    pub address_v6: Ipv6Addr,
    /// Nothing ever happens here: every interval is NODATA.
    pub idle: bool,
    /// Its intervals begin so many milliseconds after the full minute.
    pub phase_ms: u64,
    /// The source port that it took last.
    last_port: u16,
}

impl Eni {
    fn new(index: u16, random: &mut Random) -> Self {
        let vpc = index / 64;
        let subnet = vpc * 4 + index % 4;
        let account = usize::from(vpc) % ACCOUNTS.len();
        let id = |kind: &str, number: u16, factor: u64| {
            let digits = u64::from(number + 1).wrapping_mul(factor) >> 4;
            format!("{kind}-0{digits:016x}")
        };
        let instance = match index % 10 {
            // Load balancers and the like belong to no instance.
            9 => "-".to_owned(),
            _ => id("i", index, 0xd1b5_4a32_d192_ed03),
        };
        let [vpc_byte, subnet_byte] = [vpc, subnet].map(|n| u8::try_from(n % 256).unwrap_or(0));
        let host = u8::try_from(10 + index % 64).unwrap_or(0);
        Self {
            account,
            name: format!(
                "{} {}",
                ACCOUNTS[account],
                id("eni", index, 0x9e37_79b9_7f4a_7c15)
            ),
            home: format!(
                "{} {} {instance}",
                id("vpc", vpc, 0xa076_1d64_78bd_642f),
                id("subnet", subnet, 0xe703_7ed1_a0b4_28db),
            ),
            zone: ["euc1-az1", "euc1-az2", "euc1-az3"][usize::from(subnet) % 3],
            address: Ipv4Addr::new(10, vpc_byte, subnet_byte, host),
            address_v6: Ipv6Addr::new(0x2001, 0xdb8, 0x10, vpc, subnet, 0, 0, 0x10 + index),
            idle: index % 32 == 31,
            phase_ms: random.below(60) * 1000,
            last_port: 32_768 + random.small(0, 20_000),
        }
    }

    /// The next source port: none comes again before all others were used.
    fn next_port(&mut self) -> u16 {
        self.last_port = match self.last_port {
            60_999.. => 32_768,
            port => port + 1,
        };
        self.last_port
    }
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The ENI in front of it, by index; hosts outside have none.
    pub eni: Option<u16>,
    /// The address in the packet.
    pub address: IpAddr,
    pub port: u16,
    /// What AWS would call this address.
    pub service: &'static str,
}

/// All ENIs.
#[derive(Debug)]
pub(super) struct Network {
    pub enis: Vec<Eni>,
    busy: Vec<u16>,
}

impl Network {
    pub(super) fn new(eni_count: u16, random: &mut Random) -> Self {
        let enis: Vec<Eni> = (0..eni_count)
            .map(|index| Eni::new(index, random))
            .collect();
        let busy = (0..eni_count).filter(|index| !enis[usize::from(*index)].idle);
        Self {
            busy: busy.collect(),
            enis,
        }
    }

    /// An end behind one of the ENIs; port 0 stands for one that is not in use.
    pub(super) fn inside(&mut self, port: u16, v6: bool, random: &mut Random) -> End {
        let index = random.of(&self.busy);
        let eni = &mut self.enis[usize::from(index)];
        let [_, vpc, subnet, _] = eni.address.octets();
        let address = if v6 {
            IpAddr::V6(eni.address_v6)
        } else if random.percent(15) {
            // A pod: its address is in the packet, that of its node in the record.
            let pod = u8::try_from(random.below(16)).unwrap_or(0);
            let node = u8::try_from(index % 16).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::new(10, 128 | vpc, subnet, node << 4 | pod))
        } else {
            IpAddr::V4(eni.address)
        };
        let port = if port == 0 { eni.next_port() } else { port };
        End {
            eni: Some(index),
            address,
            port,
            service: "-",
        }
    }

    /// A server outside: few, and some of them are AWS's own.
    pub(super) fn server(port: u16, v6: bool, random: &mut Random) -> End {
        let number = random.small(0, 199);
        let service = ["AMAZON", "S3", "EC2", "DYNAMODB", "-", "-", "-", "-"];
        let host = u8::try_from(number).unwrap_or(0);
        End {
            eni: None,
            address: if v6 {
                IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, number))
            } else {
                IpAddr::V4(Ipv4Addr::new(198, 51, 100, host))
            },
            port,
            service: service[usize::from(number % 8)],
        }
    }

    /// A client outside: any address at all.
    pub(super) fn client(v6: bool, random: &mut Random) -> End {
        let address = if v6 {
            let groups = [0; 4].map(|_: u16| random.small(0, u16::MAX));
            let [a, b, c, d] = groups;
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x8000 | a, b, c, 0, 0, d))
        } else {
            let bits = u32::try_from(random.between(0x0b00_0000, 0xa8ff_ffff)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(bits))
        };
        End {
            eni: None,
            address,
            port: random.small(1024, u16::MAX),
            service: "-",
        }
    }
}
