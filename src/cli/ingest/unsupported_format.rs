//! What a source without events looks like, so that a wrong file is refused before it is sent.

use merganser_core::text::excerpt;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// What files of other kinds begin with.
const BEGINNINGS: &[(&[u8], &str, &str)] = &[
    (b"PAR1", "a Parquet file", NAMED),
    (b"ARROW1", "an Arrow file", NAMED),
    (b"\xff\xff\xff\xff", "an Arrow stream", NAMED),
    (b"\x1f\x8b", "gzip within gzip or zstd", UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd within gzip or zstd", UNPACK),
    (b"PK\x03\x04", "a zip archive or an Excel file", UNPACK),
    (b"BZh", "bzip2", UNPACK),
    (b"\xfd7zXZ\0", "xz", UNPACK),
    (b"\x04\x22\x4d\x18", "lz4", UNPACK),
    (b"Obj\x01", "an Avro file", LINES),
    (b"ORC", "an ORC file", LINES),
    (b"SQLite format 3\0", "an SQLite database", LINES),
    (b"%PDF", "a PDF file", LINES),
    (b"\xff\xfe", "text in UTF-16", "UTF-8 is right: `iconv -f UTF-16 -t UTF-8 FILE`"),
    (b"\xfe\xff", "text in UTF-16", "UTF-8 is right: `iconv -f UTF-16 -t UTF-8 FILE`"),
];

const LINES: &str =
    "one JSON object a line is right, as {\"event\":\"purchase\",\"properties\":{}}";
const NAMED: &str = "a file of columns is read as one where its name ends with .parquet or .arrow";
const UNPACK: &str = "unpack it first; plain text, gzip and zstd are read";

/// A kind of file that holds no lines of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnsupportedFormat {
    like: String,
    /// What would be right.
    cure: String,
}

impl fmt::Display for UnsupportedFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it looks like {}, not like events, and nothing of it was sent; {}",
            self.like, self.cure
        )
    }
}

impl UnsupportedFormat {
    fn like(what: impl Into<String>, cure: &str) -> Option<Self> {
        Some(Self { like: what.into(), cure: cure.to_owned() })
    }

    /// By the first bytes of a source, decompressed.
    pub(super) fn of_start(start: &[u8]) -> Option<Self> {
        let known = BEGINNINGS.iter().find(|(bytes, ..)| start.starts_with(bytes));
        if let Some((_, what, cure)) = known {
            return Self::like(*what, cure);
        }
        match start.contains(&0) {
            true => Self::like("a binary file", LINES),
            false => None,
        }
    }

    /// By the lines of a first request, none of which is a JSON object; `None` where one is.
    pub(super) fn of_lines<'a, I: Iterator<Item = &'a [u8]>>(
        lines: impl Fn() -> I,
    ) -> Option<Self> {
        let lines = || lines().filter(|line| !line.trim_ascii().is_empty());
        let text = String::from_utf8_lossy(lines().next()?).trim().to_owned();
        let first = text.trim_start_matches('\u{feff}');
        // What goes on in the next line is no line of events, whatever else looks like one.
        let is_complete = || serde_json::from_str::<IgnoredAny>(first).is_ok();
        let goes_on = first == "{" || (first.starts_with('[') && !is_complete());
        if !goes_on && lines().any(is_object) {
            return None;
        }
        if first.starts_with('[') {
            let cure = "one event a line is right: `jq -c '.[]' FILE` writes an array so";
            return Self::like("a JSON array", cure);
        }
        if first.starts_with('{') {
            let cure = "one event a line is right: `jq -c . FILE` writes JSON so";
            return Self::like("JSON with objects over several lines", cure);
        }
        if first.starts_with('<') {
            return Self::like("XML or HTML", LINES);
        }
        let rows: Vec<_> = lines().take(20).map(String::from_utf8_lossy).collect();
        if let Some(columns) = columns(&rows) {
            let what = format!("CSV with the header `{}` ({columns} columns)", excerpt(first));
            let cure = "it is read as CSV where its name ends with .csv; else one JSON object a \
                        line is right";
            return Self::like(what, cure);
        }
        Self::like(format!("text; it begins with `{}`", excerpt(first)), LINES)
    }
}

/// Columns of what looks like CSV: as many in each line, and more than one.
fn columns(rows: &[impl AsRef<str>]) -> Option<usize> {
    [',', ';', '\t', '|'].into_iter().find_map(|separator| {
        let mut counts = rows.iter().map(|row| count_fields(row.as_ref(), separator));
        let first = counts.next().filter(|columns| *columns > 1)?;
        counts.all(|columns| columns == first).then_some(first)
    })
}

fn count_fields(row: &str, separator: char) -> usize {
    let mut is_quoted = false;
    let is_end = |c: &char| {
        is_quoted ^= *c == '"';
        *c == separator && !is_quoted
    };
    row.chars().filter(is_end).count() + 1
}

/// Whether a line is a JSON object, whatever is in it.
fn is_object(line: &[u8]) -> bool {
    struct AnyObject;

    impl<'de> Visitor<'de> for AnyObject {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(self)
        }
    }

    impl<'de> Deserialize<'de> for AnyObject {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Self)
        }
    }

    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    serde_json::from_slice::<AnyObject>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(body: &str) -> Option<String> {
        UnsupportedFormat::of_lines(|| body.as_bytes().split(|byte| *byte == b'\n'))
            .map(|looks| looks.like)
    }

    #[test]
    fn the_error_of_a_file_without_events_says_what_it_looks_like() {
        for (body, what) in [
            ("id,amount\n1,2\n3,4\n", "CSV with the header `id,amount` (2 columns)"),
            ("a;b;c\n\"x;y\";2;3\n", "CSV with the header `a;b;c` (3 columns)"),
            ("\u{feff}a\tb\r\n1\t2\r\n", "CSV with the header `a\tb` (2 columns)"),
            ("[\n{\"event\":\"x\"},\n", "a JSON array"),
            ("[{\"event\":\"x\"},{\"event\":\"y\"}]", "a JSON array"),
            ("[{\"event\":\"x\"},\n{\"event\":\"y\"}\n]\n", "a JSON array"),
            ("{\n  \"event\": \"x\"\n}\n", "JSON with objects over several lines"),
            ("<html>\n<body>\n", "XML or HTML"),
            ("one, two\nthree\n", "text; it begins with `one, two`"),
            ("42\n", "text; it begins with `42`"),
        ] {
            assert_eq!(like(body).as_deref(), Some(what), "{body}");
        }
        let long = format!("{}\n", "x".repeat(500));
        assert!(like(&long).unwrap().len() < 120);
        // One object is enough: the others get their verdicts.
        for body in [
            "a,b\n1,2\n{\"event\":\"x\"}\n",
            "{}\n",
            "[1]\n{}\n",
            "\u{feff}{\"a\":[1]} \nno\n",
            "",
            "\n \n",
        ] {
            assert_eq!(like(body), None, "{body}");
        }
    }

    #[test]
    fn other_files_are_recognized_by_their_first_bytes() {
        let like = |start: &[u8]| UnsupportedFormat::of_start(start).map(|looks| looks.like);
        assert_eq!(like(b"PAR1\x15\x04").as_deref(), Some("a Parquet file"));
        assert_eq!(like(b"ARROW1\0\0").as_deref(), Some("an Arrow file"));
        assert_eq!(like(b"\xff\xff\xff\xff\x10").as_deref(), Some("an Arrow stream"));
        assert_eq!(like(b"\xff\xfe{\0").as_deref(), Some("text in UTF-16"));
        assert_eq!(like(b"\x7fELF\x02\0").as_deref(), Some("a binary file"));
        assert_eq!(like(b"{\"event\":\"x\"}\n"), None);
        assert_eq!(like(b""), None);
        let said = UnsupportedFormat::of_start(b"\x1f\x8b\x08").unwrap().to_string();
        assert!(said.contains("gzip within") && said.contains("unpack it"), "{said}");
    }
}
