//! What the pages of a Parquet file say they come to ("Apache Parquet" format 2.11, `PageHeader`
//! of `parquet.thrift`), added up before any is decompressed.

use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::thrift::{ThriftReader, ThriftType};
use super::{DecodeBounds, IntakeError, malformed};

/// How the file ends: the length of its metadata, and this.
const MAGIC: &[u8; 4] = b"PAR1";
/// Groups of columns within each other. The library goes down into them by recursion.
const DEPTH_MAX: usize = 100;
/// The place of the schema in `FileMetaData`, and of the number of children in `SchemaElement`.
const SCHEMA: i16 = 2;
const CHILDREN: i16 = 5;
/// Bytes that a value takes in memory, at most, beside those of texts.
const VALUE_BYTES: usize = 32;
/// Bytes of a value of a fixed length.
const FIXED_BYTES_MAX: i32 = VALUE_BYTES as i32;
/// `DELTA_BYTE_ARRAY` of `Encoding`: each text repeats the start of the one before, of any length.
const DELTA_BYTE_ARRAY: i64 = 7;

/// Refuses a schema that is too large to go through.
pub(super) fn check_schema(body: &[u8]) -> Result<(), IntakeError> {
    let broken = || malformed("it does not end as one");
    let end = body.strip_suffix(MAGIC).ok_or_else(broken)?;
    let (before, length) = end.split_last_chunk::<4>().ok_or_else(broken)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(malformed)?;
    let start = before.len().checked_sub(length).ok_or_else(broken)?;
    let mut schema = Some(());
    let read = ThriftReader::new(&before[start..]).fields(|reader, place, kind| {
        if place == SCHEMA && kind == ThriftType::List {
            schema = skip_schema(reader);
            return schema;
        }
        reader.skip(kind)
    });
    schema.ok_or_else(|| {
        malformed(format!("its schema cannot be read, or is over {DEPTH_MAX} levels deep"))
    })?;
    read.ok_or_else(|| malformed("its metadata cannot be read"))
}

/// Passes over a schema: its columns, and groups of them, in the order of a walk down, each with
/// how many are below it. `None` where it is too deep.
fn skip_schema(reader: &mut ThriftReader<'_>) -> Option<()> {
    let (kind, count) = reader.list()?;
    let mut open: Vec<i64> = Vec::new();
    for _ in 0..count {
        let mut children = 0;
        if kind != ThriftType::Struct {
            return None;
        }
        reader.fields(|reader, place, kind| match (place, kind) {
            (CHILDREN, ThriftType::Integer) => reader.integer_to(&mut children),
            _ => reader.skip(kind),
        })?;
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        open.push(children);
        if open.len() > DEPTH_MAX {
            return None;
        }
        while open.pop_if(|left| *left <= 0).is_some() {}
    }
    Some(())
}

/// Refuses a file whose pages come to more than the bounds, or to an unknown size.
pub(super) fn check(
    body: &[u8],
    metadata: &ParquetMetaData,
    bounds: DecodeBounds,
) -> Result<usize, IntakeError> {
    let rows = metadata.row_groups().iter().map(|group| group.num_rows());
    let rows = rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    if rows.fold(0, usize::saturating_add) > bounds.events_max {
        return Err(bounds.too_many());
    }
    let mut bytes = 0_usize;
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        bytes = bytes.saturating_add(size_bytes(body, column)?);
        if bytes > bounds.bytes_max {
            return Err(bounds.too_large());
        }
    }
    Ok(bytes)
}

/// Bytes that a column's pages come to.
fn size_bytes(body: &[u8], column: &ColumnChunkMetaData) -> Result<usize, IntakeError> {
    let name = column.column_path().string();
    // Of the others, what comes out is not bound by what the page says.
    let is_bound = matches!(
        column.compression(),
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)
    );
    if !is_bound && column.compression() != Compression::LZ4_RAW {
        let codec = column.compression().to_string();
        let codec = codec.split('(').next().unwrap_or_default();
        return Err(IntakeError::UnsupportedMedia(format!(
            "the column `{name}` of the Parquet file is compressed as {codec}; snappy, zstd, \
             lz4_raw and none are read"
        )));
    }
    // Decimals have so many; of others a value that a page has once would be made once a row.
    if column.column_descr().type_length() > FIXED_BYTES_MAX {
        return Err(malformed(format!("the column `{name}` has values of a fixed length")));
    }
    let broken = || malformed(format!("the pages of the column `{name}` cannot be read"));
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let start = usize::try_from(start).map_err(malformed)?;
    let length = usize::try_from(column.compressed_size()).map_err(malformed)?;
    let end = start.checked_add(length).ok_or_else(broken)?;
    let mut rest = body.get(start..end).ok_or_else(broken)?;
    let mut sum = 0_usize;
    while !rest.is_empty() {
        let mut reader = ThriftReader::new(rest);
        let page = PageSummary::read(&mut reader).ok_or_else(broken)?;
        if page.encoding == DELTA_BYTE_ARRAY {
            return Err(IntakeError::UnsupportedMedia(format!(
                "the column `{name}` of the Parquet file has the encoding DELTA_BYTE_ARRAY, which \
                 is not read; write it with PLAIN or a dictionary, as is the default"
            )));
        }
        let values = page.values.saturating_mul(VALUE_BYTES);
        sum = sum.saturating_add(page.plain_bytes).saturating_add(values);
        rest = reader.rest().get(page.bytes..).ok_or_else(broken)?;
    }
    Ok(sum)
}

/// What a page says of itself.
#[derive(Debug, Default)]
struct PageSummary {
    /// Its bytes in the file, without its header.
    bytes: usize,
    plain_bytes: usize,
    values: usize,
    encoding: i64,
}

impl PageSummary {
    /// Reads the head of a page. It has the one head of its own kind and no other's, so that there
    /// is one meaning.
    fn read(reader: &mut ThriftReader<'_>) -> Option<Self> {
        let mut page = Self::default();
        let (mut kind, mut heads) = (-1, 0);
        reader.fields(|reader, place, is| match (place, is) {
            (1, ThriftType::Integer) => reader.integer_to(&mut kind),
            (2, ThriftType::Integer) => reader.integer_to(&mut page.plain_bytes),
            (3, ThriftType::Integer) => reader.integer_to(&mut page.bytes),
            (5 | 7 | 8, ThriftType::Struct) => {
                heads += 1;
                // Of data pages, dictionaries, and data pages of version 2.
                let (own, encoding) = match place {
                    5 => (0, 2),
                    7 => (2, 2),
                    _ => (3, 4),
                };
                if kind != own {
                    return None;
                }
                reader.fields(|reader, place, is| match (place, is) {
                    (1, ThriftType::Integer) => reader.integer_to(&mut page.values),
                    (at, ThriftType::Integer) if at == encoding => {
                        reader.integer_to(&mut page.encoding)
                    }
                    _ => reader.skip(is),
                })
            }
            _ => reader.skip(is),
        })?;
        (heads == 1).then_some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_page_has_one_meaning() {
        // A data page: kind 0, 10 bytes of 20, and a head with 3 values in encoding 7.
        let head = [0x15, 0, 0x15, 40, 0x15, 20, 0x2c, 0x15, 6, 0x15, 14, 0];
        let read = |bytes: &[u8]| PageSummary::read(&mut ThriftReader::new(bytes));
        let page = read(&[&head[..], &[0]].concat()).unwrap();
        assert_eq!((page.plain_bytes, page.bytes, page.values, page.encoding), (20, 10, 3, 7));
        let dictionary = [0x2c, 0x15, 0, 0x15, 0, 0, 0];
        assert!(read(&[&head[..], &dictionary].concat()).is_none(), "two heads");
        let mut other = [&head[..], &[0]].concat();
        other[1] = 4;
        assert!(read(&other).is_none(), "a dictionary with the head of data");
        assert!(read(&[0x15, 0, 0x15, 40, 0x15, 20, 0]).is_none(), "no head");
        assert!(read(&[0x15, 0, 0x05, 2, 0, 0]).is_none(), "out of order");
    }
}
