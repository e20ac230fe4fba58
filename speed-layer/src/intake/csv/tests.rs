//! CSV as other tools write it, and as nobody should; against a reader that goes letter by letter.

use std::io::BufReader;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BOUNDS: DecodeBounds = DecodeBounds { events_max: 1000, bytes_max: 1 << 20 };

fn table(body: &[u8], options: &CsvParameters) -> Result<JsonRows, String> {
    read(body, options, BOUNDS, 1 << 16).map_err(|error| error.to_string())
}

/// For each row its text, or what is wrong with it.
fn rows_with(body: &[u8], options: &CsvParameters) -> Result<Vec<Result<String, String>>, String> {
    let table = table(body, options)?;
    let rows = table.places.split(&table.text);
    let row = |raw: &RawEvent<'_>| match table.places.fault(raw.index) {
        Some(fault) => Err(table.places.at_line(raw.index, fault.clone()).message),
        None => Ok(raw.text.unwrap().to_owned()),
    };
    Ok(rows.iter().map(row).collect())
}

fn rows(body: &str) -> Vec<Result<String, String>> {
    rows_with(body.as_bytes(), &CsvParameters::default()).unwrap()
}

fn lines(body: &str) -> Vec<String> {
    rows(body).into_iter().map(Result::unwrap).collect()
}

fn refusal(body: &[u8]) -> String {
    rows_with(body, &CsvParameters::default()).unwrap_err()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_row_is_the_event_that_it_stands_for() {
    let body = "event,id,time,subject,amount,note\r\n\
                purchase,o-1,2026-11-21T10:00:00Z,ada,19.90,\"a, \"\"b\"\"\nc\"\r\n\
                refund,7,1763719200000,42,,\r\n";
    assert_eq!(
        lines(body),
        [
            concat!(
                r#"{"event":"purchase","id":"o-1","time":"2026-11-21T10:00:00Z","#,
                r#""subject":"ada","properties":{"amount":19.90,"note":"a, \"b\"\nc"}}"#
            ),
            r#"{"event":"refund","id":"7","time":1763719200000,"subject":"42"}"#,
        ]
    );
}

#[test]
fn only_what_is_unmistakable_is_a_number() {
    for (field, is_number) in [
        ("0", true),
        ("-12", true),
        ("19.90", true),
        ("0.30000000000000004", true),
        ("123456789012345", true),
        ("1234567890123456", false),
        ("007", false),
        ("-007", false),
        ("+49301234567", false),
        ("1e5", false),
        ("1.", false),
        (".5", false),
        ("1,5", false),
        ("1.2.3", false),
        ("-", false),
        (" 1", false),
        ("NaN", false),
        ("inf", false),
        ("true", false),
        ("١٢", false),
        ("0x10", false),
        ("1_000", false),
    ] {
        assert_eq!(is_plain_number(field), is_number, "{field}");
        let body = format!("event,x\np,\"{field}\"\n");
        let event: Value = serde_json::from_str(&lines(&body)[0]).unwrap();
        assert_eq!(event["properties"]["x"].is_number(), is_number, "{field}");
        if !is_number {
            assert_eq!(event["properties"]["x"], json!(field));
        }
    }
}

#[test]
fn a_column_is_what_its_sender_says() {
    let options = CsvParameters {
        number_columns: vec!["n".to_owned()],
        text_columns: vec!["t".to_owned()],
        ..CsvParameters::default()
    };
    for (field, number) in [
        ("007", "7"),
        ("+5", "5"),
        ("1e5", "1e5"),
        ("-1E-05", "-1e-05"),
        (".5", "0.5"),
        ("5.", "5"),
        (" 12 ", "12"),
        ("12345678901234567890", "12345678901234567890"),
    ] {
        let body = format!("event,n,t\np,{field},{field}\n");
        let found = rows_with(body.as_bytes(), &options).unwrap().remove(0).unwrap();
        let expected =
            format!(r#"{{"event":"p","properties":{{"n":{number},"t":{}}}}}"#, json!(field));
        assert_eq!(found, expected);
        assert!(serde_json::from_str::<Value>(&found).is_ok());
    }
    for field in ["NaN", "12,50", "1e", "--1", "x", "1 2", "e5", "."] {
        let body = format!("event,n,t\np,\"{field}\",\nq,1,\n");
        let found = rows_with(body.as_bytes(), &options).unwrap();
        let error = found[0].as_ref().unwrap_err();
        let words = format!("line 2: `n` is `{field}`, which is no number");
        assert!(error.contains(&words), "{error}");
        assert!(found[1].is_ok());
    }
    for (numbers, texts, words) in [
        ("x", "t", "there is no column `x`; its columns are `event`, `n`, `t`"),
        ("n", "n", "`n` is said to be both numbers and text"),
        ("event", "t", "`event` is said to have numbers or text, and is no property"),
    ] {
        let options = CsvParameters {
            number_columns: vec![numbers.to_owned()],
            text_columns: vec![texts.to_owned()],
            ..CsvParameters::default()
        };
        let error = rows_with(b"event,n,t\n", &options).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn properties_may_be_one_column_of_json() {
    let body = "event,properties\np,\"{\"\"a\"\": [1]}\"\nq,\nr,nonsense\n";
    assert_eq!(
        lines(body),
        [
            r#"{"event":"p","properties":{"a": [1]}}"#,
            r#"{"event":"q"}"#,
            r#"{"event":"r","properties":"nonsense"}"#,
        ]
    );
}

#[test]
fn a_broken_row_alone_is_invalid_and_its_error_has_the_line() {
    let body = "event,a\n\np,\"x\ny\"\nq\nr,1,2\n\n,\n\"s\"t,1\nu,2\nv,\"open\nw,1\n";
    let found = rows(body);
    assert_eq!(found.len(), 7);
    assert!(found[0].is_ok() && found[5].is_ok());
    for (row, words) in [
        (1, "line 5: the row has 1 field, and the line of names 2"),
        (2, "line 6: the row has 3 fields, and the line of names 2"),
        (3, "line 8: all fields of the row are empty"),
        (4, "line 9: a field goes on behind its closing quote"),
        (6, "line 11: a quote that begins a field is never closed"),
    ] {
        let error = found[row].as_ref().unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let table = table(body.as_bytes(), &CsvParameters::default()).unwrap();
    assert_eq!(table.places.split(&table.text)[2].bytes, b"r,1,2", "kept as it was sent");
    let found = rows_with(b"event,a\np,\xff\nq,1\n", &CsvParameters::default()).unwrap();
    assert!(found[0].as_ref().unwrap_err().contains("line 2: the row is not UTF-8"));
    assert!(found[1].is_ok());
    // Two halves of a letter make none.
    let found = rows_with(b"event,a\np\xc3,\xa9\n", &CsvParameters::default()).unwrap();
    assert!(found[0].is_err());
}

#[test]
fn a_quote_that_swallows_rows_does_not_pass_for_a_field() {
    let found = rows("event,a,b\np,\"oops,1\nq,\"x\",2\nr,1,2\n");
    assert!(found[0].as_ref().unwrap_err().contains("line 2: a field goes on behind"));
    assert_eq!(found.len(), 2);
}

#[test]
fn lines_end_in_any_way_and_a_mark_of_utf8_is_none_of_the_name() {
    let wanted = lines("event,a\np,1\nq,2\n");
    for body in [
        "event,a\r\np,1\r\nq,2\r\n",
        "event,a\rp,1\rq,2\r",
        "event,a\np,1\nq,2",
        "\u{feff}event,a\n\n\np,1\r\n\r\nq,2\n\n",
        "\u{feff}\"event\",\"a\"\n\"p\",\"1\"\n\"q\",\"2\"\n",
    ] {
        assert_eq!(lines(body), wanted, "{body:?}");
    }
    assert!(refusal("\u{feff}\u{feff}event\n".as_bytes()).contains("no column `event`"));
    assert_eq!(lines(""), Vec::<String>::new());
    assert_eq!(lines("event,a\n"), Vec::<String>::new());
    let late = CsvParameters { first_line: 20_002, ..CsvParameters::default() };
    let found = rows_with(b"event,a\r\np\r\n\r\nq\r\n", &late).unwrap();
    let errors: Vec<&str> = found.iter().map(|row| &row.as_ref().unwrap_err()[..11]).collect();
    assert_eq!(errors, ["line 20002:", "line 20004:"]);
}

#[test]
fn names_that_are_none_of_events_are_refused_with_what_there_is() {
    for (body, words) in [
        (
            &b"type,amount\np,1\n"[..],
            "there is no column `event`; its columns are `type`, `amount`",
        ),
        (b"event;time;amount\n", "`delimiter=;` reads fields with semicolons"),
        (b"event\ttime\n", "`delimiter=%09` reads fields with tabs"),
        (b"event,a,a\n", "`a` is there twice"),
        (b"event,,a\n", "column 2 has no name"),
        (b"event,created_at\n", "`time_column=created_at`"),
        (b"\xff\xfee\0v\0", "UTF-16"),
        (b"event,\xe4\n", "names are not UTF-8"),
        (b"\"event,a\np,1\n", "its line of names: a quote that begins"),
    ] {
        let error = refusal(body);
        assert!(error.contains(words), "{error}");
        assert!(error.starts_with("the body is not CSV of events: "), "{error}");
    }
    let wide = vec!["x"; 10_001].join(",");
    assert!(refusal(wide.as_bytes()).contains("10001 columns"));
    let long = "x".repeat((1 << 20) + 1);
    assert!(refusal(long.as_bytes()).contains("its line of names has over"));
}

#[test]
fn a_table_is_bounded_by_rows_by_bytes_and_by_those_of_an_event() {
    let rows = |count: usize| format!("event\n{}", "p\n".repeat(count));
    assert_eq!(lines(&rows(1000)).len(), 1000);
    assert!(refusal(rows(1001).as_bytes()).contains("`request_max_events`"));
    let name = "n".repeat(60_000);
    let wide = format!("event,{name}\n{}", "p,1\n".repeat(100));
    assert!(refusal(wide.as_bytes()).contains("`decompressed_max_bytes`"));
    let body = format!("event,a\np,{}\nq,2\n", "x".repeat(100_000));
    let table = read(body.as_bytes(), &CsvParameters::default(), BOUNDS, 1 << 10).unwrap();
    let (found, places) = (table.places.split(&table.text), &table.places);
    assert_eq!(places.fault(0).unwrap().code, InvalidCode::EventTooLarge);
    assert!(places.fault(0).unwrap().message.contains("100002 bytes"));
    assert!(found[0].bytes.len() < 2048 && places.fault(1).is_none());
}

#[test]
fn a_record_of_any_size_takes_bounded_room() {
    const MAX: usize = 1 << 16;
    let commas = ",".repeat(4 << 20);
    let letters = "x".repeat(4 << 20);
    for (body, bytes) in [(&commas, commas.len()), (&letters, letters.len())] {
        let body = format!("event\n{body}\nq\n");
        let mut records = CsvRecordReader::new(body.as_bytes(), b',', MAX);
        assert_eq!(records.next_record().unwrap().unwrap().fields.unwrap(), ["event"]);
        let record = records.next_record().unwrap().unwrap();
        assert_eq!((record.line, record.raw.len()), (2, MAX));
        assert_eq!(record.fields.unwrap_err(), CsvRecordFault::TooLarge { bytes });
        let (room, ends) = records.room();
        assert!(room <= 4 * MAX && ends <= 20_002, "{room} {ends}");
        let record = records.next_record().unwrap().unwrap();
        assert_eq!((record.line, record.fields.unwrap()), (3, vec!["q"]));
    }
}

#[test]
fn fields_beyond_all_columns_are_counted() {
    let read = |row: &str| rows(&format!("event,a\n{row}\np,1\n"));
    for fields in [10_000, 10_001, 10_002, 20_001, 20_002, 20_003, 65_000] {
        let row = ",".repeat(fields - 1);
        let words = format!("line 2: the row has {fields} fields, and the line of names 2");
        let found = read(&row);
        assert_eq!(found[0].as_ref().unwrap_err(), &words);
        assert!(found[1].is_ok(), "{found:?}");
        let open = read(&format!("{row}\"open"))[0].clone().unwrap_err();
        assert!(open.contains("never closed"), "{open}");
        let said = refusal(row.as_bytes());
        assert_eq!(said.contains(&format!("it has {fields} columns")), fields > 10_000, "{said}");
    }
    let body = [b"event\n".to_vec(), vec![b','; 12_000], b"\xff\n".to_vec()].concat();
    let found = rows_with(&body, &CsvParameters::default()).unwrap();
    assert_eq!(found[0].as_ref().unwrap_err(), "line 2: the row is not UTF-8");
    // At the end of the text, without the end of a line.
    let last = rows(&format!("event\n{}", ",".repeat(30_000)));
    assert!(last[0].as_ref().unwrap_err().contains("30001 fields"));
}

#[test]
fn columns_are_mapped_and_separated_as_is_said() {
    let mapping = ColumnMapping {
        event: some("sale"),
        time_column: some("at"),
        id_column: some("no"),
        subject_column: some("who"),
        ..ColumnMapping::default()
    };
    let options = CsvParameters { mapping, delimiter: b';', ..CsvParameters::default() };
    let found = rows_with(b"no;at;who;sum\n1;1763719200000;x,y;3\n", &options).unwrap();
    assert_eq!(
        found[0].as_ref().unwrap(),
        r#"{"event":"sale","id":"1","time":1763719200000,"subject":"x,y","properties":{"sum":3}}"#
    );
}

#[test]
fn a_list_of_columns_is_a_line_of_csv() {
    let names = |list: &str| CsvParameters::parse_column_list(list);
    assert_eq!(names("a,\"b,c\",d").unwrap(), ["a", "b,c", "d"]);
    assert_eq!(names(""), None);
    assert_eq!(names("a\nb"), None);
    assert_eq!(names("\"a"), None);
}

/// What a reader makes of a text that goes from letter to letter: for each record the line that it
/// begins in and its fields, `None` where its quotes are broken. Where a field begins, a quote
/// opens; elsewhere it stands for itself.
fn naive(text: &str, delimiter: char) -> Vec<(u64, Option<Vec<String>>)> {
    let text: Vec<char> = text.strip_prefix('\u{feff}').unwrap_or(text).chars().collect();
    let (mut records, mut at, mut line, mut begins) = (Vec::new(), 0, 1, 1);
    let mut end_of_line = |at: &mut usize| {
        let is_pair = text[*at] == '\r' && text.get(*at + 1) == Some(&'\n');
        *at += if is_pair { 2 } else { 1 };
        line += 1;
        line
    };
    while at < text.len() {
        if "\r\n".contains(text[at]) {
            begins = end_of_line(&mut at);
            continue;
        }
        let (mut fields, mut is_broken, mut next) = (vec![String::new()], false, begins);
        let mut is_start = true;
        loop {
            match text.get(at) {
                None => break,
                Some('\r' | '\n') => {
                    next = end_of_line(&mut at);
                    break;
                }
                Some(c) if *c == delimiter => {
                    fields.push(String::new());
                    (is_start, at) = (true, at + 1);
                }
                Some('"') if is_start => {
                    at += 1;
                    loop {
                        match (text.get(at), text.get(at + 1)) {
                            (None, _) => {
                                is_broken = true;
                                break;
                            }
                            (Some('"'), Some('"')) => {
                                fields.last_mut().unwrap().push('"');
                                at += 2;
                            }
                            (Some('"'), behind) => {
                                let ends = |c: &char| *c == delimiter || "\r\n".contains(*c);
                                is_broken |= !behind.is_none_or(ends);
                                at += 1;
                                break;
                            }
                            (Some('\r' | '\n'), _) => {
                                let from = at;
                                next = end_of_line(&mut at);
                                fields.last_mut().unwrap().extend(&text[from..at]);
                            }
                            (Some(c), _) => {
                                fields.last_mut().unwrap().push(*c);
                                at += 1;
                            }
                        }
                    }
                    is_start = false;
                }
                Some(c) => {
                    fields.last_mut().unwrap().push(*c);
                    (is_start, at) = (false, at + 1);
                }
            }
        }
        records.push((begins, (!is_broken).then_some(fields)));
        begins = next;
    }
    records
}

fn records(source: impl std::io::BufRead) -> Vec<(u64, Option<Vec<String>>)> {
    let mut records = CsvRecordReader::new(source, b',', 1 << 16);
    let mut all = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        let fields = record.fields.ok();
        all.push((record.line, fields.map(|f| f.iter().map(|f| (*f).to_owned()).collect())));
    }
    all
}

/// Text of letters that mean something in CSV, and some that do not.
fn rough() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', '1', ',', '"', '\r', '\n', 'é']), 0..60)
        .prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn records_are_those_of_a_reader_that_goes_letter_by_letter(
        text in rough(),
        has_mark in any::<bool>(),
        room in 3_usize..40,
    ) {
        let text = if has_mark { format!("\u{feff}{text}") } else { text };
        let expected = naive(&text, ',');
        prop_assert_eq!(records(text.as_bytes()), &*expected);
        let pieces = BufReader::with_capacity(room, text.as_bytes());
        prop_assert_eq!(records(pieces), expected, "in pieces of {}", room);
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        is_table in any::<bool>(),
    ) {
        let body = if is_table { [b"event,a,b\n", &bytes[..]].concat() } else { bytes };
        if let Ok(table) = table(&body, &CsvParameters::default()) {
            for raw in table.places.split(&table.text) {
                if table.places.fault(raw.index).is_none() {
                    prop_assert!(serde_json::from_slice::<Value>(raw.bytes).unwrap().is_object());
                }
            }
        }
    }

    /// However a file is cut into bodies, its events are the same, and so are their lines.
    #[test]
    fn it_does_not_matter_how_a_file_is_cut(
        fields in prop::collection::vec(("[a-z]{0,3}", "[0-9.+,\"\ne-]{0,6}"), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let rows: Vec<String> =
            fields.iter().map(|(a, b)| format!("p,{a},{}\n", quoted(b))).collect();
        let read = |rows: &[String], first_line: u64| {
            let body = format!("event,a,b\n{}", rows.concat());
            let options = CsvParameters { first_line, ..CsvParameters::default() };
            let table = table(body.as_bytes(), &options).unwrap();
            let split = table.places.split(&table.text);
            let texts: Vec<String> = split.iter().map(|raw| raw.text.unwrap().to_owned()).collect();
            let lines: Vec<u64> = table.places.rows.iter().map(|row| row.line).collect();
            (texts, lines)
        };
        let whole = read(&rows, 0);
        let at = cut.index(rows.len());
        let (first, second) = rows.split_at(at);
        let lines_before = first.concat().matches('\n').count() as u64;
        let (one, other) = (read(first, 2), read(second, 2 + lines_before));
        prop_assert_eq!([one.0, other.0].concat(), whole.0);
        prop_assert_eq!([one.1, other.1].concat(), whole.1);
    }
}

#[test]
fn an_id_before_a_row_is_none_of_the_row() {
    let options = CsvParameters { is_named: true, ..CsvParameters::default() };
    let body = "event,id,n\n\
                l-1,x,,1\nl-2,x,own,2\nl-3,x,,3,4\nl-4,,,\nl-5,x,,\"1\"2\n,x,,6\nl-7\n";
    let table = table(body.as_bytes(), &options).unwrap();
    let rows = table.places.split(&table.text);
    let text_of = |raw: &RawEvent<'_>| {
        let fault = table.places.fault(raw.index).map_or("", |fault| &*fault.message);
        (
            raw.id.map(str::to_owned),
            raw.text.unwrap().to_owned(),
            fault.chars().take(22).collect::<String>(),
        )
    };
    let rows: Vec<_> = rows.iter().map(text_of).collect();
    let row = |id: Option<&str>, text: &str, fault: &str| {
        (id.map(str::to_owned), text.to_owned(), fault.to_owned())
    };
    assert_eq!(
        rows,
        [
            row(Some("l-1"), r#"{"event":"x","properties":{"n":1}}"#, ""),
            row(Some("l-2"), r#"{"event":"x","id":"own","properties":{"n":2}}"#, ""),
            row(Some("l-3"), "x,,3,4", "the row has 4 fields, "),
            row(Some("l-4"), ",,", "all fields of the row "),
            row(Some("l-5"), "x,,\"1\"2", "a field goes on behind"),
            row(None, r#"{"event":"x","properties":{"n":6}}"#, ""),
            row(Some("l-7"), "", "the row has 0 fields, "),
        ]
    );
}
