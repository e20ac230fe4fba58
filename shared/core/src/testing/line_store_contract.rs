//! What every store of lines promises, as one suite.

use crate::line_store::LineStore;

/// Opens handles on one store, each as another process would.
type Open<'a> = dyn Fn() -> Box<dyn LineStore> + 'a;

/// Checks all rules; `fresh` makes what opens handles on a store that is empty.
///
/// # Panics
/// When one is broken.
pub fn check_line_store(fresh: &dyn Fn() -> Box<Open<'static>>) {
    keeps_lines_in_order(&*fresh());
    replaces_everything(&*fresh());
    counts_many_small_lines(&*fresh());
    ignores_handles_of_before(&*fresh());
}

fn read(open: &Open<'_>) -> String {
    let text = open().read();
    text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_else(|e| e.to_string())
}

/// A handle that has read everything, and has written it again if it must.
fn writer(open: &Open<'_>) -> Box<dyn LineStore> {
    let mut store = open();
    let text = store.read();
    assert!(text.is_ok(), "{text:?}");
    if !store.can_append() {
        assert_eq!(store.replace(&text.unwrap_or_default()), Ok(()));
    }
    assert!(store.can_append(), "after everything was replaced");
    store
}

fn keeps_lines_in_order(open: &Open<'_>) {
    assert_eq!(read(open), "", "a new store");
    let mut store = writer(open);
    for line in ["a\n", "b\nc\n", "d\n"] {
        assert_eq!(store.append(line.as_bytes()), Ok(()));
    }
    assert_eq!(read(open), "a\nb\nc\nd\n", "seen by another handle");
    drop(store);
    let mut store = writer(open);
    assert_eq!(store.append(b"e\n"), Ok(()));
    assert_eq!(read(open), "a\nb\nc\nd\ne\n", "after another start");
}

fn replaces_everything(open: &Open<'_>) {
    let mut store = writer(open);
    assert_eq!(store.append(b"a\nb\n"), Ok(()));
    assert_eq!(store.replace(b"b\n"), Ok(()));
    assert_eq!(read(open), "b\n");
    assert_eq!(store.append(b"c\n"), Ok(()));
    assert_eq!(read(open), "b\nc\n");
    assert_eq!(store.replace(b""), Ok(()));
    assert_eq!(read(open), "", "an empty text");
    assert_eq!(store.append(b"d\n"), Ok(()));
    assert_eq!(read(open), "d\n");
}

/// It says itself when it wants to be replaced.
fn counts_many_small_lines(open: &Open<'_>) {
    let mut store = writer(open);
    let mut expected = String::new();
    for number in 0..1_500 {
        let line = format!("{number}\n");
        expected += &line;
        let written = match store.can_append() {
            true => store.append(line.as_bytes()),
            false => store.replace(expected.as_bytes()),
        };
        assert_eq!(written, Ok(()));
    }
    assert_eq!(read(open), expected);
}

fn ignores_handles_of_before(open: &Open<'_>) {
    let mut old = writer(open);
    assert_eq!(old.append(b"a\n"), Ok(()));
    let mut new = open();
    assert_eq!(new.read().as_deref(), Ok(&b"a\n"[..]));
    assert_eq!(new.replace(b"a\nb\n"), Ok(()));
    // Whether it is told does not matter.
    let _ = old.append(b"late\n");
    let _ = old.append(b"later\n");
    assert_eq!(read(open), "a\nb\n");
    assert_eq!(new.append(b"c\n"), Ok(()));
    assert_eq!(read(open), "a\nb\nc\n");
}
