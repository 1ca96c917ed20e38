//! The order of results, on tables in memory.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::datatypes::Schema;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::*;

fn planned(sql: &str) -> LogicalPlan {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Utf8, true),
        Field::new("c", DataType::Float64, true),
    ]));
    let rows = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(Int64Array::from(vec![2, 1])),
            Arc::new(StringArray::from(vec!["x", "y"])),
            Arc::new(Float64Array::from(vec![0.5, 0.25])),
        ],
    );
    let context = SessionContext::new();
    let table = MemTable::try_new(schema, vec![vec![rows.unwrap()]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let frame = runtime.block_on(context.sql(sql)).unwrap();
    frame.into_unoptimized_plan()
}

#[test]
fn sums_of_whole_numbers_are_made_in_any_order() {
    for sql in [
        "SELECT sum(a) FROM t",
        "SELECT b, count(*), max(c), min(a) FROM t GROUP BY b",
        "SELECT b, sum(a) AS n FROM t GROUP BY b ORDER BY n DESC LIMIT 10",
        "SELECT b, avg(a) FROM t GROUP BY b LIMIT 1",
        "SELECT DISTINCT a, b FROM t",
        "SELECT x.a FROM t x JOIN t y ON x.a = y.a",
        "SELECT * FROM t ORDER BY c LIMIT 3",
    ] {
        assert!(is_order_free(&planned(sql)), "{sql}");
    }
}

#[test]
fn lists_fractions_and_inner_limits_need_the_order_of_the_log() {
    for sql in [
        "SELECT * FROM t",
        "SELECT a FROM t WHERE b = 'x' LIMIT 5",
        "SELECT sum(c) FROM t",
        "SELECT b, avg(c) FROM t GROUP BY b ORDER BY 2",
        "SELECT array_agg(a) FROM t",
        "SELECT sum(a) FROM (SELECT a FROM t LIMIT 5)",
        "SELECT a, row_number() OVER (ORDER BY b) FROM t",
        "SELECT a FROM t WHERE a = (SELECT sum(c) FROM t) ORDER BY a",
    ] {
        assert!(!is_order_free(&planned(sql)), "{sql}");
    }
}

#[test]
fn last_sort_goes_on_with_the_other_columns() {
    let sorted = |sql: &str| in_total_order(planned(sql)).unwrap().to_string();
    let plan = sorted("SELECT a, b FROM t ORDER BY b DESC LIMIT 3");
    assert!(
        plan.contains("Sort: t.b DESC NULLS FIRST, t.a ASC NULLS LAST"),
        "{plan}"
    );
    let plan = sorted("SELECT b, sum(a) FROM t GROUP BY b LIMIT 3");
    let (limit, sort) = (
        plan.find("Limit").unwrap(),
        plan.find("Sort: t.b ASC").unwrap(),
    );
    assert!(limit < sort, "{plan}");
    let plan = sorted("SELECT a FROM t ORDER BY c");
    assert_eq!(plan.matches("Sort").count(), 1, "{plan}");
}

#[test]
fn rows_that_no_query_sorts_stay_as_they_are() {
    let plan = planned("SELECT a FROM t LIMIT 3");
    let before = plan.to_string();
    assert_eq!(with_ties_broken(plan).unwrap().to_string(), before);
}
