//! Athena's names of types: `typeof(x)`, and those of columns in `DESCRIBE`.

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, StringViewArray};
use arrow_schema::{DataType, IntervalUnit};
use datafusion::arrow::compute::cast;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::row;

/// Makes the functions.
pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    let made = |kind| {
        ScalarUDF::from(TypeFunction {
            kind,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    };
    [TypeFunctionKind::OfValue, TypeFunctionKind::OfColumn]
        .into_iter()
        .map(made)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum TypeFunctionKind {
    /// `type_of(x)`: the type of a value, as a query names it: `bigint`, `varchar`.
    OfValue,
    /// `column_type(text)`: the type of a column, as a table's definition names it: `string`. The text is
    /// the engine's name.
    OfColumn,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeFunction {
    kind: TypeFunctionKind,
    signature: Signature,
}

impl ScalarUDFImpl for TypeFunction {
    fn name(&self) -> &str {
        match self.kind {
            TypeFunctionKind::OfValue => "type_of",
            TypeFunctionKind::OfColumn => "column_type",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.kind, types) {
            (TypeFunctionKind::OfValue, [kind]) => Ok(vec![kind.clone()]),
            (TypeFunctionKind::OfColumn, [_]) => Ok(vec![DataType::Utf8View]),
            _ => plan_err!("typeof takes 1 argument, not {}", types.len()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else {
            return plan_err!("typeof takes 1 argument, not 0");
        };
        if self.kind == TypeFunctionKind::OfValue {
            let name = value_type(&value.data_type());
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(Some(name))));
        }
        let engines: ArrayRef = cast(&value.to_array(args.number_rows)?, &DataType::Utf8View)?;
        let names = engines.as_string_view().iter();
        let names = names.map(|name| {
            let name = name?;
            let kind = name.parse::<DataType>();
            Some(kind.map_or_else(|_| name.to_owned(), |kind| column_type(&kind)))
        });
        Ok(ColumnarValue::Array(std::sync::Arc::new(
            names.collect::<StringViewArray>(),
        )))
    }
}

/// Returns the name of a type in a query (<https://trino.io/docs/current/language/types.html>).
pub(in crate::sql) fn value_type(kind: &DataType) -> String {
    match kind {
        DataType::Null => "unknown".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        kind if kind.is_string() => "varchar".to_owned(),
        DataType::Timestamp(_, None) => "timestamp(3)".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp(3) with time zone".to_owned(),
        DataType::Duration(_)
        | DataType::Interval(IntervalUnit::DayTime | IntervalUnit::MonthDayNano) => {
            "interval day to second".to_owned()
        }
        DataType::Interval(IntervalUnit::YearMonth) => "interval year to month".to_owned(),
        kind if *kind == row::ADDRESS => "ipaddress".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "varbinary".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("array({})", value_type(item.data_type()))
        }
        DataType::Struct(members) => {
            let members = members
                .iter()
                .map(|member| format!("{} {}", member.name(), value_type(member.data_type())));
            format!("row({})", members.collect::<Vec<_>>().join(", "))
        }
        DataType::Dictionary(_, value) => value_type(value),
        kind => column_type(kind),
    }
}

/// Returns the name of a type in a table's definition
/// (<https://docs.aws.amazon.com/athena/latest/ug/data-types.html>).
fn column_type(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "int".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(item) => format!("array<{}>", column_type(item.data_type())),
        DataType::Struct(members) => {
            let members = members
                .iter()
                .map(|member| format!("{}:{}", member.name(), column_type(member.data_type())));
            format!("struct<{}>", members.collect::<Vec<_>>().join(","))
        }
        kind if kind.is_string() => "string".to_owned(),
        kind if *kind == row::ADDRESS => "ipaddress".to_owned(),
        DataType::Dictionary(_, value) => column_type(value),
        kind => kind.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_that_athena_gives() {
        let text = DataType::new_list(DataType::Utf8View, true);
        assert_eq!(value_type(&text), "array(varchar)");
        assert_eq!(column_type(&text), "array<string>");
        assert_eq!(value_type(&DataType::Int32), "integer");
        assert_eq!(column_type(&DataType::Int32), "int");
        let member = arrow_schema::Field::new("arn", DataType::Utf8View, true);
        let rows = DataType::Struct(vec![member].into());
        assert_eq!(value_type(&rows), "row(arn varchar)");
        assert_eq!(column_type(&rows), "struct<arn:string>");
        // The engine writes types as text that can be read again.
        for kind in [text, rows, DataType::Date32] {
            assert_eq!(kind.to_string().parse::<DataType>().unwrap(), kind);
        }
    }
}
