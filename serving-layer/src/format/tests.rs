//! The same answer in every format.

mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::reader::StreamReader;
use merganser_api::answer::{AnswerProvenance, BatchProvenance, SpeedProvenance};
use merganser_api::request::CallerId;
use merganser_core::decimal::{self, Scale};
use merganser_core::ids::PartitionOffsets;
use merganser_core::time::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::answer::{AnswerRows, RenderedRows};
use crate::calendar::{BucketCalendar, Granularity, ZoneOffsets};
use crate::memory::{MemoryNeed, QueryMemory};
use crate::query::resolve::RangeEdges;

fn rows(count: i64) -> AnswerRows {
    let texts = [Some("DE"), Some("=1+1"), Some("a \"b\", c\nd"), Some(""), None, Some("-2")];
    let texts: StringArray = (0..count as usize).map(|at| texts[at % 6]).collect();
    let decimals: Decimal128Array =
        (0..count).map(|at| (at % 4 != 3).then_some(i128::from(at) * -500_000_000)).collect();
    let times =
        TimestampMicrosecondArray::from_iter_values((0..count).map(|at| at * 3_600_000_000));
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let zone = Arc::new(ZoneOffsets::new(chrono_tz::Asia::Kolkata));
    let memory = QueryMemory::new(0).account(&CallerId::default(), MemoryNeed::Much);
    AnswerRows {
        edges: RangeEdges::default(),
        calendar: BucketCalendar::new(zone, Granularity::HOUR),
        window: None,
        totals: None,
        other: None,
        values: batch(vec![
            ("time", Arc::new(times.with_timezone("UTC"))),
            ("c", Arc::new(texts)),
            ("n", Arc::new(Int64Array::from_iter_values(0..count))),
            ("s", Arc::new(decimals.with_data_type(decimal::value_type()))),
        ]),
        comparison: None,
        compared: Some(batch(vec![(
            "n",
            Arc::new((0..count).map(|at| (at > 1).then_some(at)).collect::<Int64Array>()),
        )])),
        total_rows: 9,
        warnings: vec!["sums".into()],
        rendered: RenderedRows::default(),
        held: memory.hold(0).unwrap(),
    }
}

fn answer(count: i64) -> QueryAnswer {
    answer_with(rows(count))
}

fn answer_with(rows: AnswerRows) -> QueryAnswer {
    QueryAnswer {
        metric: "m".into(),
        rows: Arc::new(rows),
        provenance: AnswerProvenance {
            generation: 3,
            metric_version: 1,
            complete: true,
            missing: vec![],
            batch: BatchProvenance { events: 1, published_at: "x".into() },
            speed: SpeedProvenance {
                events: 2,
                through: PartitionOffsets::default(),
                reach: None,
                behind_events: 0,
                lag_ms: 0,
            },
            approximate: Default::default(),
            open_bucket: None,
            partial_buckets: vec![],
            widened_buckets: vec![],
        },
    }
}

fn bytes(answer: QueryAnswer, format: AnswerFormat) -> Vec<u8> {
    bytes_with(answer, format, CsvTextStyle::Verbatim)
}

fn bytes_with(answer: QueryAnswer, format: AnswerFormat, texts: CsvTextStyle) -> Vec<u8> {
    write(answer, format, texts).unwrap().flat_map(|piece| piece.unwrap().to_vec()).collect()
}

fn csv(answer: QueryAnswer, texts: CsvTextStyle) -> String {
    String::from_utf8(bytes_with(answer, AnswerFormat::Csv, texts)).unwrap()
}

#[test]
fn csv_is_verbatim_and_null_is_not_an_empty_text() {
    let want = "time,c,n,s,compare.n\r\n\
        1970-01-01T05:30:00+05:30,DE,0,0,\r\n\
        1970-01-01T06:30:00+05:30,=1+1,1,-0.5,\r\n\
        1970-01-01T07:30:00+05:30,\"a \"\"b\"\", c\nd\",2,-1,2\r\n\
        1970-01-01T08:30:00+05:30,\"\",3,,3\r\n\
        1970-01-01T09:30:00+05:30,,4,-2,4\r\n\
        1970-01-01T10:30:00+05:30,-2,5,-2.5,5\r\n";
    assert_eq!(csv(answer(6), CsvTextStyle::Verbatim), want);
}

#[test]
fn for_spreadsheets_no_text_is_a_formula_and_numbers_stay() {
    let want = "time,c,n,s,compare.n\r\n\
        1970-01-01T05:30:00+05:30,DE,0,0,\r\n\
        1970-01-01T06:30:00+05:30,\"'=1+1\",1,-0.5,\r\n\
        1970-01-01T07:30:00+05:30,\"a \"\"b\"\", c\nd\",2,-1,2\r\n\
        1970-01-01T08:30:00+05:30,\"\",3,,3\r\n\
        1970-01-01T09:30:00+05:30,,4,-2,4\r\n\
        1970-01-01T10:30:00+05:30,\"'-2\",5,-2.5,5\r\n";
    assert_eq!(csv(answer(6), CsvTextStyle::Spreadsheet), want);
}

/// Texts that readers and spreadsheets might take for something else.
fn texts() -> impl Strategy<Value = Option<String>> {
    const EDGES: [&str; 13] =
        ["", "-5", "+49 151", "=1+1", "@a", "\t", "\r", "\n", "\r\n", "\"", "\"\"", ",", "'x"];
    let odd = prop::sample::select(&EDGES[..]).prop_map(str::to_owned);
    let mixed = prop::collection::vec(prop::sample::select(&EDGES[..]), 0..4);
    prop::option::of(prop_oneof![
        odd,
        mixed.prop_map(|parts| parts.concat()),
        "[-+=@,\"'; \r\n\ta-c0-9]{0,8}",
        "\\PC{0,6}",
        Just(" lead and trail ".to_owned()),
        Just("＝ＳＵＭ".to_owned()),
    ])
}

type Line = (Option<String>, Option<i64>, Option<i128>, Option<String>);

/// An answer of these values; the last of each line is compared.
fn answer_of(lines: &[Line]) -> QueryAnswer {
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let texts: StringArray = lines.iter().map(|line| line.0.clone()).collect();
    let counts: Int64Array = lines.iter().map(|line| line.1).collect();
    let sums: Decimal128Array = lines.iter().map(|line| line.2).collect();
    let before: StringArray = lines.iter().map(|line| line.3.clone()).collect();
    let times = TimestampMicrosecondArray::from_iter_values(0..lines.len() as i64);
    answer_with(AnswerRows {
        values: batch(vec![
            ("time", Arc::new(times.with_timezone("UTC"))),
            ("c", Arc::new(texts)),
            ("n", Arc::new(counts)),
            ("s", Arc::new(sums.with_data_type(decimal::value_type()))),
        ]),
        compared: Some(batch(vec![("last", Arc::new(before))])),
        ..rows(0)
    })
}

/// The fields of a JSON row as CSV has them: numbers as they are spelt, texts as they are.
fn fields(row: &str) -> Vec<Option<String>> {
    let row: BTreeMap<String, Box<RawValue>> = serde_json::from_str(row).unwrap();
    let before: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(row["compare"].get()).unwrap();
    let own = ["time", "c", "n", "s"].map(|name| row[name].get());
    let field = |text: &str| match text {
        "null" => None,
        text if text.starts_with('"') => Some(serde_json::from_str(text).unwrap()),
        number => Some(number.to_owned()),
    };
    own.into_iter().chain([before["last"].get()]).map(field).collect()
}

proptest! {
    /// CSV that is read back is the JSON answer, value for value, null apart from empty texts. For
    /// spreadsheets it is the same, but that no text begins as a formula does.
    #[test]
    fn csv_read_back_is_the_json_answer(
        lines in prop::collection::vec((texts(), any::<Option<i64>>(), sums(), texts()), 0..12),
    ) {
        let json = String::from_utf8(bytes(answer_of(&lines), AnswerFormat::Ndjson)).unwrap();
        let want: Vec<Vec<Option<String>>> = json.lines().map(fields).collect();
        prop_assert_eq!(want.len(), lines.len());
        let mut read = reader::read(&csv(answer_of(&lines), CsvTextStyle::Verbatim));
        let names: Vec<String> = read.remove(0).into_iter().flatten().collect();
        prop_assert_eq!(names, ["time", "c", "n", "s", "compare.last"]);
        prop_assert_eq!(&read, &want);

        let mut guarded = reader::read(&csv(answer_of(&lines), CsvTextStyle::Spreadsheet));
        guarded.remove(0);
        for (guarded, want) in guarded.iter().flatten().zip(want.iter().flatten()) {
            let first = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
            let is_run = |text: &str| text.starts_with(first);
            let is_number = |text: &str| text.parse::<f64>().is_ok();
            match (guarded, want) {
                (Some(guarded), Some(want)) if guarded != want => {
                    prop_assert!(is_run(want));
                    prop_assert_eq!(guarded, &format!("'{want}"));
                }
                (guarded, want) => {
                    prop_assert_eq!(guarded, want);
                    let text = guarded.as_deref().unwrap_or_default();
                    prop_assert!(!is_run(text) || is_number(text), "{}", text);
                }
            }
        }
    }
}

fn sums() -> impl Strategy<Value = Option<i128>> {
    const MOST: i128 = 10_i128.pow(38) - 1;
    prop::option::of(prop_oneof![-MOST..=MOST, -10_000_000_000_i128..10_000_000_000])
}

#[test]
fn metadata_of_an_answer_is_in_headers_and_in_the_schema() {
    let mut answer = answer_with(AnswerRows {
        warnings: vec!["`s` is „quoted“, 1 of 2 rows 🦆".into()],
        edges: RangeEdges { from: Some(Timestamp(0)), to: None },
        ..rows(6)
    });
    answer.provenance.complete = false;
    answer.provenance.missing = vec!["speed: Zürich\u{7f}\n".into()];
    let headers = metadata::headers(&answer);
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(headers[name].to_str().unwrap()).unwrap()
    };
    assert_eq!(json("merganser-warnings"), serde_json::json!(answer.rows.warnings));
    assert_eq!(json("merganser-provenance"), serde_json::json!(answer.provenance));
    assert_eq!(json("merganser-total-rows"), 9);
    assert_eq!(headers["merganser-from"], "1970-01-01T05:30:00+05:30");
    assert!(!headers.contains_key("merganser-to"));
    let none = answer_with(AnswerRows { warnings: Vec::new(), ..rows(1) });
    assert!(!metadata::headers(&none).contains_key("merganser-warnings"));

    let stream = bytes(answer.clone(), AnswerFormat::Arrow);
    let arrow = StreamReader::try_new(&*stream, None).unwrap().schema().metadata().clone();
    let file = Bytes::from(bytes(answer.clone(), AnswerFormat::Parquet));
    let parquet = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    for metadata in [&arrow, parquet.schema().metadata()] {
        let json =
            |name: &str| -> serde_json::Value { serde_json::from_str(&metadata[name]).unwrap() };
        assert_eq!(json("merganser.warnings"), serde_json::json!(answer.rows.warnings));
        assert_eq!(json("merganser.provenance"), serde_json::json!(answer.provenance));
        assert_eq!(json("merganser.total_rows"), 9);
        assert_eq!(metadata["merganser.from"], "1970-01-01T05:30:00+05:30");
        assert_eq!(metadata["merganser.timezone"], "Asia/Kolkata");
        assert_eq!(metadata["merganser.granularity"], "hour");
    }
}

#[test]
fn ndjson_has_a_row_a_line_and_json_the_whole() {
    let lines = String::from_utf8(bytes(answer(3_001), AnswerFormat::Ndjson)).unwrap();
    assert_eq!(lines.lines().count(), 3_001);
    assert_eq!(
        lines.lines().nth(1).unwrap(),
        r#"{"time":"1970-01-01T06:30:00+05:30","c":"=1+1","n":1,"s":-0.5,"compare":{"n":null}}"#
    );
    let json: serde_json::Value =
        serde_json::from_slice(&bytes(answer(3_001), AnswerFormat::Json)).unwrap();
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
    let stream = bytes(answer(count), AnswerFormat::Arrow);
    let reader = StreamReader::try_new(&*stream, None).unwrap();
    assert_eq!(reader.schema().metadata()["merganser.total_rows"], "9");
    let by_arrow: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let file = Bytes::from(bytes(answer(count), AnswerFormat::Parquet));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let by_parquet: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let whole = |batches: &[RecordBatch]| {
        arrow::compute::concat_batches(batches[0].schema_ref(), batches).unwrap()
    };
    let (by_arrow, by_parquet) = (whole(&by_arrow), whole(&by_parquet));
    assert_eq!(by_arrow.columns(), by_parquet.columns());
    assert_eq!(by_arrow.num_rows(), count as usize);
    assert_eq!(by_arrow.column(2), answer(count).rows.values.column(2));
    let time = by_arrow.column(0).data_type().to_string();
    assert!(time.contains("Asia/Kolkata"), "{time}");
    assert_eq!(by_arrow.schema().field(4).name(), "compare.n");
}

#[test]
fn an_answer_without_rows_is_one_in_every_format() {
    for (_, format) in AnswerFormat::EACH {
        assert!(!bytes(answer(0), format).is_empty() || format == AnswerFormat::Ndjson);
    }
}

#[test]
fn decimals_have_the_places_of_their_column_and_times_their_microseconds() {
    let scale = Scale::new(12).unwrap();
    let long = Decimal128Array::from(vec![37_500]).with_data_type(scale.value_type());
    let last = TimestampMicrosecondArray::from(vec![1_500]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![("long", Arc::new(long)), ("last", Arc::new(last))];
    let values = RecordBatch::try_from_iter(columns).unwrap();
    let answer = || answer_with(AnswerRows { values: values.clone(), compared: None, ..rows(1) });
    let text = |format| String::from_utf8(bytes(answer(), format)).unwrap();
    let time = "1970-01-01T05:30:00.001500+05:30";
    assert_eq!(text(AnswerFormat::Csv), format!("long,last\r\n0.0000000375,{time}\r\n"));
    assert_eq!(
        text(AnswerFormat::Ndjson),
        format!("{{\"long\":0.0000000375,\"last\":\"{time}\"}}\n")
    );
    let stream = bytes(answer(), AnswerFormat::Arrow);
    let schema = StreamReader::try_new(&*stream, None).unwrap().schema();
    assert_eq!(*schema.field(0).data_type(), scale.value_type());
    assert!(schema.field(1).data_type().to_string().contains("Asia/Kolkata"));
    let file = Bytes::from(bytes(answer(), AnswerFormat::Parquet));
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
    assert_eq!(*schema.field(0).data_type(), scale.value_type());
}
