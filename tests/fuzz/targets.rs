//! Fuzz targets: everything that Merganser reads and did not write itself a moment ago.
//!
//! A target takes any bytes, hands them to the service's public entry points, and panics where what
//! comes back is not what an oracle says, which shares no code with the service. `scripts/fuzz`
//! lets libFuzzer look for such bytes; the test below replays what it found, `corpus/<target>/`.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target fails by panicking")]

mod body;
mod filter;
mod journal;
mod json;
mod manifest;
mod query;

/// Takes an input, and panics where an oracle does not agree.
pub type Check = fn(&[u8]);

/// All targets by name.
pub const ALL: [(&str, Check); 5] = [
    ("body", body::check),
    ("filter", filter::check),
    ("journal", journal::check),
    ("manifest", manifest::check),
    ("query", query::check),
];

/// The target of this name.
#[must_use]
pub fn named(name: &str) -> Option<Check> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, check)| *check)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn inputs_of_mended_bugs_pass() {
        for (name, check) in ALL {
            let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
            let mut count = 0;
            for input in fs::read_dir(corpus).unwrap() {
                let path = input.unwrap().path();
                println!("{}", path.display());
                check(&fs::read(path).unwrap());
                count += 1;
            }
            assert!(count > 0, "the corpus of `{name}` is empty");
        }
    }
}
