//! The names that vendors give to the columns of their flow logs.
//!
//! Alibaba Cloud has most of the names of AWS, in JSON lines and in CSV with a header, and a few of
//! its own: <https://www.alibabacloud.com/help/en/sls/vpc>. They mean a field only if all names of the
//! log are known, because `direction` alone can be anything, and because the numbers of
//! `traffic_path` have other meanings than those of AWS.
//!
//! That document defines `bytes` as "the number of bytes" and not which headers count, so they are
//! read as the bytes of IP packets. `tcp-flags` is the OR of the flags in the interval, `start` and
//! `end` are Unix seconds, and inapplicable values are `-`, as at AWS.

use super::Field;
use super::field::spells;

/// The vendor whose names the columns of a log have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// AWS, or a tool that keeps its names.
    Aws,
    /// Alibaba Cloud.
    Alibaba,
}

impl Naming {
    /// Returns the vendor of a log with these names. Only Alibaba Cloud has vSwitches.
    pub(crate) fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Self {
        let (mut has_eni, mut has_vswitch) = (false, false);
        for name in names {
            has_eni |= spells(name, "eni-id");
            has_vswitch |= spells(name, "vswitch-id");
        }
        if has_eni && has_vswitch {
            Self::Alibaba
        } else {
            Self::Aws
        }
    }

    /// Returns the field that a name means.
    pub(crate) fn field(self, name: &[u8]) -> Option<Field> {
        if self == Self::Aws {
            return Field::from_name(name);
        }
        let own = ALIBABA.iter().find(|(own, _)| spells(name, own));
        own.map_or_else(|| Field::from_name(name), |(_, field)| *field)
    }
}

/// The names that differ from those of AWS, and the field that each means.
const ALIBABA: &[(&str, Option<Field>)] = &[
    ("eni-id", Some(Field::InterfaceId)),
    ("vm-id", Some(Field::InstanceId)),
    ("vswitch-id", Some(Field::SubnetId)),
    ("direction", Some(Field::FlowDirection)),
    ("traffic-path", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(names: &[&str]) -> Naming {
        Naming::of(names.iter().map(|name| name.as_bytes()))
    }

    #[test]
    fn log_with_an_eni_and_a_vswitch_has_the_names_of_alibaba() {
        for names in [["eni-id", "vswitch-id"], ["vswitch_id", "eni_id"]] {
            assert_eq!(naming(&names), Naming::Alibaba);
        }
        for names in [["eni-id", "subnet-id"], ["vswitch-id", "interface-id"]] {
            assert_eq!(naming(&names), Naming::Aws);
        }
    }

    #[test]
    fn names_mean_the_fields_of_their_vendor() {
        for (name, aws, alibaba) in [
            ("eni-id", None, Some(Field::InterfaceId)),
            ("vm_id", None, Some(Field::InstanceId)),
            ("vswitch-id", None, Some(Field::SubnetId)),
            ("direction", None, Some(Field::FlowDirection)),
            ("traffic_path", Some(Field::TrafficPath), None),
            ("tcp-flags", Some(Field::TcpFlags), Some(Field::TcpFlags)),
        ] {
            assert_eq!(Naming::Aws.field(name.as_bytes()), aws, "{name}");
            assert_eq!(Naming::Alibaba.field(name.as_bytes()), alibaba, "{name}");
        }
    }
}
