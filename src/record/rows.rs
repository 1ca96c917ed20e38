//! The rows of a block of whole lines.

use std::sync::Arc;

use super::{Fault, Layout, Record};

/// One line of a block, as what it turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A record that tells of a flow.
    Record(Record<'a>),
    /// The interface carried nothing in the interval.
    NoData(Record<'a>),
    /// Records of the interval were dropped.
    SkipData(Record<'a>),
    /// A header; [`Rows::layout`] is now the one it names.
    Header,
    /// An empty line or a comment.
    Blank,
    /// A line that is none of these.
    Fault(Fault<'a>),
}

/// The rows of a block of whole lines, each with its byte offset in the block.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    block: &'a [u8],
    layout: Arc<Layout>,
}

impl<'a> Rows<'a> {
    /// The rows of `block` under `layout`.
    pub fn new(block: &'a [u8], layout: Arc<Layout>) -> Self {
        Self { block, layout }
    }

    /// The layout of the row returned last.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Reads to the end and returns the layout in force there.
    pub fn layout_at_end(mut self) -> Arc<Layout> {
        while self.next().is_some() {}
        self.layout
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = (usize, Row<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let _ = self.block;
        None
    }
}
