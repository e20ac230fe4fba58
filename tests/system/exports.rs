//! Answers taken away as CSV: the same by command and over HTTP, the same as JSON, whole or
//! refused, and with what a reader of the values should know on stderr.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::in_both_stores;
use crate::load::tick;
use crate::server::{Place, Store, merganser};

/// Names that readers of CSV and spreadsheets might take for something else; none is null.
const NAMES: [Option<&str>; 14] = [
    Some("-5"),
    Some("+49 151"),
    Some("=1+1"),
    Some("@a"),
    Some("\ta"),
    Some(""),
    Some("a,b"),
    Some("say \"a\""),
    Some("two\nlines"),
    Some("two\r\nlines"),
    Some(" blanks "),
    Some("'x"),
    Some("null"),
    None,
];

/// Too large to be added up: three of them have 39 digits with their places.
const LARGE: &str = "60000000000000000000000000000";

fn query(place: &Place, arguments: &[&str]) -> (i32, String, String) {
    let mut command: Command = merganser();
    command.arg("query").args(arguments).env("MERGANSER_SERVER", place.url());
    outcome(&mut command)
}

/// The records of a CSV text by RFC 4180; null is a field that is empty and has no quotes.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let (mut field, mut is_quoted) = (String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if field.is_empty() && !is_quoted => {
                is_quoted = true;
                loop {
                    match rest.next().expect("a quoted field is closed") {
                        '"' if rest.next_if_eq(&'"').is_none() => break,
                        c => field.push(c),
                    }
                }
            }
            ',' | '\r' => {
                let value = std::mem::take(&mut field);
                record.push((is_quoted || !value.is_empty()).then_some(value));
                is_quoted = false;
                if c == '\r' {
                    assert_eq!(rest.next(), Some('\n'), "a record ends with CR LF");
                    records.push(std::mem::take(&mut record));
                }
            }
            c => {
                assert!(!is_quoted && c != '"' && c != '\n', "a stray {c:?}");
                field.push(c);
            }
        }
    }
    assert!(record.is_empty() && field.is_empty(), "the last record ends with CR LF");
    records
}

/// The same of a JSON answer: a line of names, and one for each row.
fn expected(answer: &Value) -> Vec<Vec<Option<String>>> {
    let columns = answer["columns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    let value = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        number => Some(number.to_string()),
    };
    let head = names.iter().map(|name| Some((*name).to_owned())).collect();
    let rows = answer["rows"].as_array().unwrap().iter();
    let rows = rows.map(|row| names.iter().map(|name| value(&row[*name])).collect());
    [head].into_iter().chain(rows).collect()
}

fn csv_is_the_json_answer_by_command_and_over_http(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let definition = json!({
        "event": "odd", "dimensions": ["name"],
        "measures": {
            "n": { "kind": "count" },
            "total": { "kind": "sum", "of": "amount" },
            "note": { "kind": "latest", "of": "name" },
        },
    });
    let made = server.http.put("/v1/metrics/odd", &definition);
    server.ended(&made.location.unwrap());
    let event = |(n, name): (usize, &Option<&str>)| {
        let mut properties = json!({ "amount": n as i64 - 3 });
        if let Some(name) = name {
            properties["name"] = json!(name);
        }
        json!({ "id": format!("o-{n}"), "event": "odd", "time": "2026-01-05T00:00:00Z",
            "properties": properties })
        .to_string()
    };
    let events: Vec<String> = NAMES.iter().enumerate().map(event).collect();
    server.http.send(&events[..7]);
    server.run("incremental");
    server.http.send(&events[7..]);

    let answer = server.http.query(&json!({ "metric": "odd", "group_by": ["name"] }));
    let want = expected(&answer);
    assert_eq!(want.len(), 1 + NAMES.len());
    let Value::String(text) = server.http.get("/v1/query?metric=odd&group_by=name&format=csv").body
    else {
        panic!("CSV is no JSON")
    };
    assert_eq!(records(&text), want);
    let arguments = ["odd", "--group-by", "name", "--output", "csv"];
    assert_eq!(query(&place, &arguments), (0, text, String::new()));

    let (code, guarded, stderr) =
        query(&place, &[&arguments[..], &["--csv", "spreadsheet"]].concat());
    assert_eq!((code, &*stderr), (0, ""));
    let guarded = records(&guarded);
    assert_eq!((guarded.len(), &guarded[0]), (want.len(), &want[0]));
    for (guarded, want) in guarded.iter().zip(&want).skip(1) {
        for ((guarded, want), column) in
            guarded.iter().zip(want).zip(answer["columns"].as_array().unwrap())
        {
            let is_run = |text: &String| text.starts_with(['=', '+', '-', '@', '\t']);
            match want {
                Some(text) if column["type"] == "text" && is_run(text) => {
                    assert_eq!(*guarded, Some(format!("'{text}")));
                }
                _ => assert_eq!(guarded, want, "{column}"),
            }
        }
    }
    let (code, _, stderr) = query(&place, &["odd", "--csv", "spreadsheet"]);
    assert!(code == 2 && stderr.contains("--output csv"), "{stderr}");
    let (code, _, stderr) = query(&place, &[&arguments[..], &["--csv", "excel"]].concat());
    assert!(code == 1 && stderr.contains("spreadsheet"), "{stderr}");
    server.stop();
    place.check_log(&[]);
}

/// Minutes of 2026 from its first on, each a row whether it has events or not.
fn minutes(days: &'static str) -> [&'static str; 9] {
    ["ticks", "--granularity", "minute", "--fill", "zero", "--from", "2026-01-01", "--to", days]
}

fn an_export_is_whole_or_refused(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let late = json!({ "id": "m", "event": "tick", "time": "2026-01-31T00:00:00Z",
        "properties": { "n": 7, "kind": "k" } });
    server.http.send(&[late.to_string()]);
    // 59,040 rows, and 216,000.
    let (few, many) = (minutes("2026-02-11"), minutes("2026-05-31"));
    let csv = |range: &[&str], more: &[&str]| {
        query(&place, &[range, &["--output", "csv"], more].concat())
    };

    let (code, text, stderr) = csv(&few, &[]);
    assert_eq!((code, &*stderr), (0, ""));
    assert_eq!(text.lines().count(), 1 + 59_040);
    assert!(text.contains("\r\n2026-01-31T00:00:00Z,1,7\r\n"));

    // Pages: all rows, each once, in order.
    let (code, text, stderr) = csv(&many, &[]);
    assert_eq!((code, &*stderr), (0, ""));
    let times: Vec<&str> = text.lines().skip(1).map(|line| &line[..20]).collect();
    assert_eq!((times.len(), times[0]), (216_000, "2026-01-01T00:00:00Z"));
    assert!(times.is_sorted_by(|a, b| a < b) && text.ends_with("\r\n2026-05-30T23:59:00Z,0,0\r\n"));
    let (_, part, _) = csv(&many, &["--offset", "10", "--limit", "150000"]);
    let rows: Vec<&str> = part.lines().skip(1).map(|line| &line[..20]).collect();
    assert_eq!(rows, times[10..150_010]);
    let (_, part, _) = csv(&many, &["--limit", "3"]);
    assert_eq!(part.lines().count(), 4);

    // Over HTTP what cannot say that it is cut is refused.
    let range = "metric=ticks&granularity=minute&fill=zero&from=2026-01-01&to=2026-05-31";
    for format in ["csv", "ndjson", "arrow", "parquet"] {
        let reply = server.http.get(&format!("/v1/query?{range}&format={format}"));
        assert_eq!((reply.status, &reply.body["code"]), (413, &json!("too_many_rows")), "{format}");
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains("216000 rows") && detail.contains("`limit`"), "{detail}");
    }
    // Tables and JSON say that they are.
    let (code, table, stderr) = query(&place, &few);
    assert!(code == 0 && table.contains("10,000 of 59,040 rows"), "{stderr}");
    assert!(stderr.starts_with("warning: these are 10,000 of 59,040 rows; "), "{stderr}");
    let (_, json, stderr) = query(&place, &[&few[..], &["--output", "json"]].concat());
    assert!(stderr.starts_with("warning: these are 10,000 of 59,040 rows; "), "{stderr}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["rows"].as_array().unwrap().len(), &json["total_rows"]),
        (10_000, &json!(59_040))
    );
    assert_eq!(query(&place, &[&few[..], &["--limit", "7"]].concat()).2, "");
    server.stop();
    place.check_log(&[]);
}

/// While events come in, pages are of one answer or there are none.
fn pages_are_of_one_answer_while_events_come_in(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let stop = Arc::new(AtomicBool::new(false));
    let sender = thread::spawn({
        let (http, stop) = (server.http.clone(), Arc::clone(&stop));
        move || {
            let mut sent = 0;
            while !stop.load(Ordering::SeqCst) {
                // In the first minute and in the last: in the first page and in the last.
                let event = |n: u64, time: &str| {
                    json!({ "id": format!("p-{n}-{time}"), "event": "tick", "time": time,
                        "properties": { "n": 1, "kind": "k" } })
                    .to_string()
                };
                let times = ["2026-01-01T00:00:00Z", "2026-03-14T23:59:00Z"];
                http.send(&times.map(|time| event(sent, time)));
                sent += 1;
            }
        }
    });
    let (mut whole, mut refused) = (0, 0);
    // 105,120 rows, in two pages.
    for _ in 0..2 {
        let (code, text, stderr) =
            query(&place, &[&minutes("2026-03-15")[..], &["--output", "csv"]].concat());
        if code == 0 {
            whole += 1;
            let count = |line: Option<&str>| line.unwrap().split(',').nth(1).unwrap().to_owned();
            let (first, last) = (count(text.lines().nth(1)), count(text.lines().last()));
            assert_eq!((text.lines().count(), first), (105_121, last));
            continue;
        }
        refused += 1;
        assert_eq!((code, &*text), (1, ""));
        assert!(stderr.contains("it changed 5 times") && stderr.contains("--from"), "{stderr}");
    }
    stop.store(true, Ordering::SeqCst);
    sender.join().unwrap();
    assert_eq!(whole + refused, 2);
    server.stop();
    place.check_log(&[]);
}

fn warnings_come_with_every_output(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    for n in 0..3 {
        let event = tick(n).replace(&format!("\"n\":{n}"), &format!("\"n\":{LARGE}"));
        assert!(event.contains(LARGE));
        server.http.send(&[event]);
    }
    for format in ["table", "csv", "json"] {
        let (code, stdout, stderr) = query(&place, &["ticks", "--output", format]);
        assert_eq!(code, 0);
        assert!(stderr.starts_with("warning: `sum` does not fit"), "{format}: {stderr}");
        assert!(stderr.lines().count() == 1 && !stdout.contains("warning:"), "{format}: {stdout}");
    }
    assert_eq!(query(&place, &["ticks", "--measures", "ticks", "--output", "csv"]).2, "");
    let arguments = ["flights", "--measures", "aircraft", "--output", "csv"];
    let (_, text, stderr) = query(&place, &arguments);
    assert_eq!(text, "aircraft\r\n0\r\n");
    assert!(stderr.ends_with("complete; approximate: aircraft\n"), "{stderr}");
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(
    csv_is_the_json_answer_by_command_and_over_http,
    an_export_is_whole_or_refused,
    pages_are_of_one_answer_while_events_come_in,
    warnings_come_with_every_output,
);
