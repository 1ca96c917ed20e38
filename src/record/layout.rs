//! Which column of a line holds which field, and what stands between them.
//!
//! A layout is the order of columns that one flow log was created with. It is
//! named by a header line, by `--format`, or found out from the values
//! ([`recognize`](super::recognize())); it never follows from the `version` column, nor from
//! the number of columns alone.

use super::{Column, Field, Prefix, Separator, cells::LineCells, column::Step};

/// The order of columns in a file, and what stands around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    columns: Vec<Column>,
    separator: Separator,
    prefix: Prefix,
    /// The fields that are read; all that conversion needs if none are named.
    needed: Option<Vec<Field>>,
    steps: Vec<Step>,
    fits_anything: bool,
}

/// Why columns, or the `--format` text that names them, are no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// No column at all.
    #[error(
        "the format names no column; give field names such as '${{srcaddr}} ${{dstaddr}}', or `default`"
    )]
    Empty,
    /// A token that names no field.
    #[error(
        "column {position} of the format: no field is called \"{token}\"{}",
        hint(*.nearest)
    )]
    UnknownField {
        /// Which column, from 1.
        position: usize,
        /// What was written.
        token: String,
        /// The field that may have been meant.
        nearest: Option<Field>,
    },
    /// A field named twice.
    #[error("columns {first} and {position} are both `{field}`")]
    Repeated {
        /// Which field.
        field: Field,
        /// Where it is first, from 1.
        first: usize,
        /// Where it is again, from 1.
        position: usize,
    },
}

fn hint(nearest: Option<Field>) -> String {
    match nearest {
        Some(field) => format!("; did you mean `{field}`?"),
        None => "; write ? for a column that is to be passed over".to_owned(),
    }
}

/// The fields of a record without traffic, NODATA or SKIPDATA.
const STATUS_FIELDS: [Field; 4] = [
    Field::InterfaceId,
    Field::Start,
    Field::End,
    Field::LogStatus,
];

impl Layout {
    /// A layout of these columns, separated by blanks and with nothing around them.
    ///
    /// # Errors
    /// [`FormatError::Repeated`] if a field stands twice, [`FormatError::Empty`] if none does.
    pub fn new(columns: Vec<Column>) -> Result<Self, FormatError> {
        for (index, column) in columns.iter().enumerate() {
            let first = columns.iter().position(|other| other == column);
            if let (Column::Known(field), Some(first)) =
                (column, first.filter(|first| *first < index))
            {
                let (field, first, position) = (*field, first + 1, index + 1);
                return Err(FormatError::Repeated {
                    field,
                    first,
                    position,
                });
            }
        }
        if columns.is_empty() {
            return Err(FormatError::Empty);
        }
        Ok(Self::compile(columns, None))
    }

    /// The layout of known fields that stand once each.
    pub(super) fn of_fields(fields: &[Field]) -> Self {
        Self::compile(fields.iter().copied().map(Column::Known).collect(), None)
    }

    fn compile(columns: Vec<Column>, needed: Option<Vec<Field>>) -> Self {
        let step = |column| Step::of(column, &columns, needed.as_deref());
        let steps = Step::fold(columns.iter().map(step));
        let free = |step: &Step| matches!(step, Step::Skip(_) | Step::Eni | Step::EniElse);
        Self {
            separator: Separator::Blank,
            prefix: Prefix::None,
            fits_anything: steps.iter().all(free),
            steps,
            needed,
            columns,
        }
    }

    /// The same columns, of which only these are read into a [`Record`](super::Record),
    /// besides `log-status`: the fewer, the faster.
    ///
    /// The others are absent there, whatever the line says; [`Record::get`](super::Record::get)
    /// still finds them. It holds for headers in the midst of a file too.
    #[must_use]
    pub fn reading(self, fields: &[Field]) -> Self {
        let mut needed = fields.to_vec();
        needed.push(Field::LogStatus);
        self.read_as(Some(needed))
    }

    /// The same columns, of which those are read that `other` reads.
    pub(super) fn reading_like(self, other: &Self) -> Self {
        self.read_as(other.needed.clone())
    }

    fn read_as(self, needed: Option<Vec<Field>>) -> Self {
        let (separator, prefix) = (self.separator, self.prefix);
        let compiled = Self::compile(self.columns, needed);
        compiled.separated_by(separator).with_prefix(prefix)
    }

    /// The default format: the 14 fields of version 2.
    pub fn default_v2() -> Self {
        Self::of_fields(&Field::ALL[..14])
    }

    /// The layout a header line names, if it is one.
    ///
    /// Every token must be the name of a field, in any spelling; or most of them,
    /// and the others names as well. A line in which a field stands twice is none.
    pub fn from_header(line: &[u8]) -> Option<Self> {
        Self::try_from_header(line)?.ok()
    }

    /// Like [`Layout::from_header`], but tells a header with a field twice from no header.
    pub(super) fn try_from_header(line: &[u8]) -> Option<Result<Self, FormatError>> {
        let line = line
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(line)
            .trim_ascii();
        let separator = if line.contains(&b',') {
            Separator::Comma
        } else {
            Separator::Blank
        };
        let mut columns = Vec::new();
        let mut unknown_count = 0;
        for cell in LineCells::new(line, separator) {
            match Field::from_name(cell.text) {
                Some(field) => columns.push(Column::Known(field)),
                None if is_name(cell.text) => {
                    unknown_count += 1;
                    columns.push(Column::Unknown(
                        String::from_utf8_lossy(cell.text).into_owned(),
                    ));
                }
                None => return None,
            }
        }
        let known_count = columns.len() - unknown_count;
        if known_count < 2 || known_count <= unknown_count {
            return None;
        }
        Some(Self::new(columns).map(|layout| layout.separated_by(separator)))
    }

    /// The layout of columns that are known to be names, such as the keys of JSON objects.
    ///
    /// None if they name neither a source and a destination nor what NODATA and SKIPDATA have
    /// where keys without a value are left out: the ENI, both times and the status. Where two
    /// names mean one field, the one that is spelled like it is taken.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str> + Clone) -> Option<Self> {
        let layout = Self::of_names(names);
        let has = |field: &Field| layout.columns.contains(&Column::Known(*field));
        let is_flow = [Field::SrcAddr, Field::PktSrcAddr].iter().any(has)
            && [Field::DstAddr, Field::PktDstAddr].iter().any(has);
        let is_status = STATUS_FIELDS.iter().all(has);
        (is_flow || is_status).then_some(layout)
    }

    /// The layout of columns of which it is known that a flow log has them: some of a table's.
    pub(crate) fn of_names<'n>(names: impl IntoIterator<Item = &'n str> + Clone) -> Self {
        let is_own = |name: &str, field: Field| {
            let own = name.len() == field.name().len();
            own && Field::from_name(name.as_bytes()) == Some(field)
        };
        let own = names.clone().into_iter().filter_map(|name| {
            let field = Field::from_name(name.as_bytes())?;
            is_own(name, field).then_some(field)
        });
        let own: Vec<Field> = own.collect();
        let mut seen: Vec<Field> = Vec::new();
        let mut columns = Vec::new();
        for name in names {
            let field = Field::from_name(name.as_bytes()).filter(|&field| {
                !seen.contains(&field) && (is_own(name, field) || !own.contains(&field))
            });
            seen.extend(field);
            let unknown = || Column::Unknown(name.to_owned());
            columns.push(field.map_or_else(unknown, Column::Known));
        }
        Self::compile(columns, None)
    }

    /// The same columns with `prefix` around them.
    #[must_use]
    pub fn with_prefix(self, prefix: Prefix) -> Self {
        Self { prefix, ..self }
    }

    /// The same columns with `separator` between them.
    #[must_use]
    pub fn separated_by(self, separator: Separator) -> Self {
        Self { separator, ..self }
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What stands between two columns.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// What stands around the record in each line.
    pub fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Where `field` stands, if the layout has it.
    pub fn index_of(&self, field: Field) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| *column == Column::Known(field))
    }

    /// What to do with a line, from left to right.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The fields that are read, if not all that conversion needs.
    pub(super) fn needed(&self) -> Option<&[Field]> {
        self.needed.as_deref()
    }

    /// Whether any text at all fits, so that a header would pass for a record.
    pub(super) fn fits_anything(&self) -> bool {
        self.fits_anything
    }
}

/// Whether `text` could name a column: a letter, then letters, digits and a little more.
fn is_name(text: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(byte);
    let first = text
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte));
    first && text.iter().all(in_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layout: &Layout) -> Vec<&str> {
        layout.columns().iter().map(Column::name).collect()
    }

    #[test]
    fn header_of_known_names_is_a_layout() {
        let layout = Layout::from_header(b"version account_id interface-id \r\n").unwrap();
        assert_eq!(names(&layout), ["version", "account-id", "interface-id"]);
        let layout = Layout::from_header(b"\xef\xbb\xbf\"Srcaddr\",\"Dstaddr\"").unwrap();
        assert_eq!(
            (names(&layout), layout.separator()),
            (vec!["srcaddr", "dstaddr"], Separator::Comma)
        );
    }

    #[test]
    fn header_with_other_names_carries_them() {
        let layout = Layout::from_header(b"srcaddr,dstaddr,action,partition_0,dt").unwrap();
        assert_eq!(
            names(&layout),
            ["srcaddr", "dstaddr", "action", "partition_0", "dt"]
        );
    }

    #[test]
    fn reading_a_few_fields_leaves_the_others_absent_in_every_spelling() {
        use std::sync::Arc;

        use crate::record::{Action, Row, Rows};

        let text = b"version srcaddr action packets log-status\n\
            2 10.0.0.1 REJECT 7 OK\n2  10.0.0.1  REJECT  7  OK\n2 10.0.0.1 - - NODATA\n";
        let layout = Layout::from_header(text.split(|b| *b == b'\n').next().unwrap()).unwrap();
        let mut rows = Rows::new(text, Arc::new(layout.reading(&[Field::Packets])));
        assert!(matches!(rows.next(), Some((_, Row::Header))));
        for _ in 0..2 {
            let Some((_, Row::Record(record))) = rows.next() else {
                panic!("no record");
            };
            assert_eq!(
                (record.packets, record.source, record.action),
                (Some(7), None, None::<Action>)
            );
            assert_eq!(
                record.get(rows.layout(), Field::SrcAddr),
                Some(&b"10.0.0.1"[..])
            );
        }
        assert!(matches!(rows.next(), Some((_, Row::NoData(_)))));
    }

    #[test]
    fn header_with_repeated_field_is_none() {
        assert_eq!(Layout::from_header(b"srcaddr dstaddr srcaddr"), None);
    }

    #[test]
    fn names_are_a_layout_if_they_name_both_ends() {
        let layout = Layout::from_names(["source", "srcaddr", "x y", "Dstaddr"]).unwrap();
        assert_eq!(names(&layout), ["source", "srcaddr", "x y", "dstaddr"]);
        assert_eq!(layout.index_of(Field::SrcAddr), Some(1));
        assert_eq!(Layout::from_names(["srcaddr", "action", "start"]), None);
    }

    #[test]
    fn record_is_no_header() {
        let line =
            b"2 123456789010 eni-abc123de 172.31.9.69 172.31.9.12 1 2 6 20 4249 1 2 REJECT OK";
        assert_eq!(Layout::from_header(line), None);
        assert_eq!(Layout::from_header(b"- - - - - -"), None);
        assert_eq!(
            Layout::from_header(b"flows of the test account at its start and end"),
            None
        );
    }
}
