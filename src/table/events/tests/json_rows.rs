//! Rows of logs that are JSON, other than CloudTrail.

use super::*;

#[test]
fn dns_query_has_its_answers_and_its_instance() {
    let query = r#"{"version":"1.100000","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-0a1b",
        "query_timestamp":"2026-03-14T02:15:04Z","query_name":"db.example.com.","query_type":"A","query_class":"IN",
        "rcode":"NOERROR","answers":[{"Rdata":"db1.example.com.","Type":"CNAME","Class":"IN"},{"Rdata":"10.0.2.7",
        "Type":"A","Class":"IN"}],"srcaddr":"10.0.1.5","srcport":"41000","transport":"UDP","srcids":{"instance":"i-0a1b"}}"#;
    let none = r#"{"query_timestamp":"2026-03-14T02:15:04Z","query_name":"a.test.","query_type":"AAAA","answers":[],
        "srcids":{},"srcport":70,"firewall_rule_action":"BLOCK"}"#;
    let rows = rows(LogTable::R53ResolverLogs, &[query, none]);
    let names = "version vpc_id query_name srcport firewall_rule_action";
    assert_eq!(
        cells(&rows, 0, names),
        "1.100000|vpc-0a1b|db.example.com.|41000|NULL"
    );
    assert_eq!(cells(&rows, 1, names), "NULL|NULL|a.test.|70|BLOCK");
    let answers = rows.column_by_name("answers").unwrap().as_list::<i32>();
    let of_query = answers.value(0);
    let data = of_query.as_struct().column_by_name("rdata").unwrap();
    assert_eq!(
        [cell(data, 0), cell(data, 1)],
        ["db1.example.com.", "10.0.2.7"]
    );
    assert_eq!((answers.is_null(1), answers.value(1).len()), (false, 0));
    let ids = rows.column_by_name("srcids").unwrap().as_struct();
    let instance = ids.column_by_name("instance").unwrap();
    assert_eq!([cell(instance, 0), cell(instance, 1)], ["i-0a1b", "NULL"]);
}

#[test]
fn waf_request_has_its_rules_and_headers() {
    let request = r#"{"timestamp":1773454504186,"formatVersion":1,"webaclId":"arn:w","terminatingRuleId":"rate",
        "terminatingRuleType":"RATE_BASED","action":"BLOCK","terminatingRuleMatchDetails":[],"httpSourceName":"ALB",
        "httpSourceId":"123456789012-app/web/1","ruleGroupList":[{"ruleGroupId":"g","terminatingRule":null,
        "nonTerminatingMatchingRules":[{"ruleId":"r","action":"COUNT","ruleMatchDetails":[{"conditionType":"XSS",
        "location":"URI","matchedData":["<","a"]}]}],"excludedRules":null}],"rateBasedRuleList":[{"rateBasedRuleId":"x",
        "limitKey":"IP","maxRateAllowed":100}],"nonTerminatingMatchingRules":[],"responseCodeSent":403,
        "httpRequest":{"clientIp":"203.0.113.9","country":"DE","headers":[{"name":"Host","value":"a"}],"uri":"/",
        "httpMethod":"GET","requestId":"1-2-3"},"labels":[{"name":"l"}],"requestBodySize":7}"#;
    let rows = rows(LogTable::WafLogs, &[request]);
    let names =
        "timestamp formatversion webaclid action responsecodesent requestbodysize ja3fingerprint";
    assert_eq!(
        cells(&rows, 0, names),
        "1773454504186|1|arn:w|BLOCK|403|7|NULL"
    );
    let http = rows.column_by_name("httprequest").unwrap().as_struct();
    assert_eq!(
        cell(http.column_by_name("clientip").unwrap(), 0),
        "203.0.113.9"
    );
    let headers = http
        .column_by_name("headers")
        .unwrap()
        .as_list::<i32>()
        .value(0);
    assert_eq!(
        cell(headers.as_struct().column_by_name("value").unwrap(), 0),
        "a"
    );
    let group = rows
        .column_by_name("rulegrouplist")
        .unwrap()
        .as_list::<i32>()
        .value(0);
    let passed = group
        .as_struct()
        .column_by_name("nonterminatingmatchingrules")
        .unwrap();
    let rule = passed.as_list::<i32>().value(0);
    let details = rule.as_struct().column_by_name("rulematchdetails").unwrap();
    let detail = details.as_list::<i32>().value(0);
    let data = detail.as_struct().column_by_name("matcheddata").unwrap();
    let data = data.as_list::<i32>().value(0);
    assert_eq!([cell(&data, 0), cell(&data, 1)], ["<", "a"]);
}
