//! Several formats that the user gave for the same lines.
//!
//! A line is read with the format that has its number of columns. Where several have it, the values
//! decide: the format is used that can read the line and whose columns can all have these values.
//! If that is more than one, the line is not read, unless they read the same from it. Nothing here
//! knows headers or well-known orders: the formats are chosen for one line at a time.

use std::sync::Arc;

use super::{Column, Layout, Record, careful, cells::is_absent, recognize::fits};

/// The formats that the user gave, beside the layout in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GivenFormats {
    /// Without repetitions, in the order given. Each has the separator and the prefix of the layout
    /// in force, and reads the same fields.
    pub(super) layouts: Arc<[Arc<Layout>]>,
    /// Whether the layout in force is from a header.
    pub(super) beside_header: bool,
}

/// The given format of one line.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one line, and a box would allocate for each"
)]
pub(super) enum FormatOfLine<'l, 'a> {
    /// No format can read it.
    None,
    /// This format, and the record.
    One(&'l Arc<Layout>, Record<'a>),
    /// Several formats can read it, and the values do not decide.
    Several(&'l Layout, &'l Layout),
}

impl Layout {
    /// Returns one layout for lines that have any of `formats`, each line by its number of columns
    /// and its values. Repeated formats are harmless. Returns `None` if there are no formats.
    ///
    /// The layout has the columns of the first format. [`recognize`](super::recognize()) finds which
    /// one a file begins with.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::record::Layout;
    /// let formats = ["srcaddr dstaddr action", "srcaddr dstaddr"];
    /// let formats = formats.map(|text| Layout::from_format(text).unwrap());
    /// let layout = Layout::any_of(formats.to_vec()).unwrap();
    /// assert_eq!(layout.formats().count(), 2);
    /// ```
    pub fn any_of(formats: Vec<Self>) -> Option<Self> {
        let mut distinct: Vec<Self> = Vec::new();
        for format in formats {
            if distinct
                .iter()
                .all(|other| other.columns() != format.columns())
            {
                distinct.push(format);
            }
        }
        let first = distinct.first()?.clone();
        Some(first.beside(&distinct, false))
    }

    /// Returns the formats that the user gave for these lines: those of [`Layout::any_of`], or this
    /// layout alone.
    pub fn formats(&self) -> impl Iterator<Item = &Self> {
        let given = self.given().map(|given| &*given.layouts);
        let alone = given.is_none().then_some(self);
        let several = given.unwrap_or_default().iter().map(Arc::as_ref);
        alone.into_iter().chain(several)
    }

    /// Whether `layout` has the columns of one of [`Layout::formats`].
    pub(crate) fn has_format(&self, layout: &Self) -> bool {
        self.formats()
            .any(|format| format.columns() == layout.columns())
    }
}

/// Returns the format of `line` among `layouts`.
pub(super) fn format_of<'l, 'a>(
    layouts: impl Iterator<Item = &'l Arc<Layout>>,
    line: &'a [u8],
) -> FormatOfLine<'l, 'a> {
    let read = |layout: &'l Arc<Layout>| Some((layout, careful::record(layout, line).ok()?));
    let mut able: Vec<_> = layouts.filter_map(read).collect();
    if able.len() > 1 && able.iter().any(|(layout, _)| can_have(layout, line)) {
        able.retain(|(layout, _)| can_have(layout, line));
    }
    let Some(((first, record), others)) = able.split_first() else {
        return FormatOfLine::None;
    };
    match others.iter().find(|(other, _)| differ(first, other, line)) {
        Some((other, _)) => FormatOfLine::Several(first, other),
        None => FormatOfLine::One(first, *record),
    }
}

/// Whether every column of `layout` can have its value in `line`.
pub(super) fn can_have(layout: &Layout, line: &[u8]) -> bool {
    let Ok(body) = layout.prefix().body(line) else {
        return false;
    };
    let mut columns = layout.columns().iter().zip(layout.cells(body.text));
    columns.all(|(column, cell)| match column {
        Column::Known(field) => fits(*field, cell.text),
        Column::Unknown(_) => true,
    })
}

/// Whether a value of `line` is in a different column of `one` and `other`, which have as many
/// columns.
fn differ(one: &Layout, other: &Layout, line: &[u8]) -> bool {
    let Ok(body) = one.prefix().body(line) else {
        return true;
    };
    let cells = one.cells(body.text);
    let mut columns = one.columns().iter().zip(other.columns()).zip(cells);
    columns.any(|((one, other), cell)| one != other && !is_absent(cell.text))
}

#[cfg(test)]
mod tests;
