//! Arguments on the places of their measures.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, i256};

use merganser_core::decimal::{Scale, rescale};

/// Values that lost digits when they were put on the places of a measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RoundingLoss {
    /// All of them.
    pub(super) any: u64,
    /// Those that are more than a hundredth off, which is what a quantile may be anyway.
    pub(super) much: u64,
}

/// Numbers on the places of a measure.
pub(super) struct RoundedColumn {
    /// Decimals of that scale; null where they do not fit 38 digits.
    pub(super) values: ArrayRef,
    /// How many lost digits.
    pub(super) lost: RoundingLoss,
    /// How many do not fit.
    pub(super) misfits: u64,
}

/// Rounds half to even.
pub(super) fn round_to_scale(values: ArrayRef, scale: Scale) -> RoundedColumn {
    let (mut lost, mut misfits) = (RoundingLoss::default(), 0);
    let mut place = |value: i256, places: i8| {
        let Some((rounded, is_lossy)) = rescale(value, places.unsigned_abs(), scale) else {
            misfits += 1;
            return None;
        };
        if is_lossy {
            lost.any += 1;
            // Half a unit in the last place is over a hundredth of less than fifty units.
            lost.much += u64::from(rounded.unsigned_abs() < 50);
        }
        Some(rounded)
    };
    let rounded: Decimal128Array = match values.data_type() {
        DataType::Decimal128(_, places) if *places == scale.places() as i8 => {
            return RoundedColumn { values, lost, misfits };
        }
        DataType::Decimal128(_, places) => {
            let short = values.as_primitive::<Decimal128Type>().iter();
            short.map(|n| place(i256::from_i128(n?), *places)).collect()
        }
        DataType::Decimal256(_, places) => {
            let wide = values.as_primitive::<Decimal256Type>().iter();
            wide.map(|n| place(n?, *places)).collect()
        }
        _ => Decimal128Array::new_null(values.len()),
    };
    let values = Arc::new(rounded.with_data_type(scale.value_type()));
    RoundedColumn { values, lost, misfits }
}
