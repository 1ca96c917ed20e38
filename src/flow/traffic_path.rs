//! By which way packets leave an ENI: the column `traffic-path`.

/// The way of packets that leave (Amazon VPC user guide, "Flow log records", field 29).
///
/// Records of packets that enter have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficPath {
    /// Another resource of the same VPC.
    SameVpc,
    /// An internet gateway or a gateway VPC endpoint, of instances that are not Nitro's.
    Gateway,
    /// A virtual private gateway.
    VirtualPrivateGateway,
    /// A peering connection within the region.
    IntraRegionPeering,
    /// A peering connection to another region.
    InterRegionPeering,
    /// A local gateway.
    LocalGateway,
    /// A gateway VPC endpoint.
    GatewayEndpoint,
    /// An internet gateway.
    InternetGateway,
}

impl TrafficPath {
    /// All of them, in the order of their numbers, which begin with 1.
    const ALL: [Self; 8] = [
        Self::SameVpc,
        Self::Gateway,
        Self::VirtualPrivateGateway,
        Self::IntraRegionPeering,
        Self::InterRegionPeering,
        Self::LocalGateway,
        Self::GatewayEndpoint,
        Self::InternetGateway,
    ];

    /// The one of this number; none of a number that has no meaning, as 0.
    pub fn of(number: u8) -> Option<Self> {
        let index = usize::from(number).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// Its number, 1 to 8.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What it leads through, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameVpc => "another resource of the same VPC",
            Self::Gateway => "an internet gateway or a gateway endpoint",
            Self::VirtualPrivateGateway => "a virtual private gateway",
            Self::IntraRegionPeering => "a peering connection within the region",
            Self::InterRegionPeering => "a peering connection to another region",
            Self::LocalGateway => "a local gateway",
            Self::GatewayEndpoint => "a gateway endpoint",
            Self::InternetGateway => "an internet gateway",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_paths_and_others_name_none() {
        let told: Vec<Option<u8>> = (0..=10)
            .map(|number| TrafficPath::of(number).map(TrafficPath::number))
            .collect();
        let known = (1..=8).map(Some);
        let expected = std::iter::once(None).chain(known).chain([None, None]);
        assert_eq!(told, expected.collect::<Vec<_>>());
        let gateway = TrafficPath::of(3).map(TrafficPath::name);
        assert_eq!(gateway, Some("a virtual private gateway"));
    }
}
