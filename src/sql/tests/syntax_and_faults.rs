//! JSON, lists and the syntax of Athena; the order of results; what is refused, and how.

use super::*;

#[test]
fn json_is_taken_apart() {
    check(
        "SELECT json_extract_scalar(requestparameters, '$.groupId') FROM cloudtrail_logs ORDER BY eventtime",
        "sg-1;\"\";\"\"",
    );
    check(
        "SELECT json_extract_scalar(requestparameters, '$.ipPermissions.items[0].fromPort') p FROM cloudtrail_logs WHERE eventname LIKE 'Revoke%'",
        "5432",
    );
    check(
        "SELECT CAST(json_extract(requestparameters, '$.ipPermissions.items[0].fromPort') AS BIGINT) + 1 FROM cloudtrail_logs WHERE eventname LIKE 'Revoke%'",
        "5433",
    );
    check(
        "SELECT eventname, json_extract_scalar(item, '$.ipProtocol') FROM cloudtrail_logs CROSS JOIN \
         UNNEST(CAST(json_extract(requestparameters, '$.ipPermissions.items') AS ARRAY(JSON))) AS t(item)",
        "RevokeSecurityGroupIngress,tcp",
    );
}

#[test]
fn lists_are_joined_as_rows() {
    let rows = "alice,a;alice,b;alice,c";
    check(
        "SELECT useridentity.username, tag FROM cloudtrail_logs CROSS JOIN UNNEST(tags) AS t(tag) ORDER BY 2",
        rows,
    );
    check(
        "SELECT c.useridentity.username, t.tag FROM cloudtrail_logs c CROSS JOIN UNNEST(c.tags) AS t (tag) ORDER BY t.tag",
        rows,
    );
    check(
        "SELECT useridentity.username, tag FROM cloudtrail_logs, UNNEST(tags) AS t(tag) WHERE tag <> 'x' ORDER BY tag",
        rows,
    );
    check(
        "SELECT tag, n FROM cloudtrail_logs CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t(tag, n) ORDER BY 1",
        "a,1;b,2;c,1",
    );
    check(
        "SELECT eventname, tag FROM cloudtrail_logs LEFT JOIN UNNEST(tags) AS t(tag) ON true ORDER BY 1, 2",
        "DescribeInstances,;RevokeSecurityGroupIngress,a;RevokeSecurityGroupIngress,b;RunInstances,c",
    );
    check("SELECT x FROM UNNEST(ARRAY[1, 2]) AS t(x)", "1;2");
}

#[test]
fn queries_in_from_need_no_name() {
    let side = |sum: &str| format!("(SELECT srcaddr, {sum} FROM vpc_flow_logs GROUP BY 1)");
    let (left, right) = (side("count(*) AS n"), side("sum(bytes) AS m"));
    let both = |what: &str| format!("SELECT {what} FROM {left} JOIN {right} USING (srcaddr)");
    let engine = engine(2);
    let joined = run(&engine, &both("count(*)")).unwrap();
    let alone = run(&engine, &format!("SELECT count(srcaddr) FROM {left}")).unwrap();
    assert_eq!(joined, alone);
    assert_ne!(joined, "_col0\n0\n");
}

#[test]
fn other_syntax_of_athena_is_accepted() {
    check(
        "SELECT bytes / packets, 7 / 2, sum(bytes) / count(*) FROM vpc_flow_logs WHERE dstport = '443' GROUP BY bytes, packets ORDER BY 1 LIMIT 1",
        "100,3,500",
    );
    check(
        "SELECT srcaddr FROM vpc_flow_logs ORDER BY bytes DESC NULLS LAST FETCH FIRST 2 ROWS ONLY",
        "10.0.0.1;10.0.0.2",
    );
    check(
        "SELECT `date`, \"DATE\", \"$path\" FROM `vpc_flow_logs` WHERE \"$path\" LIKE 'b%:1' -- comment\n;",
        "2020-05-05,2020-05-05,b.log:1",
    );
    check(
        "SELECT start/900*900 AS t, count(*) FROM vpc_flow_logs GROUP BY 1 ORDER BY 1",
        "1588550400,2;1588551300,2;1588636800,2",
    );
    check(
        "SELECT try(1 / 0), try(CAST('x' AS integer)), try(date_parse('x', '%Y')), TRY_CAST('1' AS double)",
        ",,,1.0",
    );
    check(
        "SELECT CAST(1.5 AS bigint), CAST(bytes / 3.0 AS integer) FROM vpc_flow_logs ORDER BY bytes LIMIT 1",
        "2,13",
    );
    check(
        "SELECT count(*) FROM vpc_flow_logs WHERE srcaddr = :address",
        "2",
    );
    check(
        "WITH r AS (SELECT * FROM vpc_flow_logs WHERE action = 'REJECT') SELECT count(*) FROM r a JOIN r b ON a.srcaddr = b.srcaddr",
        "2",
    );
    check(
        "SELECT action, protocol, count(*) FROM vpc_flow_logs GROUP BY GROUPING SETS ((action), (protocol)) ORDER BY 3 DESC, 1, 2 LIMIT 2",
        ",6,4;ACCEPT,,3",
    );
    check(
        "CREATE OR REPLACE VIEW rejected AS SELECT * FROM vpc_flow_logs WHERE action = 'REJECT'; SELECT count(*) FROM rejected",
        "2",
    );
    check(
        "CREATE EXTERNAL TABLE `mine` (`srcaddr` string); SELECT count(*) FROM mine",
        "6",
    );
    check(
        "SELECT DISTINCT lower(action) FROM vpc_flow_logs WHERE action IS NOT NULL ORDER BY lower(action)",
        "accept;reject",
    );
}

#[test]
fn columns_have_the_names_that_athena_gives() {
    let head = |sql: &str| {
        let text = run(&engine(1), sql).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        head(
            "SELECT count(*), SRCADDR, max(bytes) AS Most, srcaddr FROM vpc_flow_logs GROUP BY srcaddr"
        ),
        "_col0,srcaddr,most,srcaddr_1"
    );
    assert_eq!(
        head("SELECT useridentity.username, IF(true, 1) FROM cloudtrail_logs c"),
        "username,_col1"
    );
    assert_eq!(head("SELECT a.srcaddr FROM vpc_flow_logs a"), "srcaddr");
}

#[test]
fn rows_are_the_same_with_any_number_of_threads() {
    let sql = "SELECT action, srcaddr, sum(bytes) FROM vpc_flow_logs GROUP BY 1, 2 ORDER BY action";
    let unsorted = "SELECT srcaddr, count(*) FROM vpc_flow_logs GROUP BY 1";
    for sql in [sql, unsorted] {
        let one = run(&engine(1), sql).unwrap();
        for threads in [2, 3, 8] {
            assert_eq!(run(&engine(threads), sql).unwrap(), one, "{threads}");
        }
    }
}

#[test]
fn faults_say_what_is_wrong() {
    assert_eq!(
        refused("SELECT srcadr FROM vpc_flow_logs"),
        "there is no column srcadr"
    );
    assert_eq!(
        refused("SELECT 1 FROM flowlogs"),
        "there is no table flowlogs"
    );
    assert_eq!(
        refused("SELECT map_agg(srcaddr, bytes) FROM vpc_flow_logs"),
        "there is no function map_agg"
    );
    assert_eq!(
        refused("SELECT count(* FROM vpc_flow_logs"),
        "the SQL cannot be read: line 1, column 16: expected ), found FROM"
    );
    assert_eq!(
        refused("SELECT 1 FROM vpc_flow_logs WHERE"),
        "the SQL cannot be read: expected an expression, found the end of the text"
    );
    assert_eq!(
        refused("SELECT 'a"),
        "the SQL cannot be read: line 1, column 8: unterminated string literal"
    );
    assert_eq!(refused("SELECT :port"), "the query needs a value for :port");
    assert_eq!(
        refused("SELECT date_parse('x', '%Y')"),
        "the query cannot be run: date_parse: \"x\" does not fit the pattern at \"x\""
    );
    assert_eq!(
        refused("SELECT url_extract_host()"),
        "the query cannot be run: url_extract_host takes 1 argument, not 0"
    );
    assert_eq!(
        refused("INSERT INTO vpc_flow_logs VALUES (1)"),
        "INSERT is not possible: the logs are only read"
    );
    for sql in [
        "SELECT srcaddr, count(*) FROM vpc_flow_logs",
        "SELECT 1 / 0",
        "SELECT CAST('x' AS integer)",
        "SELECT sum(srcaddr) FROM vpc_flow_logs",
        "SELECT a.x FROM vpc_flow_logs a",
        "SELECT json_extract_scalar(tags, '$') FROM cloudtrail_logs",
        "SELECT srcaddr FROM vpc_flow_logs a JOIN vpc_flow_logs b ON true",
        "SET x = 1",
    ] {
        let fault = refused(sql);
        for word in [
            "planning",
            "Error",
            "error:",
            "DataFusion",
            "Internal",
            "Execution",
            "Schema",
        ] {
            assert!(!fault.contains(word), "{sql}\n{fault}");
        }
    }
    let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(refused(&deep).contains("nested too deeply"));
}

/// A table without rows. A column is text unless its type follows a colon.
fn empty(columns: &str) -> Arc<dyn TableProvider> {
    let fields = columns.split_whitespace().map(|column| {
        let (name, kind) = column.split_once(':').unwrap_or((column, "string"));
        let kind = match kind {
            "int" => DataType::Int32,
            "bigint" => DataType::Int64,
            "double" => DataType::Float64,
            "date" => DataType::Date32,
            "caller" => DataType::Struct(
                ["type", "principalid", "arn", "accountid", "username"]
                    .map(|name| ArrowField::new(name, DataType::Utf8View, true))
                    .to_vec()
                    .into(),
            ),
            _ => DataType::Utf8View,
        };
        ArrowField::new(name, kind, true)
    });
    let schema = Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()));
    let rows = RecordBatch::new_empty(Arc::clone(&schema));
    Arc::new(MemTable::try_new(schema, vec![vec![rows]]).unwrap())
}

/// AWS's table definitions.
fn aws_tables() -> Vec<(String, Arc<dyn TableProvider>)> {
    let flows = "version:int account_id interface_id srcaddr dstaddr srcport:int dstport:int protocol:bigint \
        packets:bigint bytes:bigint start:bigint end:bigint action log_status vpc_id subnet_id instance_id \
        tcp_flags:int type pkt_srcaddr pkt_dstaddr region az_id sublocation_type sublocation_id \
        pkt_src_aws_service pkt_dst_aws_service flow_direction traffic_path:int date:date day year month hour \
        account $path";
    let requests = "type time elb client_ip client_port:int target_ip target_port:int \
        request_processing_time:double target_processing_time:double response_processing_time:double \
        elb_status_code:int target_status_code received_bytes:bigint sent_bytes:bigint request_verb request_url \
        request_proto user_agent ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn \
        matched_rule_priority request_creation_time actions_executed redirect_url lambda_error_reason \
        target_port_list target_status_code_list classification classification_reason conn_trace_id date:date day \
        year month hour region account $path";
    let calls = "eventversion useridentity:caller eventtime eventsource eventname awsregion sourceipaddress \
        useragent errorcode errormessage requestparameters responseelements additionaleventdata requestid eventid \
        readonly eventtype apiversion recipientaccountid date:date day year month hour region account $path";
    [
        ("vpc_flow_logs", flows),
        ("alb_access_logs", requests),
        ("cloudtrail_logs", calls),
    ]
    .map(|(name, columns)| (name.to_owned(), empty(columns)))
    .to_vec()
}

#[test]
fn queries_that_have_names_can_be_planned() {
    for query in named_queries() {
        let room = EngineRoom {
            threads: 2,
            memory: 64 << 20,
            temp_dir: std::env::temp_dir(),
        };
        let examples = query
            .parameters()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let engine = Engine::with_tables(aws_tables(), &room, examples.collect()).unwrap();
        for statement in statements(query.sql).unwrap() {
            engine
                .check(&statement)
                .unwrap_or_else(|fault| panic!("{}: {fault}", query.name));
            let mut take = |_: &[u8]| Ok(());
            let mut writer = RowWriter::new(QueryForm::Csv, &mut take);
            engine
                .run(&statement, &mut writer)
                .unwrap_or_else(|fault| panic!("{}: {fault}", query.name));
        }
    }
}

#[test]
fn little_memory_is_said_to_be_too_little() {
    let rows = 400_000_i64;
    let numbers = table(vec![(
        "n",
        Arc::new((0..rows).collect::<Int64Array>()) as ArrayRef,
    )]);
    let room = EngineRoom {
        threads: 2,
        memory: 1 << 20,
        temp_dir: std::env::temp_dir(),
    };
    let engine =
        Engine::with_tables(vec![("t".into(), numbers)], &room, Parameters::new()).unwrap();
    match run(&engine, "SELECT cardinality(array_agg(n)) FROM t") {
        Err(QueryFault::NoMemory) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn addresses_are_compared_as_addresses() {
    check(
        "SELECT CAST('10.9.0.1' AS IPADDRESS) < CAST('10.10.0.1' AS IPADDRESS), \
         IPADDRESS '10.2.0.0' BETWEEN IPADDRESS '10.0.0.0' AND IPADDRESS '10.255.255.255', \
         IPADDRESS '2001:DB8::1' = CAST('2001:db8:0::1' AS IPADDRESS)",
        "true,true,true",
    );
    check(
        "WITH t AS (SELECT CAST(x AS IPADDRESS) AS ip FROM (VALUES '10.10.0.1', '10.9.0.1', '-') AS t(x)) \
         SELECT ip FROM t WHERE ip > IPADDRESS '9.0.0.0' ORDER BY ip DESC",
        "10.10.0.1;10.9.0.1",
    );
    check(
        "SELECT srcaddr FROM vpc_flow_logs WHERE contains('10.0.0.0/8', CAST(srcaddr AS IPADDRESS)) \
         ORDER BY CAST(srcaddr AS IPADDRESS) LIMIT 1",
        "10.0.0.1",
    );
    check(
        "SELECT max(CAST(x AS IPADDRESS)), CAST(min(CAST(x AS IPADDRESS)) AS varchar), \
         count(DISTINCT CAST(x AS IPADDRESS)), approx_distinct(CAST(x AS IPADDRESS)) \
         FROM (VALUES '10.10.0.1', '10.9.0.1', '-') AS t(x)",
        "10.10.0.1,10.9.0.1,2,2",
    );
    check(
        "SELECT CAST(srcaddr AS IPADDRESS), count(*) FROM vpc_flow_logs GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2",
        "10.0.0.1,2;10.0.0.2,1",
    );
    check(
        "SELECT CAST(IPADDRESS '10.0.0.1' AS IPADDRESS), ARRAY[IPADDRESS '10.0.0.1'], typeof(IPADDRESS '::1')",
        "10.0.0.1,[10.0.0.1],ipaddress",
    );
}

#[test]
fn small_differences_from_trino_are_none() {
    check(
        r"SELECT 'a_b' LIKE 'a#_b' ESCAPE '#', 'axb' LIKE 'a#_b' ESCAPE '#', 'a\b' LIKE 'a\b', 'a_b' LIKE 'a\_b' ESCAPE '\'",
        "true,false,true,true",
    );
    assert!(refused("SELECT 'a' LIKE 'a' ESCAPE 'xy'").contains("one character"));
    check("VALUES 1, 2, (3)", "1;2;3");
    check(
        "SELECT * FROM (VALUES 'a', concat('b', 'c')) AS t(x)",
        "a;bc",
    );
    check(
        "SELECT substr('abcdef', 0), substr('abcdef', 1 - 1), substr('abcdef', 1 - 3), substr('abcdef', 1 + 1, 2), substring('abc', 2)",
        ",,ef,bc,bc",
    );
    check(
        "SELECT replace('a-b-c', '-'), replace('a-b', '-', '+')",
        "abc,a+b",
    );
    check("SELECT array_sort(ARRAY[3, NULL, 1])", "\"[1, 3, null]\"");
    check(
        "SELECT max(bytes, 2), min(bytes, 2) FROM vpc_flow_logs",
        "\"[1000, 701]\",\"[40, 120]\"",
    );
    check(
        "SELECT from_unixtime(0, 'America/New_York'), date '2020-05-04' + interval '1' day * 2",
        "1969-12-31 19:00:00.000 -05:00,2020-05-06",
    );
    check(
        "SELECT localtimestamp > timestamp '2020-01-01 00:00:00'",
        "true",
    );
    check(
        "SELECT timestamp '2020-01-01 01:07:09' - timestamp '2020-01-01 00:00:00', interval '1' month",
        "0 01:07:09.000,0-1",
    );
    check(
        "SELECT typeof(1), typeof(-3000000000), typeof('a'), typeof(tags), typeof(at) FROM cloudtrail_logs LIMIT 1",
        "integer,bigint,varchar,array(varchar),timestamp(3)",
    );
    check(
        "SELECT n[1].x FROM (SELECT ARRAY[named_struct('x', 7)] AS n)",
        "7",
    );
}

#[test]
fn tables_are_listed_with_the_types_of_athena() {
    check("SHOW TABLES", "cloudtrail_logs;vpc_flow_logs");
    check("SHOW TABLES '*flow*'", "vpc_flow_logs");
    check(
        "DESCRIBE cloudtrail_logs",
        "eventname,string;eventtime,string;useridentity,\"struct<username:string,accountid:string>\";tags,array<string>;requestparameters,string;at,timestamp",
    );
    assert_eq!(refused("DESCRIBE flowlogs"), "there is no table flowlogs");
}

#[test]
fn names_of_older_tables_are_those_of_the_columns() {
    let sql = "SELECT sourceaddress, sum(numbytes) AS bytes FROM vpc_flow_logs WHERE destinationport = 443 \
        GROUP BY sourceaddress ORDER BY sourceaddress LIMIT 1";
    assert_eq!(
        run(&engine(2), sql).unwrap(),
        "sourceaddress,bytes\n10.0.0.1,1000\n"
    );
    check(
        "SELECT f.numpackets, t.sourceaddress FROM vpc_flow_logs f JOIN (SELECT sourceaddress, max(starttime) AS endtime \
         FROM vpc_flow_logs GROUP BY sourceaddress) t ON f.sourceaddress = t.sourceaddress AND f.starttime = t.endtime \
         ORDER BY t.endtime LIMIT 1",
        "7,10.0.0.2",
    );
    check(
        "WITH t AS (SELECT * FROM vpc_flow_logs) SELECT count(DISTINCT interfaceid) FROM t WHERE sourceaddress <> '-'",
        "2",
    );
    check(
        "CREATE EXTERNAL TABLE mine (sourceaddress string); CREATE VIEW v AS SELECT sourceaddress FROM mine; \
         SELECT sourceaddress FROM v WHERE sourceaddress <> '-' ORDER BY 1 LIMIT 1",
        "10.0.0.1",
    );
    assert_eq!(
        refused("SELECT sourceaddress FROM cloudtrail_logs"),
        "there is no column sourceaddress"
    );
}

#[test]
fn a_star_leaves_out_the_path_that_a_query_may_name() {
    let row = "eni-1,10.0.0.1,10.0.1.5,443,6,10,1000,1588550405,3,ACCEPT,2020-05-04";
    check("SELECT * FROM vpc_flow_logs LIMIT 1", row);
    check("SELECT f.* FROM vpc_flow_logs f LIMIT 1", row);
    check(
        "SELECT \"$path\", * FROM vpc_flow_logs WHERE \"$path\" LIKE 'a%' LIMIT 1",
        &format!("a.log:1,{row}"),
    );
    check(
        "SELECT vpc_flow_logs.*, vpc_flow_logs.\"$path\" FROM vpc_flow_logs LIMIT 1",
        &format!("{row},a.log:1"),
    );
    check(
        "WITH some AS (SELECT f.\"$path\" AS place, f.* FROM awsdatacatalog.default.vpc_flow_logs f) \
         SELECT * FROM some ORDER BY place LIMIT 1",
        &format!("a.log:1,{row}"),
    );
    check(
        "SELECT a.\"$path\", * FROM vpc_flow_logs a JOIN vpc_flow_logs b ON a.\"$path\" = b.\"$path\" LIMIT 1",
        &format!("a.log:1,{row},{row}"),
    );
    check(
        "SELECT \"$path\", * FROM vpc_flow_logs CROSS JOIN UNNEST(ARRAY[7]) AS t (x) LIMIT 1",
        &format!("a.log:1,{row},7"),
    );
    check(
        "SELECT count(*), count(DISTINCT \"$path\") FROM vpc_flow_logs",
        "6,6",
    );
    check(
        "CREATE VIEW v AS SELECT \"$path\" AS place, * FROM vpc_flow_logs; SELECT * FROM v LIMIT 1",
        &format!("a.log:1,{row}"),
    );
    check(
        "CREATE EXTERNAL TABLE mine (srcaddr string); SELECT \"$path\" FROM mine LIMIT 1",
        "a.log:1",
    );
    let hidden = refused("SELECT \"$path\" FROM (SELECT * FROM vpc_flow_logs)");
    assert!(hidden.contains("no column $path"), "{hidden}");
}
