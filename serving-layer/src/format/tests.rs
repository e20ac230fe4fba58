//! The same answer in every format.

use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::reader::StreamReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shared::decimal;
use shared::ids::Position;

use super::*;
use crate::answer::{BatchPart, Provenance, SpeedPart, Written};
use crate::calendar::{Calendar, Granularity, Zone};
use crate::query::resolve::Edges;

fn answer(count: i64) -> Answer {
    let texts = [Some("DE"), Some("=1+1"), Some("a \"b\", c\nd"), Some(""), None, Some("-2")];
    let texts: StringArray = (0..count as usize).map(|at| texts[at % 6]).collect();
    let decimals: Decimal128Array =
        (0..count).map(|at| (at % 4 != 3).then_some(i128::from(at) * -500_000_000)).collect();
    let times =
        TimestampMicrosecondArray::from_iter_values((0..count).map(|at| at * 3_600_000_000));
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let zone = Arc::new(Zone::new(chrono_tz::Asia::Kolkata));
    Answer {
        metric: "m".into(),
        edges: Edges::default(),
        calendar: Calendar::new(zone, Granularity::Hour),
        rows: batch(vec![
            ("time", Arc::new(times.with_timezone("UTC"))),
            ("c", Arc::new(texts)),
            ("n", Arc::new(Int64Array::from_iter_values(0..count))),
            ("s", Arc::new(decimals.with_data_type(decimal::value_type()))),
        ]),
        compared: Some(batch(vec![(
            "n",
            Arc::new((0..count).map(|at| (at > 1).then_some(at)).collect::<Int64Array>()),
        )])),
        total_rows: 9,
        provenance: Provenance {
            generation: 3,
            metric_version: 1,
            complete: true,
            missing: vec![],
            batch: BatchPart { events: 1, published_at: "x".into() },
            speed: SpeedPart { events: 2, through: Position::default(), lag_ms: 0 },
            approximate: Default::default(),
            open_bucket: None,
        },
        warnings: vec!["sums".into()],
        written: Written::default(),
    }
}

fn bytes(answer: Answer, format: Format) -> Vec<u8> {
    write(answer, format).unwrap().flat_map(|piece| piece.unwrap().to_vec()).collect()
}

#[test]
fn csv_is_quoted_and_no_cell_is_a_formula() {
    let text = String::from_utf8(bytes(answer(6), Format::Csv)).unwrap();
    let want = "time,c,n,s,compare.n\r\n\
        1970-01-01T05:30:00+05:30,DE,0,0,\r\n\
        1970-01-01T06:30:00+05:30,\"'=1+1\",1,-0.5,\r\n\
        1970-01-01T07:30:00+05:30,\"a \"\"b\"\", c\nd\",2,-1,2\r\n\
        1970-01-01T08:30:00+05:30,\"\",3,,3\r\n\
        1970-01-01T09:30:00+05:30,,4,-2,4\r\n\
        1970-01-01T10:30:00+05:30,\"'-2\",5,-2.5,5\r\n";
    assert_eq!(text, want);
}

#[test]
fn ndjson_has_a_row_a_line_and_json_the_whole() {
    let lines = String::from_utf8(bytes(answer(3_001), Format::Ndjson)).unwrap();
    assert_eq!(lines.lines().count(), 3_001);
    assert_eq!(
        lines.lines().nth(1).unwrap(),
        r#"{"time":"1970-01-01T06:30:00+05:30","c":"=1+1","n":1,"s":-0.5,"compare":{"n":null}}"#
    );
    let json: serde_json::Value =
        serde_json::from_slice(&bytes(answer(3_001), Format::Json)).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3_001);
    for (line, row) in lines.lines().zip(rows) {
        assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap(), *row);
    }
    assert_eq!(json["warnings"][0], "sums");
    assert_eq!(json["total_rows"], 9);
}

#[test]
fn arrow_and_parquet_hold_the_same_columns() {
    let count = 40_000;
    let stream = bytes(answer(count), Format::Arrow);
    let reader = StreamReader::try_new(&*stream, None).unwrap();
    assert_eq!(reader.schema().metadata()["merganser.total_rows"], "9");
    let by_arrow: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let file = Bytes::from(bytes(answer(count), Format::Parquet));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let by_parquet: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let whole = |batches: &[RecordBatch]| {
        arrow::compute::concat_batches(batches[0].schema_ref(), batches).unwrap()
    };
    let (by_arrow, by_parquet) = (whole(&by_arrow), whole(&by_parquet));
    assert_eq!(by_arrow.columns(), by_parquet.columns());
    assert_eq!(by_arrow.num_rows(), count as usize);
    assert_eq!(by_arrow.column(2), answer(count).rows.column(2));
    let time = by_arrow.column(0).data_type().to_string();
    assert!(time.contains("Asia/Kolkata"), "{time}");
    assert_eq!(by_arrow.schema().field(4).name(), "compare.n");
}

#[test]
fn an_answer_without_rows_is_one_in_every_format() {
    for (_, format) in Format::EACH {
        assert!(!bytes(answer(0), format).is_empty() || format == Format::Ndjson);
    }
}
