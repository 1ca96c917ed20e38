//! Functions of lists and structs, and conversions whose result depends on the argument's type.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, UInt32Array, new_null_array};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, TimeUnit};
use datafusion::arrow::compute::{cast, concat, sort, take};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{network, row, time};

/// Makes the functions.
pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    let made = |kind| {
        ScalarUDF::from(ListFunction {
            kind,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    };
    use ListFunctionKind::{DateLike, NearestRank, RowField, ToText, Whole};
    [DateLike, NearestRank, RowField, ToText, Whole]
        .into_iter()
        .map(made)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ListFunctionKind {
    /// `date_like(x, y)`: `x`, as a date if `y` is a date.
    DateLike,
    /// `nearest_rank(list, p)`: the value of a list that as many as `p` of its values do not exceed.
    NearestRank,
    /// `row_field(struct, n)`: the nth member, from 1.
    RowField,
    /// `to_text(x)`: `CAST(x AS VARCHAR)`, with times as Athena writes them.
    ToText,
    /// `whole(x)`: a number rounded to a whole one, as a cast to an integer rounds it.
    Whole,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ListFunction {
    kind: ListFunctionKind,
    signature: Signature,
}

impl ScalarUDFImpl for ListFunction {
    fn name(&self) -> &str {
        match self.kind {
            ListFunctionKind::DateLike => "date_like",
            ListFunctionKind::NearestRank => "nearest_rank",
            ListFunctionKind::RowField => "row_field",
            ListFunctionKind::ToText => "to_text",
            ListFunctionKind::Whole => "whole",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.kind, types) {
            (ListFunctionKind::NearestRank, [DataType::List(_), share]) => {
                let share = match share {
                    DataType::List(_) => DataType::new_list(DataType::Float64, true),
                    _ => DataType::Float64,
                };
                Ok(vec![types[0].clone(), share])
            }
            (ListFunctionKind::RowField, [DataType::Struct(_), _]) => {
                Ok(vec![types[0].clone(), DataType::Int64])
            }
            (ListFunctionKind::DateLike, [_, _]) => Ok(types.to_vec()),
            (ListFunctionKind::ToText | ListFunctionKind::Whole, [kind]) => Ok(vec![kind.clone()]),
            _ => plan_err!("{} cannot be computed of {types:?}", self.name()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.kind, types) {
            (ListFunctionKind::NearestRank, [DataType::List(item), DataType::List(_)]) => {
                Ok(DataType::new_list(item.data_type().clone(), true))
            }
            (ListFunctionKind::NearestRank, [DataType::List(item), _]) => {
                Ok(item.data_type().clone())
            }
            (ListFunctionKind::DateLike, [_, DataType::Date32]) => Ok(DataType::Date32),
            (ListFunctionKind::DateLike, [kind, _]) => Ok(kind.clone()),
            (ListFunctionKind::ToText, _) => Ok(DataType::Utf8View),
            (ListFunctionKind::Whole, [kind]) => Ok(kind.clone()),
            _ => plan_err!("{} has no type for {types:?}", self.name()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        let kind = match (self.kind, &types[..], args.scalar_arguments) {
            (
                ListFunctionKind::RowField,
                [DataType::Struct(members), _],
                [_, Some(ScalarValue::Int64(Some(number)))],
            ) => {
                let index = usize::try_from(*number).ok().and_then(|n| n.checked_sub(1));
                match index.and_then(|index| members.get(index)) {
                    Some(member) => member.data_type().clone(),
                    None => {
                        return plan_err!(
                            "UNNEST has {number} or more names, and the rows have {} columns",
                            members.len()
                        );
                    }
                }
            }
            _ => self.return_type(&types)?,
        };
        Ok(Arc::new(ArrowField::new(self.name(), kind, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.iter();
        let columns: Vec<ArrayRef> = columns
            .map(|arg| arg.to_array(rows))
            .collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(match self.kind {
            ListFunctionKind::DateLike => cast(&columns[0], args.return_field.data_type())?,
            ListFunctionKind::NearestRank => {
                nearest_rank(&columns[0], &columns[1], args.return_field.data_type())?
            }
            ListFunctionKind::RowField => row_field(&columns[0], &columns[1])?,
            ListFunctionKind::ToText => to_text(&columns[0])?,
            ListFunctionKind::Whole => whole(&columns[0]),
        }))
    }
}

/// Returns for each row the value that a share of the list's values do not exceed, or a list of such
/// values if there is a list of shares.
fn nearest_rank(lists: &ArrayRef, shares: &ArrayRef, made: &DataType) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let mut parts: Vec<ArrayRef> = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let wanted: Option<Float64Array> = match shares.data_type() {
            DataType::List(_) => (!shares.is_null(row)).then(|| {
                let shares = shares.as_list::<i32>().value(row);
                shares.as_primitive::<Float64Type>().clone()
            }),
            _ => Some(shares.as_primitive::<Float64Type>().slice(row, 1)),
        };
        let values = (!lists.is_null(row)).then(|| lists.value(row));
        let values = values.filter(|values| values.null_count() < values.len());
        let (Some(wanted), Some(values)) = (wanted, values) else {
            parts.push(new_null_array(made, 1));
            continue;
        };
        let found = ranked(&values, &wanted)?;
        parts.push(match made {
            DataType::List(_) if matches!(shares.data_type(), DataType::List(_)) => {
                Arc::new(listed(found))
            }
            _ => found,
        });
    }
    if parts.is_empty() {
        return Ok(new_null_array(made, 0));
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(concat(&parts)?)
}

fn ranked(values: &ArrayRef, shares: &Float64Array) -> Result<ArrayRef> {
    let nulls = values.null_count();
    let sorted = sort(values, None)?; // nulls first
    let count = sorted.len() - nulls;
    let mut ranks = Vec::with_capacity(shares.len());
    for share in shares {
        let Some(share) = share else {
            ranks.push(None);
            continue;
        };
        if !(0.0..=1.0).contains(&share) {
            return exec_err!("approx_percentile: {share} is not a share from 0 to 1");
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the count, which is a length"
        )]
        let rank = ((share * count as f64).ceil() as usize).clamp(1, count);
        ranks.push(u32::try_from(nulls + rank - 1).ok());
    }
    Ok(take(&sorted, &UInt32Array::from(ranks), None)?)
}

/// Makes a list of one row.
fn listed(values: ArrayRef) -> arrow_array::ListArray {
    let item = Arc::new(ArrowField::new("item", values.data_type().clone(), true));
    let lengths = [values.len()];
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths(lengths);
    arrow_array::ListArray::new(item, offsets, values, None)
}

fn row_field(rows: &ArrayRef, number: &ArrayRef) -> Result<ArrayRef> {
    let rows = rows.as_struct();
    let number = number.as_primitive::<Int64Type>();
    let number = if number.is_empty() {
        1
    } else {
        number.value(0)
    };
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    let Some(index) = index.filter(|index| *index < rows.num_columns()) else {
        return exec_err!("there is no column {number}");
    };
    // A member of a missing row is missing too.
    let present = datafusion::arrow::compute::is_not_null(rows)?;
    let column = rows.column(index);
    Ok(datafusion::arrow::compute::nullif(
        column,
        &datafusion::arrow::compute::not(&present)?,
    )?)
}

fn to_text(values: &ArrayRef) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Timestamp(_, zone) => {
            let kind = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            row::mapped(time::shown(), vec![cast(values, &kind)?])
        }
        kind if *kind == row::ADDRESS => row::mapped(network::shown(), vec![Arc::clone(values)]),
        _ => Ok(cast(values, &DataType::Utf8View)?),
    }
}

fn whole(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let rounded = values
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(f64::round);
            Arc::new(rounded)
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

    use super::*;

    #[test]
    fn percentile_is_a_value_of_the_list() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![
            Some(30),
            None,
            Some(10),
            Some(20),
            Some(40),
        ]));
        let at = |share: f64| {
            let found = ranked(&values, &Float64Array::from(vec![share])).unwrap();
            found.as_primitive::<Int64Type>().value(0)
        };
        assert_eq!(
            [at(0.0), at(0.25), at(0.5), at(0.51), at(1.0)],
            [10, 10, 20, 30, 40]
        );
        assert!(ranked(&values, &Float64Array::from(vec![1.5])).is_err());
    }
}
