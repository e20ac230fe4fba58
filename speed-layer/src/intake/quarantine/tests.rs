//! The quarantine, across restarts, damage and failed writes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use merganser_api::quarantine::QuarantineKind;
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
        raw: RawText::new(raw.as_bytes(), usize::MAX),
    }
}

fn coded(code: &str, raw: &str) -> QuarantinedEvent {
    QuarantinedEvent { code: code.to_owned(), ..event(raw) }
}

fn bounds(max_events: usize) -> QuarantineSettings {
    QuarantineSettings { max_events, ..QuarantineSettings::default() }
}

fn lines(directory: &Path) -> Box<dyn LineStore> {
    Box::new(LineFile::new(directory.join(Quarantine::FILE)))
}

/// The next write fails.
pub(super) fn fail_once(lines: Box<dyn LineStore>) -> Box<dyn LineStore> {
    Box::new(FailingLines { lines, fails: true, is_broken: false })
}

/// There only while they are taken out.
#[derive(Debug)]
pub(super) struct NoLines;

impl LineStore for NoLines {
    fn read(&mut self) -> Result<Vec<u8>, LineStoreError> {
        unreachable!()
    }

    fn can_append(&self) -> bool {
        unreachable!()
    }

    fn append(&mut self, _: &[u8]) -> Result<(), LineStoreError> {
        unreachable!()
    }

    fn replace(&mut self, _: &[u8]) -> Result<(), LineStoreError> {
        unreachable!()
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

#[derive(Debug)]
struct FailingLines {
    lines: Box<dyn LineStore>,
    fails: bool,
    is_broken: bool,
}

impl LineStore for FailingLines {
    fn read(&mut self) -> Result<Vec<u8>, LineStoreError> {
        self.lines.read()
    }

    fn can_append(&self) -> bool {
        !self.is_broken && self.lines.can_append()
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), LineStoreError> {
        assert!(!self.is_broken, "appended after a write that failed");
        if std::mem::take(&mut self.fails) {
            self.is_broken = true;
            // As one whose answer was lost.
            self.lines.append(lines)?;
            return Err(LineStoreError::Io { place: self.place(), error: "broken".to_owned() });
        }
        self.lines.append(lines)
    }

    fn replace(&mut self, text: &[u8]) -> Result<(), LineStoreError> {
        self.is_broken = false;
        self.lines.replace(text)
    }

    fn place(&self) -> String {
        self.lines.place()
    }
}

fn open(directory: &TempDir, max_events: usize) -> Quarantine {
    Quarantine::open(lines(&directory.path().join("quarantine")), bounds(max_events)).unwrap()
}

fn add(quarantine: &Quarantine, raws: &[&str]) -> Vec<u64> {
    let ids = quarantine.add(raws.iter().map(|raw| event(raw)).collect()).unwrap();
    ids.iter().map(|id| id.0).collect()
}

fn raws(quarantine: &Quarantine) -> Vec<String> {
    quarantine
        .list(None, None, usize::MAX)
        .entries
        .iter()
        .map(|e| e.event.raw.text.clone())
        .collect()
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
    let before = quarantine.list(None, None, 10);
    drop(quarantine);
    let quarantine = open(&directory, 10);
    assert_eq!(quarantine.list(None, None, 10), before);
    assert_eq!(before.entries[0].event, event("a"));
    assert_eq!(add(&quarantine, &["c"]), [3], "the number of a deleted entry is not given again");
    assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
}

#[test]
fn the_list_is_read_in_parts() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["a", "b", "c"]);
    let page = quarantine.list(None, None, 2);
    assert_eq!((page.entries.len(), page.has_more, page.total), (2, true, 3));
    let page = quarantine.list(Some(page.entries[1].id), None, 2);
    assert_eq!((page.entries[0].event.raw.text.as_str(), page.has_more), ("c", false));
    assert!(quarantine.list(Some(QuarantineId(99)), None, 2).entries.is_empty());
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
    let quarantine = Quarantine::open(lines(&directory.path().join("other")), settings).unwrap();
    add(&quarantine, &[&"x".repeat(900), &"y".repeat(900), "z"]);
    assert_eq!(quarantine.list(None, None, 10).total, 2);
    add(&quarantine, &[&"w".repeat(5000)]);
    assert_eq!(quarantine.list(None, None, 10).total, 0, "too large by itself");
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
        assert_eq!(next, [2], "an entry that no client has seen leaves its number");
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
        r#"{"format":"merganser-quarantine","version":3,"next":1}"#,
        r#"{"format":"something-else","version":1,"next":1}"#,
        r#"{"other":1}"#,
    ] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("quarantine");
        fs::create_dir(&path).unwrap();
        let line = format!("{:08x} {header}\n", crc32c::crc32c(header.as_bytes()));
        fs::write(path.join("quarantine.jsonl"), line).unwrap();
        let error = Quarantine::open(lines(&path), bounds(10)).unwrap_err();
        assert!(matches!(&error, QuarantineError::Format(_)), "{error}");
        assert!(error.to_string().contains("quarantine.jsonl"), "{error}");
    }
}

#[test]
fn the_file_is_the_one_that_the_documentation_describes() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["nope"]);
    add(&quarantine, &["nope", "nope"]);
    quarantine.add(vec![QuarantinedEvent { raw: RawText::new(b"long", 2), ..event("") }]).unwrap();
    quarantine.delete(QuarantineId(1)).unwrap();
    let text = fs::read_to_string(file_of(&directory)).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| &line[9..]).collect();
    assert_eq!(
        lines,
        [
            r#"{"format":"merganser-quarantine","version":2,"next":1}"#,
            concat!(
                r#"{"add":{"id":"q-1","received":1795000000000000,"kind":"invalid","#,
                r#""code":"malformed_event","message":"the event is not JSON","index":3,"#,
                r#""raw":"nope","raw_truncated":false}}"#,
            ),
            r#"{"again":{"id":"q-1","count":2,"received":1795000000000000}}"#,
            concat!(
                r#"{"add":{"id":"q-2","received":1795000000000000,"kind":"invalid","#,
                r#""code":"malformed_event","message":"the event is not JSON","index":3,"#,
                r#""raw":"lo","raw_truncated":true,"raw_digest":13532211793964351177}}"#,
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
    for n in 0..40 {
        let raws: Vec<_> = (0..10).map(|i| format!("{n}-{i}{}", "x".repeat(60_000))).collect();
        add(&quarantine, &raws.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let size = fs::metadata(file_of(&directory)).unwrap().len();
    assert!(size < 8 << 20, "{size} bytes for 20 entries of 60 kB");
    assert_eq!(open(&directory, 20).list(None, None, 100).total, 20);
}

#[test]
fn after_a_failed_write_nothing_is_kept_and_the_next_goes_to_a_new_file() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    add(&quarantine, &["a"]);
    quarantine.break_for_tests();
    let error = quarantine.add(vec![event("b")]).unwrap_err();
    assert!(matches!(error, QuarantineError::Lines(_)), "{error}");
    assert_eq!(raws(&quarantine), ["a"]);
    add(&quarantine, &["c"]);
    assert_eq!(raws(&quarantine), ["a", "c"]);
    assert_eq!(raws(&open(&directory, 10)), ["a", "c"]);
}

#[test]
fn raw_text_is_cut_between_characters() {
    let raw_of = |bytes: &[u8], max| {
        let raw = RawText::new(bytes, max);
        (raw.text, raw.is_truncated, raw.digest.is_some())
    };
    assert_eq!(raw_of(b"abc", 3), ("abc".to_owned(), false, false));
    assert_eq!(raw_of(b"abcd", 3), ("abc".to_owned(), true, true));
    assert_eq!(raw_of("aé".as_bytes(), 2), ("a".to_owned(), true, true));
    assert_eq!(raw_of(b"a\xffb", 9), ("a\u{fffd}b".to_owned(), false, true));
    assert_eq!(raw_of(b"", 9), (String::new(), false, false));
}

#[test]
fn a_wrong_file_does_not_push_out_what_was_refused_for_other_reasons() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    let real = ["invalid_time", "invalid_time", "conflict", "duplicate_property"];
    let real: Vec<_> = (0..).zip(real).map(|(n, code)| coded(code, &format!("real {n}"))).collect();
    quarantine.add(real).unwrap();
    let lines: Vec<_> = (0..20_001).map(|n| format!("{n},x,y")).collect();
    for part in lines.chunks(5_000) {
        add(&quarantine, &part.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let check = |quarantine: &Quarantine| {
        let kept = raws(quarantine);
        assert_eq!(kept[..4], ["real 0", "real 1", "real 2", "real 3"]);
        assert_eq!(kept[4..], lines[19_995..]);
        let page = quarantine.list(None, None, 0);
        let total = |entries, dropped| CodeTotal { entries, dropped };
        let expected = [
            ("conflict", total(1, 0)),
            ("duplicate_property", total(1, 0)),
            ("invalid_time", total(2, 0)),
            ("malformed_event", total(6, 19_995)),
        ];
        let codes: Vec<_> = page.codes.iter().map(|(code, total)| (&**code, *total)).collect();
        assert_eq!((page.total, codes), (10, expected.to_vec()));
        let some = quarantine.list(None, Some("invalid_time"), 1);
        assert_eq!((some.entries.len(), some.has_more), (1, true));
        let rest = quarantine.list(Some(some.entries[0].id), Some("invalid_time"), 1);
        assert_eq!((&*rest.entries[0].event.raw.text, rest.has_more), ("real 1", false));
        assert!(quarantine.list(None, Some("other"), 9).entries.is_empty());
    };
    check(&quarantine);
    drop(quarantine);
    let quarantine = open(&directory, 10);
    check(&quarantine);
    // The file as it is after it was replaced says the same.
    quarantine.break_for_tests();
    quarantine.add(vec![event("new")]).unwrap_err();
    quarantine.add(vec![coded("invalid_time", "real 1")]).unwrap();
    check(&quarantine);
    check(&open(&directory, 10));
    // When many are there of several kinds, none has more than its share.
    for n in 0..50 {
        quarantine.add(vec![coded("invalid_time", &format!("late {n}"))]).unwrap();
    }
    let codes = quarantine.list(None, None, 0).codes;
    let shares = ["malformed_event", "invalid_time"].map(|code| codes[code].entries);
    assert_eq!(shares, [4, 4], "{codes:?}");
}

#[test]
fn a_code_of_large_entries_leaves_room_for_others() {
    let directory = TempDir::new().unwrap();
    let settings = QuarantineSettings { max_events: 100, max_bytes: 10_000 };
    let path = directory.path().join("quarantine");
    let quarantine = Quarantine::open(lines(&path), settings.clone()).unwrap();
    for n in 0..5 {
        quarantine.add(vec![coded("invalid_time", &format!("small {n}"))]).unwrap();
    }
    for n in 0..50 {
        quarantine.add(vec![coded("event_too_large", &format!("{n}{}", "x".repeat(900)))]).unwrap();
    }
    let codes = quarantine.list(None, None, 0).codes;
    assert_eq!(codes["invalid_time"].entries, 5);
    assert!((5..9).contains(&codes["event_too_large"].entries), "{codes:?}");
    assert_eq!(Quarantine::open(lines(&path), settings).unwrap().list(None, None, 0).codes, codes);
}

#[test]
fn an_event_that_comes_again_is_counted_and_not_kept_twice() {
    let directory = TempDir::new().unwrap();
    let quarantine = open(&directory, 10);
    assert_eq!(add(&quarantine, &["a", "b", "a"]), [1, 2, 1]);
    assert_eq!(add(&quarantine, &["c", "a", "a", "c"]), [3, 1, 1, 3]);
    let later = Timestamp(1_795_000_000_000_001);
    let again = QuarantinedEvent { received: later, ..event("b") };
    assert_eq!(quarantine.add(vec![again]).unwrap(), [QuarantineId(2)]);
    // The same text for another reason, and texts that differ only where they are not shown.
    let cut = |bytes: &[u8]| QuarantinedEvent { raw: RawText::new(bytes, 1), ..event("") };
    let others = vec![coded("invalid_time", "a"), cut(b"ab"), cut(b"ac"), cut(b"ab")];
    let ids = quarantine.add(others).unwrap();
    assert_eq!(ids, [4, 5, 6, 5].map(QuarantineId));
    let check = |quarantine: &Quarantine| {
        let page = quarantine.list(None, None, 10);
        let counts: Vec<_> = page.entries.iter().map(|entry| entry.count).collect();
        assert_eq!(counts, [4, 2, 2, 1, 2, 1]);
        let second = quarantine.get(QuarantineId(2)).unwrap();
        assert_eq!(
            (second.event.received, second.last_received),
            (event("").received, Some(later))
        );
    };
    check(&quarantine);
    check(&open(&directory, 10));
    // What was deleted is new when it comes again.
    let quarantine = open(&directory, 10);
    quarantine.delete(QuarantineId(1)).unwrap();
    assert_eq!(add(&quarantine, &["a"]), [7]);
    assert!(quarantine.get(QuarantineId(1)).is_none());
}

/// As version 0.9 and earlier wrote it: format 1.
#[test]
fn a_file_of_the_first_format_is_read_and_taken_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("quarantine");
    fs::create_dir(&path).unwrap();
    let first = concat!(
        "d75a7685 {\"format\":\"merganser-quarantine\",\"version\":1,\"next\":1}\n",
        "e8d5ad3c {\"add\":{\"id\":\"q-1\",\"received\":1795000000000000,\"kind\":\"invalid\",",
        "\"code\":\"malformed_event\",\"message\":\"the event is not JSON\",\"index\":3,",
        "\"raw\":\"nope\",\"raw_truncated\":false}}\n",
        "96919abd {\"add\":{\"id\":\"q-2\",\"received\":1795000000000000,\"kind\":\"invalid\",",
        "\"code\":\"malformed_event\",\"message\":\"the event is not JSON\",\"index\":3,",
        "\"raw\":\"yes\",\"raw_truncated\":true}}\n",
        "db5c9743 {\"delete\":\"q-2\"}\n",
    );
    fs::write(path.join("quarantine.jsonl"), first).unwrap();
    let quarantine = open(&directory, 10);
    assert_eq!(raws(&quarantine), ["nope"]);
    let text = fs::read_to_string(file_of(&directory)).unwrap();
    let header = r#" {"format":"merganser-quarantine","version":2,"next":3}"#;
    assert!(text.lines().next().unwrap().ends_with(header), "{text}");
    assert_eq!(add(&quarantine, &["nope", "new"]), [1, 3]);
    assert_eq!(raws(&open(&directory, 10)), ["nope", "new"]);
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
        let quarantine = Quarantine::open(lines(&path), bounds(10)).unwrap();
        let found = raws(&quarantine);
        prop_assert!(found.iter().all(|raw| names.contains(raw)), "{:?}", found);
        prop_assert!(is_cut || found.len() + 2 >= count);
    }
}
