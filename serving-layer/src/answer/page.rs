//! Rows of a page as columns with values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Int64Array, StringBuilder, UInt32Array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::take;
use arrow::datatypes::DataType;
use merganser_metric::compile::{Metric, OverflowCounts};

use super::columns::NamedColumns;
use super::rows::{GroupRow, MergedStates};
use crate::error::ServingError;
use crate::query::FillPolicy;

/// Columns of bucket starts and dimension values.
pub(super) fn keys(
    merged: &MergedStates,
    rows: &[GroupRow],
    names: &[String],
    time: bool,
) -> NamedColumns {
    let mut columns = NamedColumns::default();
    if time {
        columns.push_times(rows.iter().map(|row| Some(row.time)));
    }
    for (at, name) in names.iter().enumerate() {
        let mut texts = StringBuilder::new();
        for row in rows {
            texts.append_option(merged.table.dimension(row.key as usize, at));
        }
        columns.push(name, Arc::new(texts.finish()));
    }
    columns
}

/// Columns of measures: of each row's group, or null without one.
pub(super) fn measures(
    merged: &MergedStates,
    metric: &Metric,
    measures: &[usize],
    groups: &[Option<u32>],
    columns: &mut NamedColumns,
) -> Result<OverflowCounts, ServingError> {
    let present: Vec<usize> = groups.iter().flatten().map(|group| *group as usize).collect();
    let finished = merged.finish(metric, measures, &present)?;
    let mut next = 0_u32;
    let place = |group: &Option<u32>| {
        group.map(|_| {
            next += 1;
            next - 1
        })
    };
    let places: UInt32Array = groups.iter().map(place).collect();
    for (measure, values) in measures.iter().zip(&finished.values) {
        columns.push(&metric.measures()[*measure].name, take(values, &places, None)?);
    }
    Ok(finished.misfits)
}

/// Puts 0 where a bucket was empty, for the measures that have a zero.
pub(super) fn fill_zeros(
    metric: &Metric,
    measures: &[usize],
    groups: &[Option<u32>],
    fill: FillPolicy,
    columns: &mut NamedColumns,
) -> Result<(), ServingError> {
    if fill != FillPolicy::Zero {
        return Ok(());
    }
    let empty: BooleanArray = groups.iter().map(|group| Some(group.is_none())).collect();
    let first = columns.0.len() - measures.len();
    for (measure, (_, values)) in measures.iter().zip(&mut columns.0[first..]) {
        if metric.measures()[*measure].kind.is_zero_without_events() {
            let zeros: ArrayRef = match values.data_type() {
                DataType::Int64 => Arc::new(Int64Array::from(vec![0; values.len()])),
                _ => {
                    let zeros = Decimal128Array::from(vec![0; values.len()]);
                    Arc::new(zeros.with_data_type(values.data_type().clone()))
                }
            };
            *values = zip(&empty, &zeros, values)?;
        }
    }
    Ok(())
}
