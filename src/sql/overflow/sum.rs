//! `sum` of whole numbers: added with 38 digits, so the order of the rows and what is added in between do
//! not matter, and checked at the end.
//!
//! One sum is the engine's of decimals, with a conversion before it and one after it. The sums of groups, of
//! which a query may have millions, are added here. All other types are left to the engine.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array as _, ArrayRef, ArrowPrimitiveType, AsArray as _, BooleanArray, Int64Array,
    PrimitiveArray,
};
use datafusion::arrow::compute::{not, nullif, prep_null_mask_filter};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};
use datafusion::scalar::ScalarValue;

use super::overflow;

/// The type in which whole numbers are added.
pub(super) const WIDE: DataType = DataType::Decimal128(38, 0);

/// Makes the function.
pub(in crate::sql) fn checked_sum() -> AggregateUDF {
    AggregateUDF::from(CheckedSum { inner: sum_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    /// The engine's sum.
    inner: Arc<AggregateUDF>,
}

fn is_whole(field: &Field) -> bool {
    *field.data_type() == DataType::Int64
}

fn widened(field: &Field) -> FieldRef {
    Arc::new(field.clone().with_data_type(WIDE))
}

/// Returns the arguments of the engine's sum of decimals.
fn wide_args(args: AccumulatorArgs<'_>) -> AccumulatorArgs<'_> {
    AccumulatorArgs {
        return_field: widened(&args.return_field),
        ..args
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if !is_whole(&args.return_field) {
            return self.inner.accumulator(args);
        }
        let wide = self.inner.accumulator(wide_args(args))?;
        Ok(Box::new(WholeSum { wide }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if !is_whole(&args.return_field) {
            return self.inner.state_fields(args);
        }
        self.inner.state_fields(StateFieldsArgs {
            return_field: widened(&args.return_field),
            ..args
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        if !is_whole(&args.return_field) {
            return self.inner.create_groups_accumulator(args);
        }
        Ok(Box::new(WholeSums::default()))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        if !is_whole(&args.return_field) {
            return self.inner.create_sliding_accumulator(args);
        }
        if args.is_distinct {
            return plan_err!("DISTINCT is not supported in window functions");
        }
        let wide = self.inner.create_sliding_accumulator(wide_args(args))?;
        Ok(Box::new(WholeSum { wide }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// Returns whole numbers as decimals.
fn wide(values: &[ArrayRef]) -> Vec<ArrayRef> {
    let widen = |values: &ArrayRef| -> ArrayRef {
        let whole: &Int64Array = values.as_primitive::<Int64Type>();
        let wide: PrimitiveArray<Decimal128Type> = whole.unary(i128::from);
        Arc::new(wide.with_data_type(WIDE))
    };
    values.iter().map(widen).collect()
}

fn narrow(sum: i128) -> Result<i64> {
    i64::try_from(sum).map_err(|_| overflow(format!("bigint addition overflow: the sum is {sum}")))
}

/// One sum.
#[derive(Debug)]
struct WholeSum {
    wide: Box<dyn Accumulator>,
}

impl Accumulator for WholeSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.wide.update_batch(&wide(values))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.wide.evaluate()? {
            ScalarValue::Decimal128(sum, ..) => {
                Ok(ScalarValue::Int64(sum.map(narrow).transpose()?))
            }
            other => Err(DataFusionError::Internal(format!("{other} is no sum"))),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.wide.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.wide.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.wide.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.wide.retract_batch(&wide(values))
    }

    fn supports_retract_batch(&self) -> bool {
        self.wide.supports_retract_batch()
    }
}

/// The sums of groups.
#[derive(Default)]
struct WholeSums {
    sums: Vec<i128>,
    /// Whether a group has a number at all.
    has_any: Vec<bool>,
}

impl WholeSums {
    fn make_room(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.has_any.resize(groups, false);
    }

    /// Adds the numbers of rows to those of their groups.
    fn add<T: ArrowPrimitiveType>(
        &mut self,
        values: &PrimitiveArray<T>,
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
    ) where
        T::Native: Into<i128>,
    {
        let mut put = |group: usize, value: T::Native| {
            let value: i128 = value.into();
            // 38 digits hold more sums than there are rows; the engine's sum would wrap too.
            self.sums[group] = self.sums[group].wrapping_add(value);
            self.has_any[group] = true;
        };
        let rows = group_indices.iter().zip(values.values());
        match (values.nulls(), filter) {
            (None, None) => rows.for_each(|(group, value)| put(*group, *value)),
            (nulls, filter) => {
                for (row, (group, value)) in rows.enumerate() {
                    let is_taken = filter.is_none_or(|of| of.is_valid(row) && of.value(row));
                    if is_taken && nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                        put(*group, *value);
                    }
                }
            }
        }
    }

    /// Takes the sums of groups out.
    fn take(&mut self, emit_to: EmitTo) -> PrimitiveArray<Decimal128Type> {
        let sums = emit_to.take_needed(&mut self.sums);
        let has_any = emit_to.take_needed(&mut self.has_any);
        PrimitiveArray::new(sums.into(), Some(has_any.into())).with_data_type(WIDE)
    }
}

impl GroupsAccumulator for WholeSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.make_room(groups);
        for values in values {
            self.add(values.as_primitive::<Int64Type>(), group_indices, filter);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let whole: Int64Array = self.take(emit_to).try_unary(narrow)?;
        Ok(Arc::new(whole))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.take(emit_to))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        groups: usize,
    ) -> Result<()> {
        self.make_room(groups);
        for values in values {
            self.add(values.as_primitive::<Decimal128Type>(), group_indices, None);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let states = wide(values).into_iter().map(|values| match filter {
            None => Ok(values),
            Some(filter) => {
                let is_left_out = not(&prep_null_mask_filter(filter))?;
                Ok(nullif(&values, &is_left_out)?)
            }
        });
        states.collect()
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.has_any.capacity()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;

    use super::*;

    const GROUPS: [usize; 6] = [0, 1, 0, 2, 1, 3];

    fn numbers() -> [ArrayRef; 1] {
        let numbers = [Some(i64::MAX), Some(1), Some(-5), None, Some(2), Some(9)];
        [Arc::new(Int64Array::from(numbers.to_vec()))]
    }

    fn filter() -> BooleanArray {
        vec![
            Some(true),
            None,
            Some(true),
            Some(true),
            Some(true),
            Some(false),
        ]
        .into()
    }

    /// The sums of all groups.
    fn sums(mut sums: WholeSums) -> Vec<Option<i64>> {
        let all = sums.evaluate(EmitTo::All).unwrap();
        all.as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn rows_without_a_number_or_outside_of_the_filter_do_not_count() {
        let mut whole = WholeSums::default();
        whole.update_batch(&numbers(), &GROUPS, None, 4).unwrap();
        assert_eq!(sums(whole), [Some(i64::MAX - 5), Some(3), None, Some(9)]);
        let mut filtered = WholeSums::default();
        let filter = filter();
        filtered
            .update_batch(&numbers(), &GROUPS, Some(&filter), 5)
            .unwrap();
        assert_eq!(
            sums(filtered),
            [Some(i64::MAX - 5), Some(2), None, None, None]
        );
    }

    #[test]
    fn sums_of_parts_are_those_of_the_whole() {
        for filter in [None, Some(filter())] {
            let mut whole = WholeSums::default();
            whole
                .update_batch(&numbers(), &GROUPS, filter.as_ref(), 4)
                .unwrap();
            let states = whole.convert_to_state(&numbers(), filter.as_ref()).unwrap();
            assert_eq!(states[0].data_type(), &WIDE);
            let mut merged = WholeSums::default();
            merged.merge_batch(&states, &GROUPS, 4).unwrap();
            // The first groups, then the rest.
            let first = merged.state(EmitTo::First(1)).unwrap();
            let rest = merged.state(EmitTo::All).unwrap();
            let mut again = WholeSums::default();
            again.merge_batch(&first, &[0], 1).unwrap();
            again.merge_batch(&rest, &[1, 2, 3], 4).unwrap();
            assert_eq!(sums(again), sums(whole));
        }
    }

    #[test]
    fn a_sum_beyond_64_bits_is_an_error_only_at_the_end() {
        let values: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX]))];
        let mut sums = WholeSums::default();
        sums.update_batch(&values, &[0, 0], None, 1).unwrap();
        assert!(sums.evaluate(EmitTo::All).is_err());
    }
}
