//! The orders of columns in the files of an archive.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeSeq as _, SerializeStruct as _, Serializer};

use crate::record::{Column, Field, Layout};

/// Orders kept; no archive of flow logs has this many, but a file can be crafted to have more.
const ORDERS_MAX: usize = 1_000;

/// One order of columns, and the files that have it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnOrder {
    /// The columns.
    pub layout: Arc<Layout>,
    /// The evidence for the columns: a header line, the given format, keys, or the name of a
    /// well-known order.
    pub evidence: Cow<'static, str>,
    /// Number of files with records in this order.
    pub files: u64,
    /// Number of these records, including NODATA and SKIPDATA.
    pub records: u64,
}

/// Distinct orders, in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnOrders(Vec<ColumnOrder>);

impl ColumnOrders {
    /// Counts files and records under one order. After the first thousand orders, further ones are
    /// counted under the last one kept.
    pub fn count(&mut self, found: ColumnOrder) {
        let is_same = |known: &ColumnOrder| {
            known.evidence == found.evidence
                && (Arc::ptr_eq(&known.layout, &found.layout)
                    || known.layout.columns() == found.layout.columns())
        };
        let index = self.0.iter().position(is_same);
        let index = index.or_else(|| (self.0.len() >= ORDERS_MAX).then_some(ORDERS_MAX - 1));
        match index {
            Some(index) => {
                let known = &mut self.0[index];
                known.files = known.files.saturating_add(found.files);
                known.records = known.records.saturating_add(found.records);
            }
            None => self.0.push(found),
        }
    }

    /// Adds orders that were read later.
    pub fn add(&mut self, later: Self) {
        later.0.into_iter().for_each(|found| self.count(found));
    }

    /// Returns the same orders as counted for one file, where `evidence` returns the evidence for
    /// each layout.
    #[must_use]
    pub fn of_file(self, evidence: impl Fn(&Layout) -> &'static str) -> Self {
        let mut orders = Self::default();
        for order in self.0 {
            orders.count(ColumnOrder {
                evidence: evidence(&order.layout).into(),
                files: 1,
                ..order
            });
        }
        orders
    }

    /// Returns all orders.
    pub fn iter(&self) -> std::slice::Iter<'_, ColumnOrder> {
        self.0.iter()
    }
}

impl Serialize for ColumnOrders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut orders = serializer.serialize_seq(Some(self.0.len()))?;
        self.0
            .iter()
            .try_for_each(|o| orders.serialize_element(o))?;
        orders.end()
    }
}

impl Serialize for ColumnOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns: Vec<&str> = self.layout.columns().iter().map(Column::name).collect();
        let mut order = serializer.serialize_struct("ColumnOrder", 4)?;
        order.serialize_field("columns", &columns)?;
        order.serialize_field("evidence", &self.evidence)?;
        order.serialize_field("files", &self.files)?;
        order.serialize_field("records", &self.records)?;
        order.end()
    }
}

impl<'de> Deserialize<'de> for ColumnOrders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let listed = Vec::<ListedOrder>::deserialize(deserializer)?;
        let mut orders = Self::default();
        for order in listed {
            let layout = Layout::new(columns_of(order.columns)).map_err(D::Error::custom)?;
            orders.count(ColumnOrder {
                layout: Arc::new(layout),
                evidence: order.evidence.into(),
                files: order.files,
                records: order.records,
            });
        }
        Ok(orders)
    }
}

/// Returns the columns with these names. A known column has the name of its field; of several such names
/// the first is the field.
fn columns_of(names: Vec<String>) -> Vec<Column> {
    let mut seen = HashSet::new();
    let columns = names.into_iter().map(|name| {
        let field = Field::from_name(name.as_bytes());
        let field = field.filter(|field| field.name() == name && seen.insert(*field));
        field.map_or(Column::Unknown(name), Column::Known)
    });
    columns.collect()
}

/// An order as it is written.
#[derive(serde::Deserialize)]
struct ListedOrder {
    columns: Vec<String>,
    evidence: String,
    files: u64,
    records: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(names: &str, evidence: &'static str) -> ColumnOrder {
        ColumnOrder {
            layout: Arc::new(Layout::from_format(names).unwrap()),
            evidence: evidence.into(),
            files: 1,
            records: 5,
        }
    }

    #[test]
    fn same_columns_with_the_same_evidence_are_one_order() {
        let mut orders = ColumnOrders::default();
        orders.count(order("srcaddr dstaddr", "header line"));
        orders.count(order("srcaddr dstaddr", "given format"));
        let mut later = ColumnOrders::default();
        later.count(order("srcaddr dstaddr", "header line"));
        later.count(order("dstaddr srcaddr", "header line"));
        orders.add(later);
        let counts: Vec<u64> = orders.iter().map(|order| order.files).collect();
        assert_eq!(counts, [2, 1, 1]);
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        let mut orders = ColumnOrders::default();
        orders.count(order("srcaddr dstaddr", "header line"));
        let columns = ["srcaddr", "SrcAddr", "action"].map(|name| Column::Unknown(name.into()));
        let known = [Field::SrcAddr, Field::Action].map(Column::Known);
        let columns = known.into_iter().chain(columns).collect();
        orders.count(ColumnOrder {
            layout: Arc::new(Layout::new(columns).unwrap()),
            ..order("srcaddr dstaddr", "keys")
        });
        let text = serde_json::to_string(&orders).unwrap();
        let read: ColumnOrders = serde_json::from_str(&text).unwrap();
        let columns = |orders: &ColumnOrders| -> Vec<Vec<Column>> {
            let orders = orders.iter();
            orders
                .map(|order| order.layout.columns().to_vec())
                .collect()
        };
        assert_eq!(columns(&read), columns(&orders));
        let empty = r#"[{"columns":[],"evidence":"keys","files":1,"records":1}]"#;
        assert!(serde_json::from_str::<ColumnOrders>(empty).is_err());
    }

    #[test]
    fn orders_beyond_the_limit_are_counted_and_not_kept() {
        let mut orders = ColumnOrders::default();
        for n in 0..ORDERS_MAX + 500 {
            let columns = vec![Column::Unknown(format!("a{n}"))];
            orders.count(ColumnOrder {
                layout: Arc::new(Layout::new(columns).unwrap()),
                ..order("srcaddr dstaddr", "header line")
            });
        }
        assert_eq!(orders.iter().len(), ORDERS_MAX);
        assert_eq!(orders.iter().last().map(|order| order.files), Some(501));
    }
}
