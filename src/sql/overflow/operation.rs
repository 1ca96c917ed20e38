//! `+`, `-` and `*` of two whole numbers of one type.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Datum, Scalar};
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr_common::datum::apply;

use super::overflow;
use super::sum::WIDE;
use crate::sql::functions::value_type;

/// The name of the function around an operation in `try(…)`. [`CheckedOperators`](super::CheckedOperators)
/// removes it.
pub(in crate::sql) const LENIENT: &str = "null_if_overflow";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum WholeOperator {
    Plus,
    Minus,
    Times,
}

impl WholeOperator {
    pub(super) fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Self::Plus),
            Operator::Minus => Some(Self::Minus),
            Operator::Multiply => Some(Self::Times),
            _ => None,
        }
    }

    /// Returns the expression that applies it.
    pub(super) fn applied(self, left: Expr, right: Expr) -> Expr {
        let func = WholeOperation::function(self, false);
        Expr::ScalarFunction(ScalarFunction {
            func,
            args: vec![left, right],
        })
    }

    fn compute(self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Plus => add(left, right),
            Self::Minus => sub(left, right),
            Self::Times => mul(left, right),
        }
    }

    /// Returns what Athena calls it in its message.
    fn noun(self) -> &'static str {
        match self {
            Self::Plus => "addition",
            Self::Minus => "subtraction",
            Self::Times => "multiplication",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WholeOperation {
    operator: WholeOperator,
    /// Whether the result is null where it overflows.
    is_lenient: bool,
    signature: Signature,
}

impl WholeOperation {
    fn function(operator: WholeOperator, is_lenient: bool) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self {
            operator,
            is_lenient,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    }

    /// Returns the function that is null instead of an error.
    pub(super) fn lenient(&self) -> Arc<ScalarUDF> {
        Self::function(self.operator, true)
    }

    fn failure(&self, error: ArrowError, kind: &DataType) -> DataFusionError {
        let ArrowError::ArithmeticOverflow(text) = error else {
            return error.into();
        };
        let (kind, noun) = (value_type(kind), self.operator.noun());
        let numbers = text.rsplit_once(": ").map(|(_, numbers)| numbers);
        overflow(match numbers {
            Some(numbers) => format!("{kind} {noun} overflow: {numbers}"),
            None => format!("{kind} {noun} overflow"),
        })
    }
}

impl ScalarUDFImpl for WholeOperation {
    fn name(&self) -> &str {
        match self.operator {
            WholeOperator::Plus => "whole_plus",
            WholeOperator::Minus => "whole_minus",
            WholeOperator::Times => "whole_times",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, right] if left == right => Ok(left.clone()),
            _ => plan_err!("{} takes two numbers of one type", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = &args.args[..] else {
            return plan_err!("{} takes two numbers", self.name());
        };
        let kind = left.data_type();
        let compute = |left: &dyn Datum, right: &dyn Datum| match self.operator.compute(left, right)
        {
            Err(ArrowError::ArithmeticOverflow(_)) if self.is_lenient => {
                computed_wide(self.operator, left, right, &kind)
            }
            computed => computed,
        };
        apply(left, right, compute).map_err(|error| match error {
            DataFusionError::ArrowError(error, _) => self.failure(*error, &kind),
            other => other,
        })
    }
}

/// Computes with more digits. What has no place in `kind` is null.
fn computed_wide(
    operator: WholeOperator,
    left: &dyn Datum,
    right: &dyn Datum,
    kind: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let computed = operator.compute(&*wide(left)?, &*wide(right)?)?;
    let nulls = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    cast_with_options(&computed, kind, &nulls)
}

fn wide(values: &dyn Datum) -> Result<Box<dyn Datum>, ArrowError> {
    let (values, is_scalar) = values.get();
    let values = cast(values, &WIDE)?;
    Ok(match is_scalar {
        true => Box::new(Scalar::new(values)),
        false => Box::new(values),
    })
}

/// Makes the function around operations in `try(…)`.
pub(in crate::sql) fn lenient_marker() -> ScalarUDF {
    ScalarUDF::from(LenientMarker {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// Returns its argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LenientMarker {
    signature: Signature,
}

impl ScalarUDFImpl for LenientMarker {
    fn name(&self) -> &str {
        LENIENT
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [kind] => Ok(kind.clone()),
            _ => plan_err!("try takes 1 argument, not {}", types.len()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => plan_err!("try takes 1 argument, not 0"),
        }
    }
}
