//! Columns as other tools write them, and as nobody should.

mod exact;
mod mapped;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, ListArray, MapBuilder, NullArray, RecordBatch, StringArray,
    StringBuilder, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Int64Type};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

use super::*;
use crate::intake::budget::IntakeBudget;

const BOUNDS: DecodeBounds = DecodeBounds { events_max: 1000, bytes_max: 1 << 20 };

fn stream_with(batch: &RecordBatch, options: IpcWriteOptions) -> Bytes {
    let mut bytes = Vec::new();
    let schema = batch.schema();
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into()
}

fn stream(batch: &RecordBatch) -> Bytes {
    stream_with(batch, IpcWriteOptions::default())
}

fn parquet_with(batch: &RecordBatch, properties: WriterProperties) -> Bytes {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn parquet(batch: &RecordBatch) -> Bytes {
    let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY);
    parquet_with(batch, snappy.build())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Events of one type, with one more column.
fn with(name: &str, column: ArrayRef) -> RecordBatch {
    let types = vec![Some("e"); column.len()];
    batch(vec![("event", texts(&types)), (name, column)])
}

fn read(kind: ColumnarFormat, body: Bytes) -> Result<Vec<String>, String> {
    let mut share = IntakeBudget::new(1, 1 << 24).permit();
    let read = lines(kind, body, None, BOUNDS, &mut share).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(read).unwrap().lines().map(str::to_owned).collect())
}

fn both(batch: &RecordBatch) -> Vec<String> {
    let [one, other] = [
        read(ColumnarFormat::ArrowStream, stream(batch)).unwrap(),
        read(ColumnarFormat::Parquet, parquet(batch)).unwrap(),
    ];
    assert_eq!(one, other);
    one
}

fn properties(fields: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let named = fields.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true));
    let named: Fields = named.collect();
    let columns = fields.iter().map(|(_, array)| Arc::clone(array)).collect();
    Arc::new(StructArray::try_new(named, columns, None).unwrap())
}

#[test]
fn a_row_is_the_event_that_it_stands_for() {
    let time = TimestampMicrosecondArray::from(vec![Some(1_500_000), None]).with_timezone("UTC");
    let decimal = Decimal128Array::from(vec![Some(1999), None]).with_precision_and_scale(9, 2);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("UA"), None].into_iter().collect();
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        Some(Vec::new()),
    ]);
    let inner = properties(vec![("b", Arc::new(BooleanArray::from(vec![Some(true), None])))]);
    let columns = vec![
        ("event", texts(&[Some("e"), Some("f")])),
        ("id", texts(&[Some("a\"\n"), None])),
        ("time", Arc::new(time)),
        ("subject", texts(&[None, Some("s")])),
        (
            "properties",
            properties(vec![
                ("n", Arc::new(Int64Array::from(vec![Some(-7), None]))),
                ("x", Arc::new(Float64Array::from(vec![Some(0.1), Some(1e300)]))),
                ("d", Arc::new(decimal.unwrap())),
                ("c", Arc::new(dictionary)),
                ("l", Arc::new(list)),
                ("o", inner),
            ]),
        ),
    ];
    assert_eq!(
        both(&batch(columns)),
        [
            concat!(
                r#"{"event":"e","id":"a\"\n","time":"1970-01-01T00:00:01.500Z","properties":"#,
                r#"{"n":-7,"x":0.1,"d":19.99,"c":"UA","l":[1,null],"o":{"b":true}}}"#
            ),
            concat!(
                r#"{"event":"f","subject":"s","properties":"#,
                r#"{"x":1e+300,"l":[],"o":{}}}"#
            ),
        ]
    );
}

#[test]
fn properties_may_be_a_map_or_json() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_value("v");
    map.append(true).unwrap();
    let map: ArrayRef = Arc::new(map.finish());
    assert_eq!(both(&with("properties", map)), [r#"{"event":"e","properties":{"k":"v"}}"#]);
    let json = texts(&[
        Some("{\"a\":\n 1.50}"),
        Some("{\"a\":1},\"id\":\"x\""),
        Some("nonsense\n{}"),
        None,
    ]);
    assert_eq!(
        both(&with("properties", json)),
        [
            r#"{"event":"e","properties":{"a":  1.50}}"#,
            r#"{"event":"e","properties":"{\"a\":1},\"id\":\"x\""}"#,
            r#"{"event":"e","properties":"nonsense\n{}"}"#,
            r#"{"event":"e"}"#,
        ]
    );
}

#[test]
fn times_are_instants() {
    let naive = TimestampNanosecondArray::from(vec![-1, 1_795_000_000_123_456_789]);
    assert_eq!(
        both(&with("time", Arc::new(naive))),
        [
            r#"{"event":"e","time":"1969-12-31T23:59:59.999999999Z"}"#,
            r#"{"event":"e","time":"2026-11-18T11:06:40.123456789Z"}"#,
        ]
    );
    let far = TimestampMicrosecondArray::from(vec![i64::MAX]);
    assert_eq!(
        both(&with("time", Arc::new(far))),
        [r#"{"event":"e","time":"+294247-01-10T04:00:54.775807Z"}"#]
    );
    let millis = Int64Array::from(vec![1_500]);
    assert_eq!(both(&with("time", Arc::new(millis))), [r#"{"event":"e","time":1500}"#]);
}

#[test]
fn errors_of_columns_say_what_is_wrong() {
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let binary: ArrayRef = Arc::new(BinaryArray::from(vec![&b"x"[..]]));
    for (batch, words) in [
        (batch(vec![("id", texts(&[Some("a")]))]), "no column `event`"),
        (with("carrier", Arc::clone(&number)), "`carrier` is no field of an event"),
        (with("properties", properties(vec![("x", binary)])), "`properties.x` has the type"),
    ] {
        for (kind, body) in [
            (ColumnarFormat::ArrowStream, stream(&batch)),
            (ColumnarFormat::Parquet, parquet(&batch)),
        ] {
            let error = read(kind, body).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
    let mut file = Vec::new();
    let one = with("subject", texts(&[Some("s")]));
    FileWriter::try_new(&mut file, &one.schema()).unwrap().finish().unwrap();
    let error = read(ColumnarFormat::ArrowStream, file.into()).unwrap_err();
    assert!(error.contains("the stream format is read"), "{error}");
    assert_eq!(read(ColumnarFormat::Parquet, Bytes::new()), Ok(Vec::new()));
    assert_eq!(both(&batch(vec![("event", texts(&[]))])), Vec::<String>::new());
}

#[test]
fn a_decompressed_body_is_bounded_before_it_is_read() {
    let long = "x".repeat(4 << 20);
    let one = with("subject", texts(&[Some(&long)]));
    let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let bomb = parquet_with(&one, zstd.build());
    assert!(bomb.len() < 10_000);
    let wide = "y".repeat(10_000);
    let dictionary: DictionaryArray<Int32Type> = vec![Some(&*wide); 1000].into_iter().collect();
    let repeated = with("subject", Arc::new(dictionary));
    for (kind, body, words) in [
        (ColumnarFormat::Parquet, bomb, "`decompressed_max_bytes`"),
        (ColumnarFormat::Parquet, parquet(&repeated), "`decompressed_max_bytes`"),
        (ColumnarFormat::ArrowStream, stream(&repeated), "`decompressed_max_bytes`"),
    ] {
        assert!(body.len() < BOUNDS.bytes_max);
        let error = read(kind, body).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let many = texts(&vec![None; 1001]);
    for (kind, body) in [
        (ColumnarFormat::Parquet, parquet(&with("id", Arc::clone(&many)))),
        (ColumnarFormat::ArrowStream, stream(&with("id", many))),
    ] {
        let error = read(kind, body).unwrap_err();
        assert!(error.contains("`request_max_events`"), "{error}");
    }
}

#[test]
fn a_body_whose_size_cannot_be_bounded_is_refused() {
    let one = with("subject", texts(&[Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]));
    let options =
        IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let error = read(ColumnarFormat::ArrowStream, stream_with(&one, options)).unwrap_err();
    assert!(error.contains("Content-Encoding"), "{error}");
    let delta = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY);
    let error = read(ColumnarFormat::Parquet, parquet_with(&one, delta.build())).unwrap_err();
    assert!(error.contains("DELTA_BYTE_ARRAY"), "{error}");
    let deep = (0..150).fold(texts(&[Some("x")]), |inner, _| properties(vec![("p", inner)]));
    let error = read(ColumnarFormat::Parquet, parquet(&with("properties", deep))).unwrap_err();
    assert!(error.contains("levels deep"), "{error}");
}

#[test]
fn values_that_take_no_bytes_are_counted_all_the_same() {
    let nothing: ArrayRef = Arc::new(NullArray::new(2 << 20));
    let item = Arc::new(Field::new("item", DataType::Null, true));
    let offsets = OffsetBuffer::new(vec![0, 2 << 20].into());
    let list = ListArray::try_new(item, offsets, nothing, None).unwrap();
    let one = with("properties", properties(vec![("l", Arc::new(list))]));
    let body = stream(&one);
    assert!(body.len() < 2000);
    let error = read(ColumnarFormat::ArrowStream, body).unwrap_err();
    assert!(error.contains("`decompressed_max_bytes`"), "{error}");
    let wide: Vec<(String, ArrayRef)> =
        (0..2000).map(|n| (format!("p{n}"), Arc::new(NullArray::new(1000)) as ArrayRef)).collect();
    let wide = wide.iter().map(|(name, array)| (&**name, Arc::clone(array))).collect();
    let error = read(ColumnarFormat::ArrowStream, stream(&with("properties", properties(wide))));
    assert!(error.unwrap_err().contains("`decompressed_max_bytes`"));
    let few: ArrayRef = Arc::new(NullArray::new(2));
    assert_eq!(read(ColumnarFormat::ArrowStream, stream(&with("subject", few))).unwrap().len(), 2);
}

#[test]
fn a_value_that_many_rows_refer_to_is_walked_a_bounded_number_of_times() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for n in 0..10_000 {
        map.keys().append_value(format!("k{n}"));
        map.values().append_null();
    }
    map.append(true).unwrap();
    let keys = Int32Array::from(vec![0; 1000]);
    let dictionary = DictionaryArray::try_new(keys, Arc::new(map.finish())).unwrap();
    let error =
        read(ColumnarFormat::ArrowStream, stream(&with("properties", Arc::new(dictionary))));
    assert!(error.unwrap_err().contains("`decompressed_max_bytes`"));
}

#[test]
fn json_may_be_a_dictionary() {
    let json: DictionaryArray<Int32Type> = vec![Some("{\"a\": 1}"), None].into_iter().collect();
    assert_eq!(
        both(&with("properties", Arc::new(json))),
        [r#"{"event":"e","properties":{"a": 1}}"#, r#"{"event":"e"}"#]
    );
}

#[test]
fn a_stream_ends_where_it_says_so() {
    let one = stream(&with("subject", texts(&[Some("s")])));
    let error =
        read(ColumnarFormat::ArrowStream, [&one[..], &one[..]].concat().into()).unwrap_err();
    assert!(error.contains("one stream a request"), "{error}");
}

#[test]
fn every_codec_that_is_read_gives_the_same() {
    let one = with("subject", texts(&[Some("a"), Some("b"), Some("a")]));
    let wanted = read(ColumnarFormat::ArrowStream, stream(&one)).unwrap();
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties =
                WriterProperties::builder().set_compression(codec).set_writer_version(version);
            let body = parquet_with(&one, properties.build());
            assert_eq!(read(ColumnarFormat::Parquet, body).unwrap(), wanted, "{codec} {version:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is done to a body, it is lines or an error: no panic, no memory without end.
    #[test]
    fn a_damaged_body_is_an_error_at_worst(
        kind in prop::sample::select(vec![ColumnarFormat::ArrowStream, ColumnarFormat::Parquet]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
        let dictionary: DictionaryArray<Int32Type> = vec![Some("UA"), None].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> =
            vec![("l", Arc::new(list)), ("c", Arc::new(dictionary))];
        let whole = with("properties", properties(columns));
        let mut body = match kind {
            ColumnarFormat::ArrowStream => stream(&whole),
            ColumnarFormat::Parquet => parquet(&whole),
        }
        .to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if is_cut {
            body.truncate(cut.index(body.len()));
        }
        let _ = read(kind, body.into());
    }
}
