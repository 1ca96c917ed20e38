//! A layout defines which column of a line holds which field, and how columns are separated.
//!
//! It is the order of columns that a flow log was created with. It comes from a header line, from
//! the user's format, or from the values ([`recognize`](super::recognize())). It never follows from
//! the `version` column, nor from the number of columns alone.

use std::ops::Range;
use std::sync::Arc;

use super::{
    ByteUnit, Column, Field, Prefix, Separator, cells::LineCells, column::Step,
    given::GivenFormats, naming::Naming, surplus::tag_runs,
};

/// The order of columns in a file, and the text around records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    columns: Vec<Column>,
    separator: Separator,
    prefix: Prefix,
    /// What `bytes` counted before it was converted to IP packets.
    byte_unit: ByteUnit,
    /// The fields to read. `None` means all fields that a conversion needs.
    needed: Option<Vec<Field>>,
    steps: Vec<Step>,
    /// Where values of tags are, which may contain blanks.
    tag_runs: Vec<Range<usize>>,
    fits_anything: bool,
    /// Formats of single lines that this layout is not for.
    given: Option<GivenFormats>,
    /// Whether a given format other than this one has as many columns.
    has_rivals: bool,
    needs_care: bool,
}

/// The reason why columns, or a format text that names them, are not a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// There is no column.
    #[error(
        "the format has no columns; give field names such as '${{srcaddr}} ${{dstaddr}}', or `default`"
    )]
    Empty,
    /// A token is not the name of a field.
    #[error(
        "column {position} of the format: unknown field \"{token}\"{}",
        hint(*.nearest)
    )]
    UnknownField {
        /// The number of the column, from 1.
        position: usize,
        /// The token.
        token: String,
        /// The field that may have been meant.
        nearest: Option<Field>,
    },
    /// A field appears twice.
    #[error("columns {first} and {position} are both `{field}`")]
    Repeated {
        /// The field.
        field: Field,
        /// The number of its first column, from 1.
        first: usize,
        /// The number of its second column, from 1.
        position: usize,
    },
}

fn hint(nearest: Option<Field>) -> String {
    match nearest {
        Some(field) => format!("; did you mean `{field}`?"),
        None => "; write ? for a column to skip".to_owned(),
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
    /// Returns a layout of these columns, separated by blanks, with nothing around the records.
    ///
    /// # Errors
    /// Returns [`FormatError::Repeated`] if a field appears twice, and [`FormatError::Empty`] if
    /// there are no columns.
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

    /// Returns a layout of known fields, each of which appears once.
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
            byte_unit: ByteUnit::IpPacket,
            fits_anything: steps.iter().all(free),
            needs_care: steps.iter().all(free),
            steps,
            needed,
            tag_runs: tag_runs(&columns),
            columns,
            given: None,
            has_rivals: false,
        }
    }

    /// Returns the same columns, but reads only these fields and `log-status` into a
    /// [`Record`](super::Record). Fewer fields are faster to read.
    ///
    /// The other fields are `None` there, whatever the line contains;
    /// [`Record::get`](super::Record::get) still finds them. This also applies to headers in the
    /// middle of a file.
    #[must_use]
    pub fn reading(self, fields: &[Field]) -> Self {
        let mut needed = fields.to_vec();
        needed.push(Field::LogStatus);
        self.read_as(Some(needed))
    }

    /// Returns the same columns, reading the same fields as `other`.
    pub(super) fn reading_like(self, other: &Self) -> Self {
        self.read_as(other.needed.clone())
    }

    fn read_as(self, needed: Option<Vec<Field>>) -> Self {
        let Self {
            separator,
            prefix,
            byte_unit,
            given,
            ..
        } = self;
        let compiled = Self {
            given,
            ..Self::compile(self.columns, needed)
        };
        let compiled = compiled.separated_by(separator).with_prefix(prefix);
        compiled.counted_in(byte_unit)
    }

    /// Returns the same layout, for a file in which single lines may have one of `formats` instead.
    /// `is_header` says that this layout is from a header.
    pub(super) fn beside(self, formats: &[Self], is_header: bool) -> Self {
        let others = formats
            .iter()
            .filter(|format| format.columns != self.columns);
        let is_one = formats.len() > others.clone().count();
        let mut others = others.map(|other| other.columns.len());
        let has_rivals = is_one && others.any(|len| len == self.columns.len());
        let like_self = |format: &Self| {
            Arc::new(Self {
                separator: self.separator,
                prefix: self.prefix,
                ..Self::compile(format.columns.clone(), self.needed.clone())
            })
        };
        let given = GivenFormats {
            layouts: formats.iter().map(like_self).collect(),
            beside_header: is_header,
        };
        Self {
            given: Some(given),
            has_rivals,
            needs_care: self.fits_anything || has_rivals,
            ..self
        }
    }

    /// Returns the same layout beside the formats that were given with `other`.
    pub(super) fn beside_formats_of(self, other: &Self, is_header: bool) -> Self {
        let Some(given) = &other.given else {
            return self;
        };
        let formats: Vec<_> = given.layouts.iter().map(|l| (**l).clone()).collect();
        self.beside(&formats, is_header)
    }

    /// Returns the same layout, whose given formats have its separator, prefix and fields again.
    fn with_formats_alike(self) -> Self {
        let Some(given) = self.given.clone() else {
            return self;
        };
        let formats: Vec<_> = given.layouts.iter().map(|l| (**l).clone()).collect();
        self.beside(&formats, given.beside_header)
    }

    /// Returns the formats that the user gave for single lines.
    pub(super) fn given(&self) -> Option<&GivenFormats> {
        self.given.as_ref()
    }

    /// Whether the values of each line have to decide between this layout and a given format with
    /// as many columns.
    pub(super) fn has_rivals(&self) -> bool {
        self.has_rivals
    }

    /// Returns the default format: the 14 fields of version 2.
    pub fn default_v2() -> Self {
        Self::of_fields(&Field::ALL[..14])
    }

    /// Returns the layout in a header line, if `line` is one.
    ///
    /// Every token must be the name of a field, in any spelling; or most of them are, and the
    /// others are at least names. A line with a repeated field is not a layout.
    pub fn from_header(line: &[u8]) -> Option<Self> {
        Self::try_from_header(line)?.ok()
    }

    /// Like [`Layout::from_header`], but distinguishes a header with a repeated field from a line
    /// that is not a header.
    pub(super) fn try_from_header(line: &[u8]) -> Option<Result<Self, FormatError>> {
        let line = line
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(line)
            .trim_ascii();
        let separator = match Separator::of_names(line) {
            // Several tabs in a row align the names.
            Separator::Tab if line.windows(2).any(|both| both == b"\t\t") => Separator::Blank,
            other => other,
        };
        let cells = LineCells::new(line, separator);
        let naming = Naming::of(cells.clone().map(|cell| cell.text));
        let mut columns = Vec::new();
        let mut unknown_count = 0;
        for cell in cells {
            match naming.field(cell.text) {
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

    /// Returns the layout of columns that are known to be names, such as the keys of JSON objects.
    ///
    /// Returns `None` if they include neither a source and a destination nor the fields that NODATA
    /// and SKIPDATA have if keys without a value are omitted: the ENI, both times and the status.
    /// If two names mean the same field, the one spelled like the field is used.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str> + Clone) -> Option<Self> {
        let layout = Self::of_names(names);
        let has = |field: &Field| layout.columns.contains(&Column::Known(*field));
        let is_flow = [Field::SrcAddr, Field::PktSrcAddr].iter().any(has)
            && [Field::DstAddr, Field::PktDstAddr].iter().any(has);
        let is_status = STATUS_FIELDS.iter().all(has);
        (is_flow || is_status).then_some(layout)
    }

    /// Returns the layout of columns that are known to be from a flow log, such as some columns of
    /// a table.
    pub(crate) fn of_names<'n>(names: impl IntoIterator<Item = &'n str> + Clone) -> Self {
        let naming = Naming::of(names.clone().into_iter().map(str::as_bytes));
        let is_own = |name: &str, field: Field| {
            let own = name.len() == field.name().len();
            own && naming.field(name.as_bytes()) == Some(field)
        };
        let own = names.clone().into_iter().filter_map(|name| {
            let field = naming.field(name.as_bytes())?;
            is_own(name, field).then_some(field)
        });
        let own: Vec<Field> = own.collect();
        let mut seen: Vec<Field> = Vec::new();
        let mut columns = Vec::new();
        for name in names {
            let field = naming.field(name.as_bytes()).filter(|&field| {
                !seen.contains(&field) && (is_own(name, field) || !own.contains(&field))
            });
            seen.extend(field);
            let unknown = || Column::Unknown(name.to_owned());
            columns.push(field.map_or_else(unknown, Column::Known));
        }
        Self::compile(columns, None)
    }

    /// Returns the same columns with `prefix` around the records.
    #[must_use]
    pub fn with_prefix(self, prefix: Prefix) -> Self {
        Self { prefix, ..self }.with_formats_alike()
    }

    /// Returns the same columns with `separator` between them.
    #[must_use]
    pub fn separated_by(self, separator: Separator) -> Self {
        Self { separator, ..self }.with_formats_alike()
    }

    /// Returns the same columns of records whose `bytes` were counted in `byte_unit`, and have been
    /// converted to IP packets.
    #[must_use]
    pub fn counted_in(self, byte_unit: ByteUnit) -> Self {
        Self { byte_unit, ..self }
    }

    /// Returns what `bytes` counted in the log. The value of a [`Record`](super::Record) counts IP
    /// packets, whatever the unit is.
    pub fn byte_unit(&self) -> ByteUnit {
        self.byte_unit
    }

    /// Returns the columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the separator between two columns.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Returns the text around the record in each line.
    pub fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Returns the index of the column with `field`, if the layout has one.
    pub fn index_of(&self, field: Field) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| *column == Column::Known(field))
    }

    /// Whether a column holds the value of a tag.
    pub fn has_tags(&self) -> bool {
        !self.tag_runs.is_empty()
    }

    /// Returns the runs of consecutive columns that hold values of tags.
    pub(super) fn tag_runs(&self) -> &[Range<usize>] {
        &self.tag_runs
    }

    /// Returns the cells of a line in this layout. Tags may be in quotes, also between blanks.
    pub(super) fn cells<'a>(&self, line: &'a [u8]) -> LineCells<'a> {
        LineCells::new(line, self.separator).quoting(self.has_tags())
    }

    /// Whether only space characters separate the cells of a line, and no cell is quoted.
    #[inline]
    pub(super) fn has_plain_words(&self, line: &[u8]) -> bool {
        let is_plain = self.separator == Separator::Blank && !self.has_tags();
        is_plain && memchr::memchr2(b'\t', b'\r', line).is_none()
    }

    /// Returns the index of the column that the header calls `name`, if the layout has one.
    pub fn index_of_name(&self, name: &str) -> Option<usize> {
        let mut columns = self.columns.iter();
        columns.position(|column| column.name() == name)
    }

    /// Returns the steps to read a line, from left to right.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the fields to read, or `None` for all that a conversion needs.
    pub(super) fn needed(&self) -> Option<&[Field]> {
        self.needed.as_deref()
    }

    /// Whether every line has to be read with care, because the grammar alone may mistake it.
    pub(super) fn needs_care(&self) -> bool {
        self.needs_care
    }

    /// Whether any text matches, so that a header would be mistaken for a record.
    pub(super) fn fits_anything(&self) -> bool {
        self.fits_anything
    }
}

/// Whether `text` could be a column name: a letter, then letters, digits and a few other
/// characters.
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
    fn header_shows_the_separator() {
        for (line, expected) in [
            ("srcaddr;dstaddr;bytes", Separator::Semicolon),
            (" srcaddr | dstaddr | bytes ", Separator::Bar),
            ("| srcaddr | dstaddr | bytes |", Separator::Frame),
            (
                "\u{2502} srcaddr \u{2502} dstaddr \u{2502} bytes \u{2502}",
                Separator::Frame,
            ),
            ("srcaddr\tdstaddr\tbytes", Separator::Tab),
            ("srcaddr\t\tdstaddr\tbytes", Separator::Blank),
        ] {
            let layout = Layout::from_header(line.as_bytes()).unwrap();
            assert_eq!(names(&layout), ["srcaddr", "dstaddr", "bytes"], "{line}");
            assert_eq!(layout.separator(), expected, "{line}");
        }
    }

    #[test]
    fn header_with_other_names_keeps_them() {
        let layout = Layout::from_header(b"srcaddr,dstaddr,action,partition_0,dt").unwrap();
        assert_eq!(
            names(&layout),
            ["srcaddr", "dstaddr", "action", "partition_0", "dt"]
        );
    }

    #[test]
    fn unread_fields_are_absent_in_every_spelling() {
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
    fn header_of_alibaba_cloud_has_its_own_names() {
        let line = b"version,account-id,eni-id,vm-id,vswitch-id,vpc-id,srcaddr,srcport,dstaddr,\
            dstport,protocol,direction,packets,bytes,start,end,tcp-flags,traffic_path,action,log-status";
        let layout = Layout::from_header(line).unwrap();
        assert_eq!(layout.index_of(Field::InterfaceId), Some(2));
        assert_eq!(layout.index_of(Field::FlowDirection), Some(11));
        assert_eq!(layout.index_of(Field::TrafficPath), None);
        let aws = Layout::from_header(b"srcaddr,dstaddr,direction").unwrap();
        assert_eq!(aws.index_of(Field::FlowDirection), None);
    }

    #[test]
    fn header_with_a_repeated_field_is_not_a_layout() {
        assert_eq!(Layout::from_header(b"srcaddr dstaddr srcaddr"), None);
    }

    #[test]
    fn names_are_a_layout_if_they_include_both_ends() {
        let layout = Layout::from_names(["source", "srcaddr", "x y", "Dstaddr"]).unwrap();
        assert_eq!(names(&layout), ["source", "srcaddr", "x y", "dstaddr"]);
        assert_eq!(layout.index_of(Field::SrcAddr), Some(1));
        assert_eq!(Layout::from_names(["srcaddr", "action", "start"]), None);
    }

    #[test]
    fn record_is_not_a_header() {
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
