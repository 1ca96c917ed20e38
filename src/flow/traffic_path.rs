//! The path by which packets leave an ENI: the column `traffic-path`.

/// The path of egress packets (Amazon VPC user guide, "Flow log records", field 29).
///
/// Records of ingress packets have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficPath {
    /// Another resource of the same VPC.
    SameVpc,
    /// An internet gateway or a gateway VPC endpoint, of instances not built on Nitro.
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
    /// All paths, in the order of their numbers, which begin with 1.
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

    /// Returns the path with this number; `None` for a number without a meaning, such as 0.
    pub fn of(number: u8) -> Option<Self> {
        let index = usize::from(number).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// Returns its number, 1 to 8.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns a description of the path.
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
    fn documented_numbers_are_paths_and_others_are_not() {
        let paths: Vec<Option<u8>> = (0..=10)
            .map(|number| TrafficPath::of(number).map(TrafficPath::number))
            .collect();
        let known = (1..=8).map(Some);
        let expected = std::iter::once(None).chain(known).chain([None, None]);
        assert_eq!(paths, expected.collect::<Vec<_>>());
        let gateway = TrafficPath::of(3).map(TrafficPath::name);
        assert_eq!(gateway, Some("a virtual private gateway"));
    }
}
