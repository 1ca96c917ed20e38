//! VPC flow logs of Alibaba Cloud in JSON: records with one key per field.
//!
//! Simple Log Service exports them as JSON lines, with keys of its own such as `__topic__`. The names
//! of the fields are in [`Naming`], which also serves CSV with a header.

use super::batch::NamedValues;
use super::json::Json;
use crate::record::Naming;

/// Whether this is such a record.
pub(super) fn is_record(value: &Json<'_>) -> bool {
    let members = value.members().unwrap_or_default().iter();
    Naming::of(members.map(|(name, _)| name.as_bytes())) == Naming::Alibaba
}

/// Returns the record under the names of AWS.
pub(super) fn row<'a>(value: &Json<'a>) -> NamedValues<'a> {
    let members = value.members().unwrap_or_default().iter();
    let named = members.filter_map(|(name, value)| {
        let field = Naming::Alibaba.field(name.as_bytes())?;
        Some((field.name(), Some(value.clone())))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_the_names_of_aws() {
        let text =
            br#"{"__topic__":"flow_log","eni_id":"eni-1","vswitch_id":"vsw-1","direction":"out",
            "traffic_path":"8","srcaddr":"10.0.0.1"}"#;
        let value = Json::parse(text).unwrap();
        assert!(is_record(&value));
        let row = row(&value);
        let names: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["interface-id", "subnet-id", "flow-direction", "srcaddr"]
        );
    }

    #[test]
    fn object_without_a_vswitch_is_not_such_a_record() {
        let value = Json::parse(br#"{"eni-id":"eni-1","direction":"out"}"#).unwrap();
        assert!(!is_record(&value));
        assert!(!is_record(&Json::Null));
    }
}
