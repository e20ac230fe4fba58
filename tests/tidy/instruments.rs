//! Metrics for Prometheus: what the code makes it also describes, `docs/prometheus.md` lists it,
//! and what `deploy/` shows or alerts on is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::source::{read_all, workspace};

/// What names of Prometheus metrics begin with.
const PREFIX: &str = "merganser_";

/// What Prometheus adds to the names of histograms and summaries.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Names, with their types.
type InstrumentKinds = BTreeMap<String, &'static str>;

#[test]
fn prometheus_metrics_are_made_described_and_documented() {
    let sources = read_all();
    let (mut made, mut described) = (InstrumentKinds::new(), BTreeSet::new());
    for source in sources.iter().filter(|source| !source.is_test) {
        scan(&source.text, &mut made, &mut described);
    }
    let documented = documented(&read(&workspace().join("docs/prometheus.md")));
    let used = used(&workspace().join("deploy"));
    assert!(made.len() > 30 && used.len() > 30, "{} made, {} used", made.len(), used.len());

    let mut report = String::new();
    for (name, kind) in &made {
        if !described.contains(name) {
            writeln!(report, "  {name} is described nowhere in the code").unwrap();
        }
        match documented.get(name) {
            None => writeln!(report, "  {name} is not in docs/prometheus.md").unwrap(),
            Some(said) if said != kind => {
                writeln!(report, "  {name} is a {kind}, docs/prometheus.md has a {said}").unwrap();
            }
            Some(_) => {}
        }
        if name.ends_with("_total") != (*kind == "counter") {
            writeln!(report, "  {name}: counters end with _total, and only they").unwrap();
        }
    }
    report += &missing(&made, described.iter(), "a description");
    report += &missing(&made, documented.keys(), "docs/prometheus.md");
    report += &missing(&made, used.iter(), "deploy/");
    assert!(report.is_empty(), "\n{report}");
}

/// A line for each name that the code does not make.
fn missing<'a>(
    made: &InstrumentKinds,
    names: impl Iterator<Item = &'a String>,
    place: &str,
) -> String {
    let names = names.filter(|name| !is_made(made, name));
    names.map(|name| format!("  {name}, in {place}, is made nowhere\n")).collect()
}

fn is_made(made: &InstrumentKinds, name: &str) -> bool {
    let base = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    let kind = base.and_then(|base| made.get(base));
    made.contains_key(name) || kind.is_some_and(|kind| ["histogram", "summary"].contains(kind))
}

/// Adds the names that stand in a source: those made by a macro, and all others, as described.
fn scan(text: &str, made: &mut InstrumentKinds, described: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices(&format!("\"{PREFIX}")) {
        let name = name(&text[at + 1..]);
        // Only what is named after its unit has buckets; see `src/http/observe.rs`.
        let histogram = if name.ends_with("_seconds") { "histogram" } else { "summary" };
        let kinds = [("counter", "counter"), ("gauge", "gauge"), ("histogram", histogram)];
        let before = text[..at].trim_end();
        match kinds.into_iter().find(|(of, _)| is_call(before, of)) {
            Some((_, kind)) => {
                made.insert(name, kind);
            }
            None => {
                described.insert(name);
            }
        }
    }
}

/// Whether a text ends where the macro `of` is called.
fn is_call(text: &str, of: &str) -> bool {
    let before = text.strip_suffix("!(").and_then(|text| text.strip_suffix(of));
    before.is_some_and(|text| !text.ends_with("describe_"))
}

/// The name that a text begins with.
fn name(text: &str) -> String {
    let is_part = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    text.chars().take_while(is_part).collect()
}

/// The names of the tables, with their types.
fn documented(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter(|row| row.starts_with(PREFIX));
    rows.map(|row| (name(row), row.split('|').nth(1).unwrap().trim().to_owned())).collect()
}

/// Names anywhere in the files of a folder.
fn used(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(used(&path));
        } else {
            let text = read(&path);
            names.extend(text.match_indices(PREFIX).map(|(at, _)| name(&text[at..])));
        }
    }
    names
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn names_of_metrics_differ_from_their_descriptions() {
    let text = r#"
        counter!("merganser_a_total", "code" => code).increment(1);
        metrics::histogram!(
            "merganser_b_seconds",
            "mode" => mode
        );
        (histogram!("merganser_c"), gauge!("merganser_d"));
        describe_counter!("merganser_a_total", Unit::Count, "As");
        ("merganser_d", Unit::Count, "Ds"),
    "#;
    let (mut made, mut described) = (InstrumentKinds::new(), BTreeSet::new());
    scan(text, &mut made, &mut described);
    let expected = [
        ("merganser_a_total", "counter"),
        ("merganser_b_seconds", "histogram"),
        ("merganser_c", "summary"),
        ("merganser_d", "gauge"),
    ];
    assert_eq!(made, InstrumentKinds::from(expected.map(|(name, kind)| (name.to_owned(), kind))));
    let expected = ["merganser_a_total", "merganser_d"].map(str::to_owned);
    assert_eq!(described, BTreeSet::from(expected));
    let row = "| `merganser_d` | gauge | | ds | of a thing |\n| `outcome` | |\n";
    let expected = [("merganser_d".to_owned(), "gauge".to_owned())];
    assert_eq!(documented(row), BTreeMap::from(expected));
}
