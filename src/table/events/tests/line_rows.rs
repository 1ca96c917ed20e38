//! Rows of load balancer logs.

use super::*;

/// A line of an access log with all 34 fields.
const ALB: &str = concat!(
    r#"https 2026-03-14T02:15:04.186641Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.2.7:8080 "#,
    r#"0.001 -1 -1 502 - 34 366 "GET https://www.example.com:443/api/v1?a=1 HTTP/1.1" "curl/8.5.0" "#,
    r#"ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "#,
    r#"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/73e2d6bc24d8a067 "#,
    r#""Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:x" 1 "#,
    r#"2026-03-14T02:15:04.100000Z "waf,forward" "-" "-" "10.0.2.8:8080 10.0.2.7:8080" "502 -" "-" "-" "#,
    r#"TID_1234abcd5678ef90 "h.example.com" "/v2" "TransformSuccess" 10.0.1.9"#,
);

/// The first fields of that line.
fn cut(count: usize) -> String {
    let tokens = crate::event::Tokens::of(ALB).unwrap();
    let quoted = (0..count).map(|index| match tokens.is_quoted(index) {
        true => format!("\"{}\"", tokens.raw(index)),
        false => tokens.raw(index).to_owned(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[test]
fn alb_line_of_all_fields_is_a_row_of_all_columns() {
    let rows = rows(
        LogTable::AlbAccessLogs,
        &[ALB, &format!("{ALB} new \"and newer\"")],
    );
    let expected = [
        "type=https",
        "time=2026-03-14T02:15:04.186641Z",
        "elb=app/web/50dc6c495c0c9188",
        "client_ip=203.0.113.9",
        "client_port=2817",
        "target_ip=10.0.2.7",
        "target_port=8080",
        "request_processing_time=0.001",
        "target_processing_time=-1",
        "response_processing_time=-1",
        "elb_status_code=502",
        "target_status_code=-",
        "received_bytes=34",
        "sent_bytes=366",
        "request_verb=GET",
        "request_url=https://www.example.com:443/api/v1?a=1",
        "request_proto=HTTP/1.1",
        "user_agent=curl/8.5.0",
        "ssl_cipher=ECDHE-RSA-AES128-GCM-SHA256",
        "ssl_protocol=TLSv1.2",
        "target_group_arn=arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/73e2d6bc24d8a067",
        "trace_id=Root=1-58337281-1d84f3d73c47ec4e58577259",
        "domain_name=www.example.com",
        "chosen_cert_arn=arn:aws:acm:x",
        "matched_rule_priority=1",
        "request_creation_time=2026-03-14T02:15:04.100000Z",
        "actions_executed=waf,forward",
        "redirect_url=-",
        "lambda_error_reason=-",
        "target_port_list=10.0.2.8:8080 10.0.2.7:8080",
        "target_status_code_list=502 -",
        "classification=-",
        "classification_reason=-",
        "conn_trace_id=TID_1234abcd5678ef90",
        "transformed_host=h.example.com",
        "transformed_uri=/v2",
        "request_transform_status=TransformSuccess",
        "ip_address=10.0.1.9",
    ];
    assert_eq!(whole_row(&rows, 0), expected);
    assert_eq!(whole_row(&rows, 1), expected);
}

#[test]
fn alb_line_of_any_length_has_the_columns_of_its_fields() {
    let all = whole_row(&rows(LogTable::AlbAccessLogs, &[ALB]), 0);
    for (fields, columns) in [
        (12, 14),
        (16, 20),
        (18, 22),
        (21, 25),
        (25, 29),
        (27, 31),
        (29, 33),
        (30, 34),
        (33, 37),
        (34, 38),
    ] {
        let rows = rows(LogTable::AlbAccessLogs, &[&cut(fields)]);
        assert_eq!(whole_row(&rows, 0), all[..columns], "{fields}");
    }
}

#[test]
fn odd_alb_lines_keep_their_texts() {
    let line = |client: &str, target: &str, request: &str| {
        format!(
            r#"wss 2026-03-14T02:15:04.000001Z app/web/1 {client} {target} - -1 0.000 101 304 - 587 "{request}" "\x22Agent/\x22" - - - "" "*" "session-reused" -"#
        )
    };
    let lines = [
        line(
            "[2001:db8::9]:57314",
            "2001:db8:1::29c8:80",
            "- http://host:80- ",
        ),
        line(
            "12.34.178.90.32:40860",
            "-",
            "SSTP_DUPLEX_POST http://a:80/x;y z HTTP/1.0 ",
        ),
        line("masked", "10.0.2.7:99999", "GET"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let rows = rows(LogTable::AlbAccessLogs, &lines);
    let names =
        "client_ip client_port target_ip target_port request_verb request_url request_proto";
    for (row, expected) in [
        "2001:db8::9|57314|2001:db8:1::29c8|80|-|http://host:80-|",
        "12.34.178.90.32|40860||NULL|SSTP_DUPLEX_POST|http://a:80/x;y z HTTP/1.0|",
        "masked|NULL|10.0.2.7|99999|GET|NULL|NULL",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(cells(&rows, row, names), expected);
    }
    let names = "request_processing_time target_processing_time response_processing_time received_bytes user_agent \
        ssl_cipher trace_id domain_name chosen_cert_arn matched_rule_priority request_creation_time";
    let expected = r"NULL|-1|0|NULL|\x22Agent/\x22|-||*|session-reused|-|NULL";
    assert_eq!(cells(&rows, 0, names), expected);
}

#[test]
fn alb_json_is_the_row_of_its_line() {
    let line = r#"h2 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 - 0.001 -1 -1 502 - 34 366 "GET https://a:443/ HTTP/2.0" "a \x22b\x22""#;
    let named = r#"{"type":"h2","time":"2026-03-14T02:15:04.186641Z","elb":"app/web/1","client:port":"203.0.113.9:2817",
        "target:port":"-","request_processing_time":0.001,"target_processing_time":-1,"response_processing_time":"-1",
        "elb_status_code":502,"target_status_code":"-","received_bytes":34,"sent_bytes":"366",
        "request":"GET https://a:443/ HTTP/2.0","user_agent":"a \\x22b\\x22","ssl_cipher":null}"#;
    let apart = named
        .replace(
            r#""client:port":"203.0.113.9:2817""#,
            r#""client_ip":"203.0.113.9","client_port":2817"#,
        )
        .replace(
            r#""target:port":"-""#,
            r#""target_ip":"-","target_port":"-""#,
        );
    let rows = rows(LogTable::AlbAccessLogs, &[line, named, &apart]);
    assert_eq!(whole_row(&rows, 1), whole_row(&rows, 0));
    assert_eq!(whole_row(&rows, 2), whole_row(&rows, 0));
    assert_eq!(whole_row(&rows, 0).len(), 17);
}

#[test]
fn address_without_a_port_in_json_is_kept() {
    let text = r#"{"type":"h2","time":"2026-03-14T02:15:04.186641Z","elb":"app/web/1","client_ip":"2001:db8::9",
        "elb_status_code":502,"target_status_code":"-","request":"-","target_group_arn":"-"}"#;
    let rows = rows(LogTable::AlbAccessLogs, &[text]);
    assert_eq!(
        cells(&rows, 0, "client_ip client_port target_ip"),
        "2001:db8::9|NULL|NULL"
    );
}

#[test]
fn alb_connections_have_11_fields_or_more() {
    let lines = [
        r#"2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - "-" - - -"#,
        concat!(
            "2026-03-14T02:15:04.562461Z 2001:db8::9 36280 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.036 ",
            r#""CN=a.example.com,O=Example Ltd" NotBefore=2025-09-12T18:34:00Z;NotAfter=2027-10-02T18:34:00Z "#,
            "FEF257372D5C14D4 Failed:ClientCertUntrusted TID_3180a73013c8ca4bac2f731159d4b0fe x25519",
        ),
        r#"{"timestamp":"2026-03-14T02:15:04.562461Z","client_ip":"203.0.113.9","client_port":58206,"listener_port":80,"tls_protocol":"-","tls_cipher":"-","tls_handshake_latency":"-","leaf_client_cert_subject":"-","leaf_client_cert_validity":"-","leaf_client_cert_serial_number":"-","tls_verify_status":"-","conn_trace_id":"TID_1"}"#,
        r#"2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - "-" - - - TID_1"#,
    ];
    let rows = rows(LogTable::AlbConnectionLogs, &lines);
    let names = "client_ip client_port listener_port tls_protocol tls_handshake_latency leaf_client_cert_subject \
        tls_verify_status conn_trace_id";
    assert_eq!(
        cells(&rows, 0, names),
        "203.0.113.9|58206|80|-|NULL|-|-|NULL"
    );
    assert_eq!(
        cells(&rows, 1, names),
        "2001:db8::9|36280|443|TLSv1.3|0.036|CN=a.example.com,O=Example Ltd|Failed:ClientCertUntrusted|\
         TID_3180a73013c8ca4bac2f731159d4b0fe"
    );
    assert_eq!(whole_row(&rows, 2), whole_row(&rows, 3));
}

#[test]
fn nlb_lines_have_21_fields_or_more_and_quotes_in_the_alpn_list() {
    let start = concat!(
        "tls 2.0 2026-03-14T02:15:40 net/web/c6e77e28c25b2234 g3d4b5e8bb8464cd 203.0.113.9:51341 ",
        "10.0.1.5:443 5000 2 29 2433 - arn:aws:acm:x - ECDHE-RSA-AES128-SHA tlsv12 - ",
    );
    let lines = [
        format!(r#"{start}web.example.com h2 - "h2","http/1.1" 2026-03-14T02:15:35 x25519"#),
        format!(r#"{start}web.example.com h2 - "h2""#),
        "tls 2.0 2026-03-14T02:15:40 net/web/1 g [2001:db8::9]:51341 10.0.1.5:443 0 - 0 0 40 - - - - - - - - -".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let rows = rows(LogTable::NlbTlsLogs, &lines);
    let names = "listener_id client_ip client_port target_ip target_port tcp_connection_time_ms tls_handshake_time_ms \
        received_bytes sent_bytes incoming_tls_alert alpn_client_preference_list tls_connection_creation_time";
    for (row, expected) in [
        r#"g3d4b5e8bb8464cd|203.0.113.9|51341|10.0.1.5|443|5000|2|29|2433|NULL|"h2","http/1.1"|2026-03-14T02:15:35"#,
        r#"g3d4b5e8bb8464cd|203.0.113.9|51341|10.0.1.5|443|5000|2|29|2433|NULL|"h2"|NULL"#,
        "g|2001:db8::9|51341|10.0.1.5|443|0|NULL|0|0|40|-|NULL",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(cells(&rows, row, names), expected);
    }
}

#[test]
fn nlb_and_clb_json_are_the_rows_of_their_lines() {
    let line = r#"tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 2433 - - - - tlsv12 - - h2 - "h2","http/1.1""#;
    let named = r#"{"type":"tls","version":"2.0","time":"2026-03-14T02:15:40","elb":"net/web/1","listener":"g",
        "client:port":"203.0.113.9:51341","destination_ip":"10.0.1.5","destination_port":443,"connection_time":5000,
        "tls_handshake_time":2,"received_bytes":29,"sent_bytes":2433,"incoming_tls_alert":"-","chosen_cert_arn":"-",
        "chosen_cert_serial":"-","tls_cipher":"-","tls_protocol_version":"tlsv12","tls_named_group":"-","domain_name":"-",
        "alpn_fe_protocol":"h2","alpn_be_protocol":"-","alpn_client_preference_list":"\"h2\",\"http/1.1\""}"#;
    let nlb = rows(LogTable::NlbTlsLogs, &[line, named]);
    assert_eq!(whole_row(&nlb, 1), whole_row(&nlb, 0));
    let line = r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 - -1 -1 -1 503 0 0 0 "GET http://a:80/ HTTP/1.1""#;
    let named = r#"{"timestamp":"2026-03-14T02:15:04.945958Z","elb":"web","client_ip":"203.0.113.9","client_port":2817,
        "backend:port":"-","request_processing_time":-1,"backend_processing_time":-1,"response_processing_time":-1,
        "elb_status_code":503,"backend_status_code":"0","received_bytes":0,"sent_bytes":0,
        "request":"GET http://a:80/ HTTP/1.1"}"#;
    let clb = rows(LogTable::ElbLogs, &[line, named]);
    assert_eq!(whole_row(&clb, 1), whole_row(&clb, 0));
}

#[test]
fn clb_lines_have_12_fields_or_more() {
    let lines = [
        concat!(
            "2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000073 0.001048 0.0003 200 200 ",
            r#"0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - - h2 extra"#,
        ),
        r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 - -1 -1 -1 408 - 1294336 0 "GET http://a:80/ HTTP/1.1""#,
        r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000069 0.000028 0.000041 - - 82 305 "- - - " "-" - -"#,
    ];
    let rows = rows(LogTable::ElbLogs, &lines);
    let names = "elb_name request_ip request_port backend_ip backend_port backend_processing_time elb_response_code \
        backend_response_code received_bytes request_verb url protocol user_agent ssl_protocol";
    for (row, expected) in [
        "web|203.0.113.9|2817|10.0.1.5|80|0.001048|200|200|0|GET|http://www.example.com:80/|HTTP/1.1|curl/7.38.0|-",
        "web|203.0.113.9|2817||NULL|-1|408|-|1294336|GET|http://a:80/|HTTP/1.1|NULL|NULL",
        "web|203.0.113.9|2817|10.0.1.5|80|0.000028|-|-|82|-|-|- |-|-",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(cells(&rows, row, names), expected);
    }
}
