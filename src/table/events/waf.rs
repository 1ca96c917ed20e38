//! `waf_logs`: requests that AWS WAF inspected.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/create-waf-table-manual-partition.html>
//!
//! `timestamp` is in milliseconds since the Unix epoch.

use super::super::column::ColumnType::{BigInt, Int, List, Struct, Text};
use super::super::column::{ColumnType, TableColumn};

/// The columns. Each is the member of the row with the same name in any case.
pub(super) const TABLE: &[TableColumn] = &[
    TableColumn::new("timestamp", BigInt),
    TableColumn::new("formatversion", Int),
    text("webaclid"),
    text("terminatingruleid"),
    text("terminatingruletype"),
    text("action"),
    TableColumn::new("terminatingrulematchdetails", List(&MATCH)),
    text("httpsourcename"),
    text("httpsourceid"),
    TableColumn::new("rulegrouplist", List(&GROUP)),
    TableColumn::new("ratebasedrulelist", List(&RATE)),
    TableColumn::new("nonterminatingmatchingrules", List(&PASSED_RULE)),
    TableColumn::new("requestheadersinserted", List(&HEADER)),
    text("responsecodesent"),
    TableColumn::new("httprequest", Struct(REQUEST)),
    TableColumn::new("labels", List(&LABEL)),
    TableColumn::new("captcharesponse", Struct(TOKEN)),
    TableColumn::new("challengeresponse", Struct(TOKEN)),
    text("ja3fingerprint"),
    text("ja4fingerprint"),
    text("oversizefields"),
    TableColumn::new("requestbodysize", Int),
    TableColumn::new("requestbodysizeinspectedbywaf", Int),
];

const fn text(name: &'static str) -> TableColumn {
    TableColumn::new(name, Text)
}

const MATCH: ColumnType = Struct(&[
    text("conditiontype"),
    text("sensitivitylevel"),
    text("location"),
    TableColumn::new("matcheddata", List(&Text)),
]);

const SOLVED: &[TableColumn] = &[text("responsecode"), text("solvetimestamp")];

const TOKEN: &[TableColumn] = &[
    text("responsecode"),
    text("solvetimestamp"),
    text("failurereason"),
];

const GROUP: ColumnType = Struct(&[
    text("rulegroupid"),
    TableColumn::new(
        "terminatingrule",
        Struct(&[
            text("ruleid"),
            text("action"),
            TableColumn::new("rulematchdetails", List(&MATCH)),
        ]),
    ),
    TableColumn::new(
        "nonterminatingmatchingrules",
        List(&Struct(&[
            text("ruleid"),
            text("action"),
            text("overriddenaction"),
            TableColumn::new("rulematchdetails", List(&MATCH)),
            TableColumn::new("challengeresponse", Struct(SOLVED)),
            TableColumn::new("captcharesponse", Struct(SOLVED)),
        ])),
    ),
    text("excludedrules"),
]);

const RATE: ColumnType = Struct(&[
    text("ratebasedruleid"),
    text("limitkey"),
    TableColumn::new("maxrateallowed", Int),
]);

const PASSED_RULE: ColumnType = Struct(&[
    text("ruleid"),
    text("action"),
    TableColumn::new("rulematchdetails", List(&MATCH)),
    TableColumn::new("challengeresponse", Struct(SOLVED)),
    TableColumn::new("captcharesponse", Struct(SOLVED)),
]);

const HEADER: ColumnType = Struct(&[text("name"), text("value")]);

const LABEL: ColumnType = Struct(&[text("name")]);

const REQUEST: &[TableColumn] = &[
    text("clientip"),
    text("country"),
    TableColumn::new("headers", List(&HEADER)),
    text("uri"),
    text("args"),
    text("httpversion"),
    text("httpmethod"),
    text("requestid"),
    text("fragment"),
    text("scheme"),
    text("host"),
];
