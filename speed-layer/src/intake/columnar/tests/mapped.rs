//! Columns of any name, as fields and properties.

use std::fs::File;
use std::io::{Read, Write};

use super::*;
use crate::intake::column_layout::ColumnMapping;
use crate::intake::columnar::ColumnarFile;

fn orders() -> RecordBatch {
    batch(vec![
        ("no", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 2_000_000]))),
        ("who", texts(&[Some("ada"), None])),
        ("sum", Arc::new(Float64Array::from(vec![19.9, 0.5]))),
        ("note", texts(&[None, Some("x")])),
    ])
}

fn mapping() -> ColumnMapping {
    ColumnMapping {
        event: Some("order".to_owned()),
        time_column: Some("at".to_owned()),
        id_column: Some("no".to_owned()),
        subject_column: Some("who".to_owned()),
        ..ColumnMapping::default()
    }
}

const ORDERS: [&str; 2] = [
    concat!(
        r#"{"event":"order","id":"1","time":"1970-01-01T00:00:01.500Z","subject":"ada","#,
        r#""properties":{"sum":19.9}}"#
    ),
    r#"{"event":"order","time":"1970-01-01T00:00:02Z","properties":{"sum":0.5,"note":"x"}}"#,
];

fn mapped(
    kind: ColumnarFormat,
    body: Bytes,
    mapping: &ColumnMapping,
) -> Result<Vec<String>, String> {
    let mut share = IntakeBudget::new(1, 1 << 24).permit();
    let read = lines(kind, body, Some(mapping), BOUNDS, &mut share);
    let read = read.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(read).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn columns_of_other_names_are_fields_and_the_rest_properties() {
    assert_eq!(mapped(ColumnarFormat::Parquet, parquet(&orders()), &mapping()).unwrap(), ORDERS);
    assert_eq!(mapped(ColumnarFormat::ArrowStream, stream(&orders()), &mapping()).unwrap(), ORDERS);
    let error = read(ColumnarFormat::Parquet, parquet(&orders())).unwrap_err();
    assert!(error.contains("`no` is no field of an event"), "{error}");
    for (mapping, words) in [
        (ColumnMapping::default(), "there is no column `event`; its columns are `no`, `at`"),
        (
            ColumnMapping { id_column: Some("sum".to_owned()), ..mapping() },
            "`sum` has the type Float64; ids and subjects are texts or whole numbers",
        ),
    ] {
        let error = mapped(ColumnarFormat::Parquet, parquet(&orders()), &mapping).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_file_on_a_disk_is_read_a_piece_at_a_time() {
    let mut file_format = Vec::new();
    let mut writer = FileWriter::try_new(&mut file_format, &orders().schema()).unwrap();
    writer.write(&orders()).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let directory = tempfile::tempdir().unwrap();
    for (kind, bytes) in [
        (ColumnarFormat::Parquet, parquet(&orders())),
        (ColumnarFormat::ArrowStream, stream(&orders())),
        (ColumnarFormat::ArrowStream, file_format.into()),
    ] {
        let path = directory.path().join("orders");
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let file = ColumnarFile::open(File::open(&path).unwrap(), kind).unwrap();
        assert_eq!(file.names(), ["no", "at", "who", "sum", "note"]);
        let mut text = String::new();
        file.lines(&mapping()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), ORDERS);
    }
    let path = directory.path().join("none");
    File::create(&path).unwrap().write_all(b"nothing").unwrap();
    for kind in [ColumnarFormat::Parquet, ColumnarFormat::ArrowStream] {
        assert!(ColumnarFile::open(File::open(&path).unwrap(), kind).is_err());
    }
}
