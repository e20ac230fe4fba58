//! Tables as events: CSV over HTTP, and files of CSV, Parquet and Arrow by the command; times that
//! are none.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::http::number;
use crate::in_both_stores;
use crate::server::{Place, Server, Store, merganser};

const CSV: &str = "text/csv";

in_both_stores!(a_table_is_counted_as_its_rows_say);

/// Defines a metric of sales.
fn define(server: &Server) {
    let definition = json!({
        "event": "sale",
        "dimensions": ["code"],
        "measures": {
            "n": { "kind": "count" },
            "total": { "kind": "sum", "of": "amount" },
            "buyers": { "kind": "distinct", "of": "subject" },
        },
    });
    assert_eq!(server.http.put("/v1/metrics/sales", &definition).status, 202);
}

/// The rows of the metric, once everything is in.
fn sales(server: &Server, group_by: &[&str]) -> Value {
    let position = &server.http.get("/v1/status").body["journal"]["position"];
    let query = json!({
        "metric": "sales", "measures": ["n", "total"], "group_by": group_by, "after": position,
    });
    crate::wait::until("the metric answers", std::time::Duration::from_secs(30), || {
        let reply = server.http.post("/v1/query", &query);
        (reply.status == 200).then(|| reply.body["rows"].clone())
    })
}

fn a_table_is_counted_as_its_rows_say(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    define(&server);
    let head = "order,at,who,code,amount,note\r\n";
    let rows = [
        "1,2026-11-01T10:00:00Z,ada,007,19.90,\"a, b\"\r\n",
        "2,1793527200000,bob,7,0.1,\r\n",
        "3,2026-11-01T12:00:00+01:00,ada,+49,0.2,\"two\r\nlines\"\r\n",
        "4,2026-11-02T00:00:00Z,eve,,,\r\n",
    ];
    let path =
        "/v1/events?wait=applied&event=sale&id_column=order&time_column=at&subject_column=who";
    let send = |rows: &[&str], first: u64| {
        let body = format!("{head}{}", rows.concat());
        server.http.post_as(&format!("{path}&first_line={first}"), CSV, body.as_bytes())
    };
    // In two pieces, and then whole: it does not matter how it is cut.
    for (piece, first, accepted) in [(&rows[..1], 2, 1), (&rows[1..], 3, 3)] {
        let reply = send(piece, first);
        assert_eq!((reply.status, &reply.body["accepted"]), (200, &json!(accepted)));
        assert_eq!(reply.body["applied"], true);
    }
    let again = send(&rows, 2);
    assert_eq!(again.body["accepted"], 0, "{}", again.body);
    assert_eq!((&again.body["duplicates"], &again.body["conflicts"]), (&json!(4), &json!([])));
    assert_eq!(sales(&server, &[]), json!([{ "n": 4, "total": 20.2 }]));
    assert_eq!(
        sales(&server, &["code"]),
        json!([
            { "code": "+49", "n": 1, "total": 0.2 },
            { "code": "007", "n": 1, "total": 19.9 },
            { "code": "7", "n": 1, "total": 0.1 },
            { "code": null, "n": 1, "total": null },
        ])
    );
    // Rows that are none are invalid by themselves, with their lines; what was sent is kept.
    let wrong = ["5,2026-11-02T00:00:00Z,x\r\n", "\r\n", "6,1793527200,x,c,1,\r\n"];
    let reply = send(&wrong, 101);
    assert_eq!(reply.status, 422, "{}", reply.body);
    let message = |at: usize| reply.body["invalid"][at]["message"].as_str().unwrap().to_owned();
    assert!(message(0).starts_with("line 101: the row has 3 fields, and the line of names 6"));
    assert!(message(1).starts_with("line 103: `time` is 1793527200, which looks like seconds"));
    let kept = server.http.get("/v1/quarantine").body["entries"][0]["raw"].clone();
    assert_eq!(kept, json!("5,2026-11-02T00:00:00Z,x"));
    let reply = server.http.post_as("/v1/events", CSV, b"type,amount\nsale,1\n");
    assert_eq!((reply.status, &reply.body["code"]), (400, &json!("malformed_body")));
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains("no column `event`; its columns are `type`, `amount`"), "{detail}");
    server.stop();
}

/// Runs `merganser ingest` on a file; the exit code, the sum and what else was said.
fn ingest(place: &Place, file: &Path, flags: &[&str]) -> (i32, String, String) {
    let mut command = merganser();
    command.arg("ingest").arg(file).args(flags).env("MERGANSER_SERVER", place.url());
    outcome(command.env("XDG_STATE_HOME", place.dir.path().join("state")))
}

const MAPPED: [&str; 8] = ["--event", "sale", "--time", "at", "--id", "order", "--subject", "who"];

fn sum(accepted: usize, duplicates: usize) -> String {
    format!("accepted {accepted}, duplicates {duplicates}, conflicts 0, invalid 0\n")
}

#[test]
fn files_of_rows_are_sent_by_the_command() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    define(&server);
    let dir = place.dir.path();
    let csv: String = (0..100)
        .map(|n| format!("o-{n},2026-11-01T10:00:00Z,u{n},{},{}.5,0{n}\n", n % 3, n))
        .collect();
    let csv = format!("order,at,who,code,amount,zip\n{csv}");
    fs::write(dir.join("sales.csv"), &csv).unwrap();
    let (code, total, said) = ingest(&place, &dir.join("sales.csv"), &MAPPED);
    assert_eq!((code, total), (0, sum(100, 0)), "{said}");
    for words in [
        "sales.csv: all events are `sale`; times from `at`; ids from `order`; subjects from `who`",
        "properties that are numbers: `code`, `amount`; properties that are text: `zip`",
    ] {
        assert!(said.contains(words), "{said}");
    }
    // Compressed, cut otherwise, and from the only source that can be read once: all the same.
    let mut gzip = flate2::write::GzEncoder::new(
        File::create(dir.join("sales.csv.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(csv.as_bytes()).unwrap();
    gzip.finish().unwrap();
    fs::write(dir.join("sales.csv.zst"), zstd::encode_all(csv.as_bytes(), 1).unwrap()).unwrap();
    for name in ["sales.csv.gz", "sales.csv.zst"] {
        let flags = [&MAPPED[..], &["--batch-events", "7"]].concat();
        assert_eq!(ingest(&place, &dir.join(name), &flags).1, sum(0, 100), "{name}");
    }
    let mut command = merganser();
    command.args(["ingest", "-", "--format", "csv"]).args(MAPPED);
    command.env("MERGANSER_SERVER", place.url()).stdin(File::open(dir.join("sales.csv")).unwrap());
    assert_eq!(outcome(&mut command).1, sum(0, 100));
    let total: f64 = (0..100).map(|n| f64::from(n) + 0.5).sum();
    assert_eq!(sales(&server, &[]), json!([{ "n": 100, "total": total as u64 }]));
    server.stop();
}

#[test]
fn the_command_says_what_a_column_is_and_why() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let file = place.dir.path().join("codes.csv");
    let rows = "event,id,code,price\nsale,1,7,1\nsale,2,007,\nsale,3,8,1e5\n";
    fs::write(&file, rows).unwrap();
    let (code, total, said) = ingest(&place, &file, &[]);
    assert_eq!((code, total), (0, sum(3, 0)), "{said}");
    assert!(said.contains("properties that are text: `code`, `price`"), "{said}");
    assert!(said.contains("`code` is text, since line 3 has `007`"), "{said}");
    assert!(said.contains("`price` is text, since line 4 has `1e5`; `--number price`"), "{said}");
    fs::write(&file, rows.replace("sale,", "sale,n")).unwrap();
    let (_, total, said) = ingest(&place, &file, &["--number", "code,price"]);
    assert_eq!(total, sum(3, 0), "{said}");
    assert!(said.contains("properties that are numbers: `code`, `price`"), "{said}");
    for (flags, words) in [
        (&["--event", "type", "--id", ""][..], ""),
        (&["--time", "at"], "there is no column `at`; its columns are `event`, `id`, `code`"),
        (&["--number", "amount"], "there is no column `amount`"),
        (&["--event", "Event"], "there is no column `Event`, did you mean `event`?"),
    ] {
        let (code, _, said) = ingest(&place, &file, flags);
        assert!(said.contains(words), "{said}");
        assert_eq!(code, i32::from(!words.is_empty()), "{said}");
    }
    let wrong = "event,id,code\nsale,w1,1\nsale,w2\n\nsale,w3,\"x\"y\n";
    fs::write(&file, wrong).unwrap();
    let (code, total, said) = ingest(&place, &file, &[]);
    assert_eq!((code, &*total), (1, "accepted 1, duplicates 0, conflicts 0, invalid 2\n"));
    assert!(said.contains("codes.csv:3: malformed_event: the row has 2 fields"), "{said}");
    assert!(said.contains("codes.csv:5: malformed_event: a field goes on behind"), "{said}");
    let (code, _, said) = ingest(&place, Path::new("events.ndjson"), &["--event", "x"]);
    assert_eq!(code, 1, "{said}");
    let lines = place.dir.path().join("events.ndjson");
    fs::write(&lines, "{\"event\":\"x\"}\n").unwrap();
    let (code, _, said) = ingest(&place, &lines, &["--event", "x"]);
    assert!(code == 2 && said.contains("`--event` is for CSV, Parquet and Arrow"), "{said}");
    server.stop();
}

#[test]
fn a_file_of_csv_goes_on_where_it_was_interrupted() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let file = place.dir.path().join("rows.csv");
    let write = |wrong: bool, ends: &str| {
        let row = |n: usize| match n {
            26 if wrong => format!("sale,yesterday,{n}{ends}"),
            // A field of two lines, and a blank line.
            10 => format!("sale,,\"1{ends}0\"{ends}{ends}"),
            n => format!("sale,,{n}{ends}"),
        };
        let rows: String = (1..=40).map(row).collect();
        fs::write(&file, format!("event,time,n{ends}{rows}")).unwrap();
    };
    let flags = ["--batch-events", "10", "--on-invalid", "reject", "--text", "n"];
    for (ends, before) in [("\n", 0), ("\r\n", 40)] {
        write(true, ends);
        let (code, total, said) = ingest(&place, &file, &flags);
        let rejected = sum(20, 0).replace("invalid 0", "invalid 1, rejected 9");
        assert_eq!((code, total), (1, rejected), "{said}");
        write(false, ends);
        let (code, total, said) = ingest(&place, &file, &flags);
        assert_eq!((code, total), (0, sum(20, 0)), "{said}");
        assert!(said.contains("going on after line 23"), "{said}");
        let position = &server.http.get("/v1/status").body["journal"]["position"]["0"];
        assert_eq!(number(position), before + 40);
    }
    // Sent in another way, it is another file.
    write(true, "\n");
    assert_eq!(ingest(&place, &file, &flags).0, 1);
    write(false, "\n");
    let (_, _, said) = ingest(&place, &file, &[&flags[..], &["--event", "sale"]].concat());
    assert!(said.contains("beginning anew") && !said.contains("going on"), "{said}");
    server.stop();
}

#[test]
fn files_of_columns_are_sent_by_the_command() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    define(&server);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("order", Arc::new(Int64Array::from_iter_values(0..3_000))),
        ("at", Arc::new(TimestampMillisecondArray::from(vec![1_793_527_200_000; 3_000]))),
        ("who", Arc::new(StringArray::from_iter_values((0..3_000).map(|n| format!("u{n}"))))),
        ("amount", Arc::new(Float64Array::from(vec![0.5; 3_000]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let dir = place.dir.path();
    let parquet = dir.join("sales.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&parquet).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let arrow = dir.join("sales.arrow");
    let mut writer = FileWriter::try_new(File::create(&arrow).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let (code, total, said) = ingest(&place, &parquet, &MAPPED);
    assert_eq!((code, &*total), (0, "accepted 3,000, duplicates 0, conflicts 0, invalid 0\n"));
    assert!(said.contains("ids from `order`") && said.contains("properties: `amount`"), "{said}");
    assert!(ingest(&place, &arrow, &MAPPED).1.contains("accepted 0, duplicates 3,000"));
    assert_eq!(sales(&server, &[]), json!([{ "n": 3_000, "total": 1_500 }]));
    let (code, _, said) = ingest(&place, &parquet, &["--event", "sale", "--time", "when"]);
    assert!(code == 1 && said.contains("there is no column `when`"), "{said}");
    server.stop();
}

/// A Parquet file as Spark writes instants, of events at these days since 1970.
fn of_spark(days: &[i32]) -> Vec<u8> {
    let schema = "message m { required binary event (STRING); required int96 time; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let types = vec![ByteArray::from("sale"); days.len()];
    column.typed::<ByteArrayType>().write_batch(&types, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let instant = |day: &i32| {
        let mut value = Int96::new();
        value.set_data(0, 0, (2_440_588 + day) as u32);
        value
    };
    let instants: Vec<Int96> = days.iter().map(instant).collect();
    column.typed::<Int96Type>().write_batch(&instants, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn values_that_are_no_times_are_invalid_and_the_error_shows_them() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let parquet = "application/vnd.apache.parquet";
    let reply = server.http.post_as("/v1/events", parquet, &of_spark(&[20_000, 193_579, 40_000]));
    assert_eq!(reply.body["accepted"], 1, "{}", reply.body);
    let invalid = reply.body["invalid"].as_array().unwrap();
    let messages: Vec<&str> = invalid.iter().map(|i| i["message"].as_str().unwrap()).collect();
    assert!(messages[0].contains("2500-01-01T00:00:00Z"), "{messages:?}");
    assert!(messages[1].contains("2079-07-08T00:00:00Z, too far ahead"), "{messages:?}");
    let send = |time: Value| {
        let event = json!({ "event": "sale", "time": time });
        let reply = server.http.post("/v1/events", &event);
        assert_eq!((reply.status, &reply.body["code"]), (422, &json!("invalid_events")), "{event}");
        reply.body["invalid"][0]["message"].as_str().unwrap().to_owned()
    };
    for seconds in [json!(1_763_719_200), json!(99_999_999_999_i64), json!(-1), json!(0)] {
        assert!(send(seconds.clone()).contains("looks like seconds"), "{seconds}");
    }
    assert!(send(json!(1_763_719_200_000_000_i64)).contains("looks like microseconds"));
    assert!(send(json!("1763719200")).contains("looks like seconds"));
    let call = json!({ "messageId": "m", "userId": "u", "event": "x", "timestamp": 1_763_719_200 });
    let reply = server.http.post("/v1/segment/track", &call);
    assert!(reply.body.to_string().contains("looks like seconds"), "{}", reply.body);
    let edge = json!({ "event": "sale", "time": 100_000_000_000_i64 });
    assert_eq!(server.http.post("/v1/events", &edge).body["accepted"], 1);
    server.stop();
}

#[test]
fn errors_of_usual_mistakes_say_what_would_be_right() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let sent = |event: Value| server.http.post("/v1/events", &event).body.to_string();
    for (event, words) in [
        (json!({ "type": "sale" }), "`event` is meant by `type`"),
        (json!({ "events": [{ "event": "sale" }] }), "send the array itself"),
        (json!({ "event": "sale", "timestamp": 1 }), "`time` is meant by `timestamp`"),
        (json!({ "event": "sale", "user_id": "u" }), "`subject` is meant by `user_id`"),
        (json!({ "event": "sale", "props": {} }), "`properties` is meant by `props`"),
        (json!([[{ "event": "sale" }]]), "an array of events is sent as"),
    ] {
        let messages = sent(event);
        assert!(messages.contains(words), "{messages}");
    }
    let lines = b"{\"event\":\"sale\"}\n{\"event\":\"sale\"}\n";
    let reply = server.http.post_as("/v1/events", "application/json", lines);
    assert!(reply.status == 400 && reply.body.to_string().contains("`application/x-ndjson`"));
    let reply = server.http.post_as("/v1/events", "application/x-www-form-urlencoded", b"{}");
    assert!(reply.status == 415 && reply.body.to_string().contains("content-type: application"));
    let reply = server.http.post_as("/v1/events", "application/json", b"\x1f\x8b\x08\x00");
    assert!(reply.body.to_string().contains("Content-Encoding: gzip"), "{}", reply.body);
    server.stop();
}
