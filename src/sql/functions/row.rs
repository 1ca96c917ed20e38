//! Functions that make one value of each row, from text, numbers and times.
//!
//! A function is a row of a table: its name, what it takes, what it gives, and the Rust function that
//! computes one value. Arguments are converted to what the function takes; a null argument gives null.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::net::Ipv6Addr;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, FixedSizeBinaryBuilder, Float64Builder, Int64Builder,
    ListBuilder, StringViewBuilder, TimestampMillisecondBuilder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::timezone::Tz;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field as ArrowField, TimeUnit};
use datafusion::arrow::temporal_conversions::as_datetime_with_timezone;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;

/// The time zone of instants. Its name is an offset, which needs no table of time zones.
pub(super) const UTC: &str = "+00:00";

/// The type of addresses: IPADDRESS of Trino, 16 bytes that are in the order of the addresses. No other
/// value has this type.
pub(super) const ADDRESS: DataType = DataType::FixedSizeBinary(16);

/// What an argument is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Text.
    Text,
    /// An integer.
    BigInt,
    /// A number.
    Double,
    /// A date, a time, or an instant in a time zone.
    Time,
    /// An address, or text that may be one.
    Address,
}

/// The type of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// Text.
    Text,
    /// A list of texts.
    TextList,
    /// An integer.
    BigInt,
    /// A number.
    Double,
    /// True or false.
    Boolean,
    /// A date.
    Date,
    /// A time without a time zone, in milliseconds.
    Time,
    /// An instant, in milliseconds, shown in UTC.
    Instant,
    /// An address.
    Address,
    /// A date if the last argument is a date, an instant if it is an instant, else a time.
    LikeLast,
}

/// One argument in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Argument<'a> {
    /// Text.
    Text(&'a str),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// A date or a time.
    Time(Moment),
    /// An address, as IPv6.
    Address(Ipv6Addr),
}

/// A date or a time: what a calendar and a clock show, and the time zone that they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Nanoseconds since 1970-01-01T00:00:00 on that clock.
    pub(super) local_ns: i64,
    /// The zone.
    pub(super) zone: Zone,
}

/// What a [`Moment`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// A date.
    Date,
    /// A time without a time zone.
    Local,
    /// An instant, with the seconds that its clock is ahead of UTC.
    Offset(i64),
}

/// The value of one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RowValue {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A list of texts.
    TextList(Vec<Option<String>>),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// An address, as IPv6.
    Address(Ipv6Addr),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds: of a time without a zone as its clock shows them, of an instant since the epoch.
    Ns(i64),
}

impl Moment {
    /// Returns nanoseconds since the Unix epoch. A time without a zone counts as UTC.
    pub(super) fn instant_ns(self) -> i64 {
        match self.zone {
            Zone::Offset(seconds) => self.local_ns - seconds * 1_000_000_000,
            _ => self.local_ns,
        }
    }
}

impl<'a> Argument<'a> {
    /// Returns the text of an argument that takes text.
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// Returns the integer of an argument that takes one.
    pub(super) fn int(self) -> i64 {
        match self {
            Self::Int(number) => number,
            _ => 0,
        }
    }

    /// Returns the number of an argument that takes one.
    pub(super) fn double(self) -> f64 {
        match self {
            Self::Double(number) => number,
            _ => 0.0,
        }
    }

    /// Returns the time of an argument that takes one.
    pub(super) fn time(self) -> Moment {
        match self {
            Self::Time(moment) => moment,
            _ => Moment {
                local_ns: 0,
                zone: Zone::Local,
            },
        }
    }
}

/// What is kept from row to row: compiled patterns.
#[derive(Default)]
pub(super) struct Memo(HashMap<String, Regex>);

impl Memo {
    /// Returns the compiled pattern.
    ///
    /// # Errors
    /// Says why it is not one.
    pub(super) fn regex(&mut self, pattern: &str) -> std::result::Result<&Regex, String> {
        Ok(match self.0.entry(pattern.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let compiled = Regex::new(pattern);
                new.insert(compiled.map_err(|error| {
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default();
                    format!("{pattern:?} is not a regular expression: {why}")
                })?)
            }
        })
    }
}

/// Computes the value of one row. An error is a message about the arguments.
pub(super) type ComputeRow =
    fn(&[Argument<'_>], &mut Memo) -> std::result::Result<RowValue, String>;

/// A function: what it is called, takes and gives.
#[derive(Debug)]
pub(super) struct RowSpec {
    /// The name, in lower case.
    pub(super) name: &'static str,
    /// The arguments.
    pub(super) takes: &'static [Takes],
    /// How many of the last arguments can be left out.
    pub(super) optional: usize,
    /// The type of the value.
    pub(super) gives: Gives,
    /// Whether some arguments have no value. Then there is a second function with `try_` before the
    /// name, which gives null for them.
    pub(super) may_fail: bool,
    /// The computation.
    pub(super) compute: ComputeRow,
}

/// A [`RowSpec`] as a function of the engine.
#[derive(Debug)]
struct RowFunction {
    name: String,
    spec: &'static RowSpec,
    is_lenient: bool,
    signature: Signature,
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Makes the functions of a table.
pub(super) fn functions(specs: &'static [RowSpec]) -> impl Iterator<Item = ScalarUDF> {
    let made = |spec: &'static RowSpec, is_lenient: bool| {
        let prefix = if is_lenient { "try_" } else { "" };
        ScalarUDF::from(RowFunction {
            name: format!("{prefix}{}", spec.name),
            spec,
            is_lenient,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    };
    specs.iter().flat_map(move |spec| {
        let lenient = spec.may_fail.then(|| made(spec, true));
        [made(spec, false)].into_iter().chain(lenient)
    })
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (most, name) = (self.spec.takes.len(), self.spec.name);
        let least = most - self.spec.optional;
        if !(least..=most).contains(&types.len()) {
            let expected = match self.spec.optional {
                0 => least.to_string(),
                _ => format!("{least} to {most}"),
            };
            let plural = if most == 1 { "" } else { "s" };
            return plan_err!(
                "{name} takes {expected} argument{plural}, not {}",
                types.len()
            );
        }
        let pairs = self.spec.takes.iter().zip(types).enumerate();
        let coerced = pairs.map(|(index, (takes, kind))| match takes.coerced(kind) {
            Some(kind) => Ok(kind),
            None => plan_err!(
                "{name} takes {} as argument {}, not {kind}",
                takes.words(),
                index + 1
            ),
        });
        coerced.collect()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.spec.gives.arrow(types))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let columns = args.args.into_iter();
        let columns = columns
            .map(|arg| arg.into_array(rows))
            .collect::<Result<_>>()?;
        let made = computed_rows(self.spec, self.is_lenient, columns, rows)?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?),
            false => ColumnarValue::Array(made),
        })
    }
}

/// Computes a function of one argument, whose type is one that the function takes.
///
/// # Errors
/// Fails if a value has no result.
pub(super) fn mapped(spec: &'static RowSpec, columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    let rows = columns.first().map_or(0, |column| column.len());
    computed_rows(spec, false, columns, rows)
}

fn computed_rows(
    spec: &RowSpec,
    is_lenient: bool,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<ArrayRef> {
    let types: Vec<DataType> = columns
        .iter()
        .map(|column| column.data_type().clone())
        .collect();
    let readers: Vec<RowReader<'_>> = columns.iter().map(RowReader::of).collect::<Result<_>>()?;
    let mut out = RowColumn::new(spec.gives, &types, rows);
    let (mut cells, mut memo) = (Vec::with_capacity(readers.len()), Memo::default());
    for row in 0..rows {
        cells.clear();
        cells.extend(readers.iter().map_while(|reader| reader.get(row)));
        if cells.len() < readers.len() {
            out.push(RowValue::Null);
            continue;
        }
        match (spec.compute)(&cells, &mut memo) {
            Ok(value) => out.push(value),
            Err(_) if is_lenient => out.push(RowValue::Null),
            Err(why) => return exec_err!("{}: {why}", spec.name),
        }
    }
    Ok(out.finish())
}

impl Takes {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::BigInt => "an integer",
            Self::Double => "a number",
            Self::Time => "a date or a time",
            Self::Address => "an address",
        }
    }

    /// Returns the type that an argument of this type is converted to; none if it cannot be.
    fn coerced(self, kind: &DataType) -> Option<DataType> {
        let is_text = kind.is_string() || kind.is_null();
        match self {
            Self::Text => (!kind.is_nested() && *kind != ADDRESS).then_some(DataType::Utf8View),
            Self::Address if *kind == ADDRESS => Some(ADDRESS),
            Self::Address => is_text.then_some(DataType::Utf8View),
            Self::BigInt => (kind.is_numeric() || is_text).then_some(DataType::Int64),
            Self::Double => (kind.is_numeric() || is_text).then_some(DataType::Float64),
            Self::Time => match kind {
                DataType::Date32 | DataType::Date64 => Some(DataType::Date32),
                DataType::Timestamp(_, zone) => {
                    Some(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))
                }
                _ if is_text => Some(DataType::Timestamp(TimeUnit::Nanosecond, None)),
                _ => None,
            },
        }
    }
}

impl Gives {
    /// Returns the type of the value, given those of the arguments.
    fn arrow(self, types: &[DataType]) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::TextList => {
                DataType::List(Arc::new(ArrowField::new("item", DataType::Utf8View, true)))
            }
            Self::BigInt => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Address => ADDRESS,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
            Self::LikeLast => match types.last() {
                Some(DataType::Date32) => DataType::Date32,
                Some(DataType::Timestamp(_, zone)) => {
                    DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
                }
                _ => DataType::Timestamp(TimeUnit::Millisecond, None),
            },
        }
    }
}

/// Reads the rows of one argument.
struct RowReader<'a> {
    array: &'a ArrayRef,
    zone: Option<Tz>,
}

impl<'a> RowReader<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self> {
        let zone = match array.data_type() {
            DataType::Timestamp(_, Some(zone)) => Some(zone.parse::<Tz>()?),
            _ => None,
        };
        Ok(Self { array, zone })
    }

    fn get(&self, row: usize) -> Option<Argument<'a>> {
        let array = self.array;
        if array.is_null(row) {
            return None;
        }
        Some(match array.data_type() {
            DataType::Utf8View => Argument::Text(array.as_string_view().value(row)),
            DataType::Int64 => Argument::Int(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Argument::Double(array.as_primitive::<Float64Type>().value(row)),
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().value(row);
                Argument::Time(Moment {
                    local_ns: i64::from(days).checked_mul(86_400_000_000_000)?,
                    zone: Zone::Date,
                })
            }
            DataType::FixedSizeBinary(_) => {
                let bytes = array.as_fixed_size_binary().value(row);
                Argument::Address(<[u8; 16]>::try_from(bytes).ok()?.into())
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let ns = array.as_primitive::<TimestampNanosecondType>().value(row);
                Argument::Time(self.moment(ns)?)
            }
            _ => return None,
        })
    }

    fn moment(&self, ns: i64) -> Option<Moment> {
        let Some(zone) = self.zone else {
            return Some(Moment {
                local_ns: ns,
                zone: Zone::Local,
            });
        };
        let time = as_datetime_with_timezone::<TimestampNanosecondType>(ns, zone)?;
        let local_ns = time.naive_local().and_utc().timestamp_nanos_opt()?;
        Some(Moment {
            local_ns,
            zone: Zone::Offset((local_ns - ns) / 1_000_000_000),
        })
    }
}

/// The values of all rows.
enum RowColumn {
    Text(StringViewBuilder),
    TextList(ListBuilder<StringViewBuilder>),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Address(FixedSizeBinaryBuilder),
    Time(TimestampMillisecondBuilder),
}

impl RowColumn {
    fn new(gives: Gives, types: &[DataType], rows: usize) -> Self {
        match gives.arrow(types) {
            DataType::Utf8View => Self::Text(StringViewBuilder::with_capacity(rows)),
            DataType::List(_) => Self::TextList(ListBuilder::new(StringViewBuilder::new())),
            DataType::Int64 => Self::BigInt(Int64Builder::with_capacity(rows)),
            DataType::Float64 => Self::Double(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            ADDRESS => Self::Address(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            kind => Self::Time(TimestampMillisecondBuilder::new().with_data_type(kind)),
        }
    }

    /// Adds a value. One of another type than the column's is null.
    fn push(&mut self, value: RowValue) {
        match (self, value) {
            (Self::Text(out), RowValue::Text(text)) => out.append_value(text),
            (Self::Text(out), _) => out.append_null(),
            (Self::TextList(out), RowValue::TextList(texts)) => out.append_value(texts),
            (Self::TextList(out), _) => out.append_null(),
            (Self::BigInt(out), RowValue::Int(number)) => out.append_value(number),
            (Self::BigInt(out), _) => out.append_null(),
            (Self::Double(out), RowValue::Double(number)) => out.append_value(number),
            (Self::Double(out), _) => out.append_null(),
            (Self::Boolean(out), RowValue::Bool(truth)) => out.append_value(truth),
            (Self::Boolean(out), _) => out.append_null(),
            (Self::Date(out), RowValue::Date(days)) => out.append_value(days),
            (Self::Date(out), _) => out.append_null(),
            (Self::Address(out), RowValue::Address(address)) => {
                // The builder takes values of this length only, which this one has.
                if out.append_value(address.octets()).is_err() {
                    out.append_null();
                }
            }
            (Self::Address(out), _) => out.append_null(),
            (Self::Time(out), RowValue::Ns(ns)) => out.append_value(ns.div_euclid(1_000_000)),
            (Self::Time(out), _) => out.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut out) => Arc::new(out.finish()),
            Self::TextList(mut out) => Arc::new(out.finish()),
            Self::BigInt(mut out) => Arc::new(out.finish()),
            Self::Double(mut out) => Arc::new(out.finish()),
            Self::Boolean(mut out) => Arc::new(out.finish()),
            Self::Date(mut out) => Arc::new(out.finish()),
            Self::Address(mut out) => Arc::new(out.finish()),
            Self::Time(mut out) => Arc::new(out.finish()),
        }
    }
}

/// Computes a function as a query would, for tests.
#[cfg(test)]
pub(super) fn computed(
    specs: &[RowSpec],
    name: &str,
    cells: &[Argument<'_>],
) -> std::result::Result<RowValue, String> {
    let spec = specs.iter().find(|spec| spec.name == name).unwrap();
    (spec.compute)(cells, &mut Memo::default())
}
