//! `sum` of whole numbers: added with 38 digits, so the order of the rows and what is added in between do
//! not matter, and checked at the end.
//!
//! It is the engine's sum of decimals, with a conversion before it and one after it. All other types
//! are left to the engine.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _, BooleanArray, Int64Array, PrimitiveArray};
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
        let wide = self.inner.create_groups_accumulator(wide_args(args))?;
        Ok(Box::new(WholeSums { wide }))
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
struct WholeSums {
    wide: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for WholeSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.wide
            .update_batch(&wide(values), group_indices, filter, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.wide.evaluate(emit_to)?;
        let sums = sums.as_primitive::<Decimal128Type>();
        let whole: Int64Array = sums.try_unary(narrow)?;
        Ok(Arc::new(whole))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.wide.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        groups: usize,
    ) -> Result<()> {
        self.wide.merge_batch(values, group_indices, groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.wide.convert_to_state(&wide(values), filter)
    }

    fn size(&self) -> usize {
        self.wide.size()
    }
}
