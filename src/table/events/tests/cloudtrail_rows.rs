//! Rows of CloudTrail.

use arrow_array::StructArray;

use super::*;

const CALL: &str = r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROA:ana",
    "arn":"arn:aws:sts::123456789012:assumed-role/Admin/ana","accountId":"123456789012","accessKeyId":"ASIA",
    "onBehalfOf":{"userId":"u-1","identityStoreArn":"arn:aws:identitystore::1:identitystore/d-1"},
    "sessionContext":{"sessionIssuer":{"type":"Role","userName":"Admin"},"ec2RoleDelivery":"2.0",
    "webIdFederationData":{"federatedProvider":"p","attributes":{"sub":"a\"b","n":null,"o":{"x":1}}},
    "attributes":{"mfaAuthenticated":"false","creationDate":"2026-03-14T01:00:00Z"}}},
    "eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"CreateRoute",
    "awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7","userAgent":"caf\u00e9",
    "requestParameters":{"routeTableId": "rtb-1",  "n":1.50},"responseElements":null,
    "eventID":"6c30","readOnly":false,"managementEvent":true,
    "resources":[{"ARN":"arn:a","accountId":"1","type":"AWS::S3::Bucket"},null,{"arn":"arn:b"}],
    "tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"c","clientProvidedHostHeader":"h"}}"#;

fn member<'r>(of: &'r StructArray, path: &str) -> &'r dyn Array {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = of.column_by_name(name).unwrap();
    match rest {
        "" => found,
        rest => member(found.as_struct(), rest),
    }
}

#[test]
fn members_are_columns_and_parameters_keep_their_text() {
    let rows = rows(LogTable::CloudTrailLogs, &[CALL]);
    let names = "eventversion eventtime eventname sourceipaddress useragent requestparameters responseelements \
        readonly eventid errorcode";
    let expected = r#"1.11|2026-03-14T02:15:04Z|CreateRoute|198.51.100.7|café|{"routeTableId": "rtb-1",  "n":1.50}|NULL|false|6c30|NULL"#;
    assert_eq!(cells(&rows, 0, names), expected);
    let tls = rows.column_by_name("tlsdetails").unwrap().as_struct();
    assert_eq!(cell(member(tls, "tlsversion"), 0), "TLSv1.3");
    assert!(rows.column_by_name("addendum").unwrap().is_null(0));
}

#[test]
fn identity_is_a_struct_of_structs() {
    let rows = rows(LogTable::CloudTrailLogs, &[CALL]);
    let identity = rows.column_by_name("useridentity").unwrap().as_struct();
    for (path, expected) in [
        ("type", "AssumedRole"),
        ("principalid", "AROA:ana"),
        ("invokedby", "NULL"),
        ("onbehalfof.userid", "u-1"),
        ("sessioncontext.attributes.mfaauthenticated", "false"),
        ("sessioncontext.sessionissuer.username", "Admin"),
        ("sessioncontext.sessionissuer.arn", "NULL"),
        ("sessioncontext.ec2roledelivery", "2.0"),
        ("sessioncontext.webidfederationdata.federatedprovider", "p"),
        (
            "sessioncontext.webidfederationdata.attributes",
            r#"{"sub":"a\"b","n":null,"o":{"x":1}}"#,
        ),
    ] {
        assert_eq!(cell(member(identity, path), 0), expected, "{path}");
    }
}

#[test]
fn resources_are_a_list_of_structs() {
    let one = CALL
        .replace("[{\"ARN\"", "{\"ARN\"")
        .replace("{\"arn\":\"arn:b\"}]", "1");
    let none = CALL.replace("\"resources\"", "\"others\"");
    assert!(crate::event::ObjectMembers::of(&one).is_none());
    let rows = rows(LogTable::CloudTrailLogs, &[CALL, &none, CALL]);
    let resources = rows.column_by_name("resources").unwrap().as_list::<i32>();
    let arns = |row| {
        let list = resources.value(row);
        let arns = list.as_struct().column_by_name("arn").unwrap();
        (0..list.len())
            .map(|row| cell(arns, row))
            .collect::<Vec<_>>()
    };
    assert_eq!((arns(0), arns(2)), (arns(2), arns(0)));
    assert_eq!(arns(0), ["arn:a", "NULL", "arn:b"]);
    assert!(resources.is_null(1));
}

#[test]
fn members_of_the_wrong_type_are_null_or_text() {
    let text = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"s","eventName":"n","eventID":7,
        "userIdentity":"root","resources":{"ARN":"a"},"tlsDetails":[],"requestParameters":"x","readOnly":"true",
        "errorMessage":["a",{}],"apiVersion":1.0}"#;
    let rows = rows(LogTable::CloudTrailLogs, &[text]);
    for name in ["useridentity", "resources", "tlsdetails"] {
        assert!(rows.column_by_name(name).unwrap().is_null(0), "{name}");
    }
    let names = "eventid requestparameters readonly errormessage apiversion";
    assert_eq!(cells(&rows, 0, names), r#"7|x|true|["a",{}]|1.0"#);
}

#[test]
fn hostile_values_cost_only_themselves() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let long = "é".repeat(100_000);
    let many = r#"{"ARN":"a"},"#.repeat(10_000);
    let call = |more: &str| {
        format!(
            r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"s","eventName":"n","eventID":"1",{more}}}"#
        )
    };
    let texts = [
        call(&format!(r#""requestParameters":{deep}"#)),
        call(&format!(r#""userAgent":"{long}\u0000\u009b31m""#)),
        call(&format!(r#""resources":[{many}{{}}]"#)),
        call(r#""useridentity":{"TYPE":"a"},"userIdentity":{"type":"b"},"errorCode":"\ud800""#),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rows = rows(LogTable::CloudTrailLogs, &texts);
    assert_eq!(rows.num_rows(), 4);
    assert_eq!(cells(&rows, 0, "requestparameters"), deep);
    assert_eq!(cells(&rows, 1, "useragent"), format!("{long}\0\u{9b}31m"));
    let resources = rows.column_by_name("resources").unwrap().as_list::<i32>();
    assert_eq!(resources.value(2).len(), 10_001);
    let identity = rows.column_by_name("useridentity").unwrap().as_struct();
    assert_eq!(cell(member(identity, "type"), 3), "a");
}
