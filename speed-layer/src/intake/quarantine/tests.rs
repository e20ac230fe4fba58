//! The quarantine, across restarts, damage and failed writes.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn event(raw: &str) -> QuarantinedEvent {
    QuarantinedEvent {
        received: Timestamp(1_795_000_000_000_000),
        kind: QuarantineKind::Invalid,
        code: "malformed_event".to_owned(),
        message: "the event is not JSON".to_owned(),
        index: 3,
        raw: raw.to_owned(),
        raw_truncated: false,
    }
}

fn bounds(max_events: usize) -> QuarantineSettings {
    QuarantineSettings { max_events, ..QuarantineSettings::default() }
}

fn open(directory: &TempDir, max_events: usize) -> Quarantine {
    Quarantine::open(&directory.path().join("quarantine"), bounds(max_events)).unwrap()
}

fn add(quarantine: &Quarantine, raws: &[&str]) -> Vec<u64> {
    let ids = quarantine.add(raws.iter().map(|raw| event(raw)).collect()).unwrap();
    ids.iter().map(|id| id.0).collect()
}

fn raws(quarantine: &Quarantine) -> Vec<String> {
    quarantine.list(None, usize::MAX).entries.iter().map(|e| e.event.raw.clone()).collect()
}

fn file_of(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("quarantine/quarantine.jsonl")
}

#[test]
fn entries_come_back_after_a_restart_with_new_numbers_for_new_ones() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    assert_eq!(add(&quarantine, &["a", "line\n\"b\" \u{0} é"]), [1, 2]);
    assert!(quarantine.delete(QuarantineId(2)).unwrap());
    assert!(!quarantine.delete(QuarantineId(2)).unwrap());
    let before = quarantine.list(None, 10);
    drop(quarantine);
    let quarantine = open(&directory, 10);
    assert_eq!(quarantine.list(None, 10), before);
    assert_eq!(before.entries[0].event, event("a"));
    assert_eq!(add(&quarantine, &["c"]), [3], "the number of a deleted entry is not given again");
    assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
}

#[test]
fn the_list_is_read_in_parts() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["a", "b", "c"]);
    let page = quarantine.list(None, 2);
    assert_eq!((page.entries.len(), page.has_more, page.total), (2, true, 3));
    let page = quarantine.list(Some(page.entries[1].id), 2);
    assert_eq!((page.entries[0].event.raw.as_str(), page.has_more), ("c", false));
    assert!(quarantine.list(Some(QuarantineId(99)), 2).entries.is_empty());
}

#[test]
fn the_oldest_go_when_a_bound_is_reached() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 2);
    add(&quarantine, &["a", "b", "c"]);
    add(&quarantine, &["d"]);
    assert_eq!(raws(&quarantine), ["c", "d"]);
    quarantine.delete(QuarantineId(4)).unwrap();
    assert_eq!(raws(&open(&directory, 2)), ["c"], "what went does not come back");

    let settings = QuarantineSettings { max_events: 10, max_bytes: 2000 };
    let quarantine = Quarantine::open(&directory.path().join("other"), settings).unwrap();
    add(&quarantine, &[&"x".repeat(900), &"y".repeat(900), "z"]);
    assert_eq!(quarantine.list(None, 10).total, 2);
    add(&quarantine, &[&"w".repeat(5000)]);
    assert_eq!(quarantine.list(None, 10).total, 0, "too large by itself");
}

#[test]
fn a_torn_tail_is_left_out_and_written_over() {
    let directory = TempDir::new().unwrap();
    add(&open(&directory, 10), &["a", "b"]);
    let whole = fs::read(file_of(&directory)).unwrap();
    let first_end = whole.iter().rposition(|b| *b == b'q').unwrap();
    for cut in [whole.len() - 1, whole.len() - 9, first_end] {
        fs::write(file_of(&directory), &whole[..cut]).unwrap();
        let quarantine = open(&directory, 10);
        assert_eq!(raws(&quarantine), ["a"], "cut at {cut}");
        let next = add(&quarantine, &["c"]);
        assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
        assert_eq!(next, [2], "an entry that nobody was told of leaves its number");
    }
    let mut file = OpenOptions::new().append(true).open(file_of(&directory)).unwrap();
    file.write_all(&[0; 512]).unwrap();
    assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
}

#[test]
fn a_damaged_line_costs_only_itself() {
    let directory = TempDir::new().unwrap();
    add(&open(&directory, 10), &["first", "second", "third"]);
    let text = fs::read_to_string(file_of(&directory)).unwrap();
    fs::write(file_of(&directory), text.replace("second", "sec0nd")).unwrap();
    assert_eq!(raws(&open(&directory, 10)), ["first", "third"]);
    assert!(!fs::read_to_string(file_of(&directory)).unwrap().contains("sec0nd"));
}

#[test]
fn a_newer_or_foreign_file_is_refused() {
    for header in [
        r#"{"format":"merganser-quarantine","version":2,"next":1}"#,
        r#"{"format":"something-else","version":1,"next":1}"#,
        r#"{"other":1}"#,
    ] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("quarantine");
        fs::create_dir(&path).unwrap();
        let line = format!("{:08x} {header}\n", crc32c::crc32c(header.as_bytes()));
        fs::write(path.join("quarantine.jsonl"), line).unwrap();
        let error = Quarantine::open(&path, bounds(10)).unwrap_err();
        assert!(matches!(&error, QuarantineError::Format(_)), "{error}");
        assert!(error.to_string().contains("quarantine.jsonl"), "{error}");
    }
}

#[test]
fn the_file_is_the_one_that_the_documentation_describes() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["nope"]);
    quarantine.delete(QuarantineId(1)).unwrap();
    let text = fs::read_to_string(file_of(&directory)).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| &line[9..]).collect();
    assert_eq!(
        lines,
        [
            r#"{"format":"merganser-quarantine","version":1,"next":1}"#,
            concat!(
                r#"{"add":{"id":"q-1","received":1795000000000000,"kind":"invalid","#,
                r#""code":"malformed_event","message":"the event is not JSON","index":3,"#,
                r#""raw":"nope","raw_truncated":false}}"#,
            ),
            r#"{"delete":"q-1"}"#,
        ]
    );
    assert_eq!(&text[..9], &format!("{:08x} ", crc32c::crc32c(lines[0].as_bytes())));
}

#[test]
fn the_file_stays_in_proportion_to_what_is_kept() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 20);
    let raw = "x".repeat(60_000);
    for _ in 0..40 {
        add(&quarantine, &[raw.as_str(); 10]);
    }
    let size = fs::metadata(file_of(&directory)).unwrap().len();
    assert!(size < 8 << 20, "{size} bytes for 20 entries of 60 kB");
    assert_eq!(open(&directory, 20).list(None, 100).total, 20);
}

#[test]
fn after_a_failed_write_nothing_is_kept_and_the_next_goes_to_a_new_file() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["a"]);
    quarantine.break_for_tests();
    let error = quarantine.add(vec![event("b")]).unwrap_err();
    assert!(matches!(error, QuarantineError::Io { .. }), "{error}");
    assert_eq!(raws(&quarantine), ["a"]);
    add(&quarantine, &["c"]);
    assert_eq!(raws(&quarantine), ["a", "c"]);
    assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
}

#[test]
fn raw_text_is_cut_between_characters() {
    let raw_of = QuarantinedEvent::raw_of;
    assert_eq!(raw_of(b"abc", 3), ("abc".to_owned(), false));
    assert_eq!(raw_of(b"abcd", 3), ("abc".to_owned(), true));
    assert_eq!(raw_of("aé".as_bytes(), 2), ("a".to_owned(), true));
    assert_eq!(raw_of(b"a\xffb", 9), ("a\u{fffd}b".to_owned(), false));
    assert_eq!(raw_of(b"", 9), (String::new(), false));
}

proptest! {
    #[test]
    fn damage_never_panics_and_never_invents_an_entry(
        count in 1_usize..5,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let directory = TempDir::new().unwrap();
        let names: Vec<String> = (0..count).map(|i| format!("raw-{i}")).collect();
        add(&open(&directory, 10), &names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut text = fs::read(file_of(&directory)).unwrap();
        let at = at.index(text.len());
        if is_cut { text.truncate(at) } else { text[at] = byte }
        fs::write(file_of(&directory), &text).unwrap();
        let path = directory.path().join("quarantine");
        let quarantine = Quarantine::open(&path, bounds(10)).unwrap();
        let found = raws(&quarantine);
        prop_assert!(found.iter().all(|raw| names.contains(raw)), "{:?}", found);
        prop_assert!(is_cut || found.len() + 2 >= count);
    }
}
