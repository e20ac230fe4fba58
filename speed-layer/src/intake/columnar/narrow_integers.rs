//! Columns of Parquet whose type is narrower than their values can be: integers of 8 and 16 bits
//! are stored as 32, and the library cuts off what is above. A file that has more there contradicts
//! itself; it is refused before a value becomes another one.

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::Int32Type;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{IntakeError, malformed};

/// Values that are read at a time.
const STEP: usize = 1024;

/// Refuses a file with values outside of their type.
pub(super) fn check<R: ChunkReader + 'static>(
    file: R,
    metadata: &ParquetMetaData,
) -> Result<(), IntakeError> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let narrow: Vec<_> = (0..)
        .zip(columns)
        .filter_map(|(at, column)| Some((at, column.path().string(), range(column)?)))
        .collect();
    if narrow.is_empty() {
        return Ok(());
    }
    let file = SerializedFileReader::new(file).map_err(malformed)?;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(malformed)?;
        for (at, name, (min, max)) in &narrow {
            let reader = group.get_column_reader(*at).map_err(malformed)?;
            let mut reader = get_typed_column_reader::<Int32Type>(reader);
            let (mut values, mut definitions, mut repetitions) = (vec![], vec![], vec![]);
            loop {
                values.clear();
                definitions.clear();
                repetitions.clear();
                let (records, count, levels) = reader
                    .read_records(STEP, Some(&mut definitions), Some(&mut repetitions), &mut values)
                    .map_err(malformed)?;
                if let Some(value) = values.iter().find(|value| !(*min..=*max).contains(*value)) {
                    return Err(malformed(format!(
                        "the column `{name}` has the value {value}, and its type holds {min} to \
                         {max}"
                    )));
                }
                if records == 0 && count == 0 && levels == 0 {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// What the type of a column holds, if that is less than 32 bits.
fn range(column: &ColumnDescriptor) -> Option<(i32, i32)> {
    if column.physical_type() != PhysicalType::INT32 {
        return None;
    }
    let bounds = match column.logical_type_ref() {
        Some(LogicalType::Integer(int)) => (int.bit_width, int.is_signed),
        Some(_) => return None,
        None => match column.converted_type() {
            ConvertedType::INT_8 => (8, true),
            ConvertedType::INT_16 => (16, true),
            ConvertedType::UINT_8 => (8, false),
            ConvertedType::UINT_16 => (16, false),
            _ => return None,
        },
    };
    match bounds {
        (8, true) => Some((i8::MIN.into(), i8::MAX.into())),
        (16, true) => Some((i16::MIN.into(), i16::MAX.into())),
        (8, false) => Some((0, u8::MAX.into())),
        (16, false) => Some((0, u16::MAX.into())),
        _ => None,
    }
}
