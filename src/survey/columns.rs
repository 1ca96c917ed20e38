//! Which orders of columns the files of an archive have.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeSeq as _, SerializeStruct as _, Serializer};

use crate::record::{Column, Layout};

/// Orders kept; no archive of flow logs has as many, but a file may be made to.
const ORDERS_MAX: usize = 1_000;

/// One order of columns, and where it was met.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnOrder {
    /// The columns.
    pub layout: Arc<Layout>,
    /// What named them: a header line, the given format, keys, or the name of a well-known order.
    pub evidence: &'static str,
    /// Files in which records stand under them.
    pub files: u64,
    /// Those records, NODATA and SKIPDATA among them.
    pub records: u64,
}

/// Distinct orders, in the order in which they were met.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnOrders(Vec<ColumnOrder>);

impl ColumnOrders {
    /// Counts files and records under one order. Those of orders beyond the first thousand
    /// are counted under the last of these.
    pub fn count(&mut self, met: ColumnOrder) {
        let is_same = |known: &ColumnOrder| {
            known.evidence == met.evidence
                && (Arc::ptr_eq(&known.layout, &met.layout)
                    || known.layout.columns() == met.layout.columns())
        };
        let index = self.0.iter().position(is_same);
        let index = index.or_else(|| (self.0.len() >= ORDERS_MAX).then_some(ORDERS_MAX - 1));
        match index {
            Some(index) => {
                self.0[index].files += met.files;
                self.0[index].records += met.records;
            }
            None => self.0.push(met),
        }
    }

    /// Takes in orders that were met later.
    pub fn add(&mut self, later: Self) {
        later.0.into_iter().for_each(|met| self.count(met));
    }

    /// The same, met in one file, where `evidence` says what told each.
    #[must_use]
    pub fn of_file(self, evidence: impl Fn(&Layout) -> &'static str) -> Self {
        let mut orders = Self::default();
        for order in self.0 {
            orders.count(ColumnOrder {
                evidence: evidence(&order.layout),
                files: 1,
                ..order
            });
        }
        orders
    }

    /// All of them.
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
        order.serialize_field("evidence", self.evidence)?;
        order.serialize_field("files", &self.files)?;
        order.serialize_field("records", &self.records)?;
        order.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(names: &str, evidence: &'static str) -> ColumnOrder {
        ColumnOrder {
            layout: Arc::new(Layout::from_format(names).unwrap()),
            evidence,
            files: 1,
            records: 5,
        }
    }

    #[test]
    fn same_columns_told_alike_are_one_order() {
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
    fn orders_without_end_are_counted_and_not_kept() {
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
