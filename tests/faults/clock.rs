//! Wall clocks that are wrong, by libfaketime. How time goes on is as ever.

use std::path::PathBuf;

/// The library, where Debian and others have it.
fn library() -> String {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = places.map(|place| PathBuf::from(place).join("faketime/libfaketime.so.1"));
    let found = found.into_iter().find(|path| path.exists());
    found.expect("install libfaketime; scripts/test does").display().to_string()
}

/// What a process has to find in its environment for its clock to be wrong by so many seconds.
pub(crate) fn set_wrong(by_s: i64) -> Vec<(String, String)> {
    let pairs = [
        ("LD_PRELOAD", library()),
        ("FAKETIME", format!("{by_s:+}s")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}
