//! `cloudtrail_logs`: API calls.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html>
//!
//! `requestparameters`, `responseelements`, `additionaleventdata`, `serviceeventdetails` and
//! `edgedevicedetails` are JSON text, byte for byte as in the log. Truth values are the text `true`
//! or `false`. `webidfederationdata.attributes` is JSON text too; in AWS's table it is a map, which CSV and
//! some readers of Parquet do not have.

use super::super::column::ColumnType::{List, Struct, Text};
use super::super::column::{ColumnType, TableColumn};

/// The columns. Each is the member of the event with the same name in any case.
pub(super) const TABLE: &[TableColumn] = &[
    text("eventversion"),
    TableColumn::new("useridentity", Struct(IDENTITY)),
    text("eventtime"),
    text("eventsource"),
    text("eventname"),
    text("awsregion"),
    text("sourceipaddress"),
    text("useragent"),
    text("errorcode"),
    text("errormessage"),
    text("requestparameters"),
    text("responseelements"),
    text("additionaleventdata"),
    text("requestid"),
    text("eventid"),
    TableColumn::new("resources", List(&RESOURCE)),
    text("eventtype"),
    text("apiversion"),
    text("readonly"),
    text("recipientaccountid"),
    text("serviceeventdetails"),
    text("sharedeventid"),
    text("vpcendpointid"),
    text("vpcendpointaccountid"),
    text("eventcategory"),
    TableColumn::new("addendum", Struct(ADDENDUM)),
    text("sessioncredentialfromconsole"),
    text("edgedevicedetails"),
    TableColumn::new("tlsdetails", Struct(TLS)),
];

const fn text(name: &'static str) -> TableColumn {
    TableColumn::new(name, Text)
}

const IDENTITY: &[TableColumn] = &[
    text("type"),
    text("principalid"),
    text("arn"),
    text("accountid"),
    text("invokedby"),
    text("accesskeyid"),
    text("username"),
    TableColumn::new(
        "onbehalfof",
        Struct(&[text("userid"), text("identitystorearn")]),
    ),
    TableColumn::new("sessioncontext", Struct(SESSION)),
];

const SESSION: &[TableColumn] = &[
    TableColumn::new(
        "attributes",
        Struct(&[text("mfaauthenticated"), text("creationdate")]),
    ),
    TableColumn::new(
        "sessionissuer",
        Struct(&[
            text("type"),
            text("principalid"),
            text("arn"),
            text("accountid"),
            text("username"),
        ]),
    ),
    text("ec2roledelivery"),
    TableColumn::new(
        "webidfederationdata",
        Struct(&[text("federatedprovider"), text("attributes")]),
    ),
];

const RESOURCE: ColumnType = Struct(&[text("arn"), text("accountid"), text("type")]);

const ADDENDUM: &[TableColumn] = &[
    text("reason"),
    text("updatedfields"),
    text("originalrequestid"),
    text("originaleventid"),
];

const TLS: &[TableColumn] = &[
    text("tlsversion"),
    text("ciphersuite"),
    text("clientprovidedhostheader"),
];
