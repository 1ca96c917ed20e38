//! Numbers at the ends of their types, in queries.

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use datafusion::catalog::MemTable;

use super::super::{Engine, EngineRoom, Parameters, QueryForm, RowWriter, statements};
use super::*;
use std::sync::Arc;

/// Two groups of numbers: the first ends at the largest one, the second is beyond it.
fn numbers() -> MemTable {
    let large = i64::MAX - 10;
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
        ("kind", Arc::new(Int64Array::from(vec![1, 1, 2, 2, 3]))),
        (
            "n",
            Arc::new(Int64Array::from(vec![
                Some(large),
                Some(10),
                Some(large),
                Some(11),
                None,
            ])),
        ),
        (
            "small",
            Arc::new(Int32Array::from(vec![i32::MAX, 1, 2, i32::MIN, 5])),
        ),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    MemTable::try_new(
        rows.schema(),
        vec![vec![rows.slice(0, 3)], vec![rows.slice(3, 2)]],
    )
    .unwrap()
}

fn run(sql: &str) -> Result<String, QueryFault> {
    let room = EngineRoom {
        threads: 2,
        memory: 64 << 20,
        temp_dir: std::env::temp_dir(),
    };
    let tables = vec![("numbers".to_owned(), Arc::new(numbers()) as _)];
    let engine = Engine::with_tables(tables, &room, Parameters::new()).unwrap();
    let mut out = Vec::new();
    let mut take = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    let statement = &statements(sql)?[0];
    engine.run(statement, &mut RowWriter::new(QueryForm::Csv, &mut take))?;
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    Ok(rows.join(";"))
}

#[track_caller]
fn check(sql: &str, expected: &str) {
    match run(sql) {
        Ok(rows) => assert_eq!(rows, expected, "{sql}"),
        Err(fault) => panic!("{sql}\n{fault}"),
    }
}

#[track_caller]
fn overflows(sql: &str, expected: &str) {
    match run(sql) {
        Err(QueryFault::Overflow(text)) => assert!(text.contains(expected), "{sql}\n{text}"),
        other => panic!("{sql}\n{other:?}"),
    }
}

#[test]
fn sums_beyond_the_largest_number_are_an_error() {
    let max = i64::MAX.to_string();
    let beyond = "bigint addition overflow: the sum is 9223372036854775808";
    check("SELECT sum(n) FROM numbers WHERE kind = 1", &max);
    check(
        "SELECT kind, sum(n) FROM numbers WHERE kind <> 2 GROUP BY kind",
        &format!("1,{max};3,"),
    );
    overflows("SELECT sum(n) FROM numbers WHERE kind = 2", beyond);
    overflows("SELECT kind, sum(n) FROM numbers GROUP BY kind", beyond);
    overflows(
        "SELECT kind, sum(n) FILTER (WHERE id > 2) FROM numbers GROUP BY kind",
        beyond,
    );
    overflows(
        "SELECT sum(DISTINCT n), sum(DISTINCT id) FROM numbers",
        "bigint addition overflow",
    );
    overflows(
        "SELECT sum(n) OVER (PARTITION BY kind ORDER BY id) FROM numbers",
        beyond,
    );
    overflows(
        "SELECT sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM numbers WHERE kind = 2",
        beyond,
    );
    check(
        "SELECT sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM numbers WHERE id IN (2, 4)",
        "10;21",
    );
}

#[test]
fn sums_of_decimals_and_averages_go_beyond_it() {
    check(
        "SELECT sum(CAST(n AS decimal(38, 0))) FROM numbers WHERE kind = 2",
        "9223372036854775808",
    );
    check("SELECT avg(n) > 3e18 FROM numbers", "true");
    check(
        "SELECT sum(small), sum(CAST(id AS double)) FROM numbers",
        "7,15.0",
    );
}

#[test]
fn operators_that_overflow_are_an_error_and_null_in_try() {
    overflows(
        "SELECT n + 11 FROM numbers",
        "bigint addition overflow: 9223372036854775797 + 11",
    );
    overflows(
        "SELECT -n - 100 FROM numbers",
        "bigint subtraction overflow",
    );
    overflows(
        "SELECT sum(n * 2) FROM numbers",
        "bigint multiplication overflow",
    );
    overflows(
        "SELECT id FROM numbers WHERE n * 2 > 0",
        "bigint multiplication overflow",
    );
    overflows(
        "SELECT small + small FROM numbers",
        "integer addition overflow",
    );
    overflows("SELECT 9223372036854775807 + 1", "bigint addition overflow");
    overflows("SELECT -small FROM numbers", "integer subtraction overflow");
    check(
        "SELECT try(n * 2) FROM numbers ORDER BY id",
        "\"\";20;\"\";22;\"\"",
    );
    check(
        "SELECT try(1 + n * 2) FROM numbers ORDER BY id",
        "\"\";21;\"\";23;\"\"",
    );
    check("SELECT try(2 * 3), try(CAST('x' AS bigint) + 1)", "6,");
    check(
        "SELECT CAST(n AS decimal(38, 0)) * 2 FROM numbers WHERE id = 1",
        "18446744073709551594",
    );
}

#[test]
fn operators_keep_the_names_of_columns_and_the_other_types() {
    check(
        "SELECT n + 1 AS m FROM numbers WHERE n + 1 = 11 GROUP BY n + 1 HAVING sum(id + 1) = 3",
        "11",
    );
    check(
        "SELECT date '2024-05-01' + interval '1' day, 1.5 * 2, 7 - 8, -(3 + 4) FROM numbers LIMIT 1",
        "2024-05-02,3.0,-1,-7",
    );
    check(
        "SELECT id FROM numbers a WHERE id - 1 = (SELECT min(b.id) + 1 FROM numbers b)",
        "3",
    );
    check("SELECT transform(ARRAY[1, 2], x -> x + 1)", "\"[2, 3]\"");
    overflows(
        "SELECT transform(ARRAY[n], x -> x + 100) FROM numbers",
        "bigint addition overflow",
    );
}
