//! House rules that a compiler does not check, held by reading the sources.
//!
//! A rule that nothing checks is no rule. Where a file has a good reason to break one, it is listed
//! in [`EXCEPTIONS`] with that reason. An exception that is no longer needed fails too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod functions;
mod instruments;
mod modules;
mod source;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use source::{Source, read_all, workspace};

/// Lines of a file, without its tests.
const FILE_MAX_LINES: usize = 400;
/// Lines of a function.
const FUNCTION_MAX_LINES: usize = 70;
/// Characters of a line.
const LINE_MAX_COLUMNS: usize = 100;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 4] = ["mod.rs", "utils.rs", "helpers.rs", "common.rs"];

const LAYERS: [&str; 3] = ["batch-layer", "speed-layer", "serving-layer"];

/// A rule, a file and why the one does not hold for the other.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Types that share their name with another, and why that does not mislead.
const SHARED_NAMES: &[(&str, &str)] = &[];

/// A breach of a rule: which rule, in which file, and what.
type Breach = (&'static str, String, String);

fn check(rule: &'static str, find: impl Fn(&Source) -> Vec<String>) {
    let breaches = read_all().into_iter().flat_map(|source| {
        let found = find(&source).into_iter();
        found.map(|what| (rule, source.path.clone(), what)).collect::<Vec<Breach>>()
    });
    let is_excepted =
        |path: &str| EXCEPTIONS.iter().any(|(r, file, _)| *r == rule && *file == path);
    let (excepted, breaches): (Vec<Breach>, Vec<Breach>) =
        breaches.partition(|(_, path, _)| is_excepted(path));

    let mut report = String::new();
    for (_, path, what) in &breaches {
        writeln!(report, "  {path}: {what}").unwrap();
    }
    let used: BTreeSet<&str> = excepted.iter().map(|(_, path, _)| &**path).collect();
    for (_, file, _) in EXCEPTIONS.iter().filter(|(r, file, _)| *r == rule && !used.contains(file))
    {
        writeln!(report, "  {file}: is excepted and need not be; remove it from the list").unwrap();
    }
    assert!(report.is_empty(), "\n{rule}:\n{report}");
}

#[test]
fn files_are_short() {
    check("files are short", |source| {
        let count = source.code_lines().count();
        let is_long = !source.is_test && count > FILE_MAX_LINES;
        is_long.then(|| format!("{count} lines, {FILE_MAX_LINES} at most")).into_iter().collect()
    });
}

#[test]
fn functions_are_short() {
    check("functions are short", |source| {
        let long = functions::all(source).into_iter().filter(|f| f.lines > FUNCTION_MAX_LINES);
        long.map(|f| format!("{} in line {} has {} lines", f.name, f.line, f.lines)).collect()
    });
}

#[test]
fn lines_fit_the_screen() {
    check("lines fit the screen", |source| {
        let wide = |line: &&(usize, &str)| line.1.chars().count() > LINE_MAX_COLUMNS;
        source.lines().filter(|line| wide(&line)).map(|(n, _)| format!("line {n}")).collect()
    });
}

#[test]
fn modules_say_what_they_are() {
    check("modules say what they are", |source| {
        let says = source.text.starts_with("//!") || source.is_build_script();
        (!says).then(|| "does not begin with //!".to_owned()).into_iter().collect()
    });
}

#[test]
fn files_are_named_after_what_they_hold() {
    check("files are named after what they hold", |source| {
        let empty = EMPTY_NAMES.contains(&source.file_name());
        empty.then(|| "says nothing".to_owned()).into_iter().collect()
    });
}

#[test]
fn layers_do_not_know_each_other() {
    check("layers do not know each other", |source| {
        let Some(own) = source.krate() else { return Vec::new() };
        let forbidden = LAYERS.iter().filter(|layer| **layer != own);
        let names = forbidden.map(|layer| format!("{}::", layer.replace('-', "_")));
        let names: Vec<String> = names.collect();
        let uses = |line: &str| names.iter().any(|name| line.contains(&**name));
        let lines = source.lines().filter(|(_, line)| uses(line));
        lines.map(|(n, line)| format!("line {n}: {}", line.trim())).collect()
    });
    for own in LAYERS.iter().chain(&["shared/core", "shared/metric", "shared/api"]) {
        let manifest = std::fs::read_to_string(workspace().join(own).join("Cargo.toml")).unwrap();
        for layer in LAYERS.iter().filter(|layer| *layer != own) {
            assert!(!manifest.contains(layer), "{own}/Cargo.toml names {layer}");
        }
    }
}

#[test]
fn only_compose_joins_the_layers() {
    check("only compose joins the layers", |source| {
        if source.krate().is_some() || !source.path.starts_with("src/") {
            return Vec::new();
        }
        // Settings are read by the layer that they are for.
        let places = ["src/compose.rs", "src/compose/", "src/settings/value.rs"];
        let is_compose = places.iter().any(|place| source.path.starts_with(place));
        let names = LAYERS.map(|layer| format!("{}::", layer.replace('-', "_")));
        let uses = |line: &str| !is_compose && names.iter().any(|name| line.contains(&**name));
        let lines = source.lines().filter(|(_, line)| uses(line));
        lines.map(|(n, line)| format!("line {n}: {}", line.trim())).collect()
    });
}

#[test]
fn top_level_modules_import_each_other_in_one_direction() {
    for (root, modules) in modules::imports(&read_all()) {
        let circle = modules::circle(&modules);
        assert!(circle.is_none(), "{root}: a circle of imports: {}", circle.unwrap().join(" → "));
    }
}

#[test]
fn a_type_name_means_one_type() {
    let sources = read_all();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &sources {
        types::names(source)
            .into_iter()
            .for_each(|n| places.entry(n).or_default().push(&source.path));
    }
    places.retain(|_, files| files.len() > 1);
    let excepted = |name: &str| SHARED_NAMES.iter().any(|(shared, _)| *shared == name);
    let mut report = String::new();
    for (name, files) in places.iter().filter(|(name, _)| !excepted(name)) {
        writeln!(report, "  {name}: {}", files.join(", ")).unwrap();
    }
    for (name, reason) in SHARED_NAMES {
        if !places.contains_key(name) || reason.len() < 20 {
            writeln!(report, "  {name}: is listed without need, or without a reason").unwrap();
        }
    }
    assert!(report.is_empty(), "\nnames that several types bear:\n{report}");
}

#[test]
fn no_todo_is_left_and_no_code_unwraps() {
    check("nothing is left to do and nothing unwraps", |source| {
        let banned = |line: &str| {
            let code = line.split("//").next().unwrap_or_default();
            let unwraps = code.contains(".unwrap()") && !source.is_test;
            unwraps || code.contains("todo!(") || code.contains("unimplemented!(")
        };
        let lines: Vec<(usize, &str)> = match source.is_test {
            true => source.lines().collect(),
            false => source.code_lines().collect(),
        };
        let lines = lines.into_iter().filter(|(_, line)| banned(line));
        let own = source.path.starts_with("tests/tidy/");
        lines.filter(|_| !own).map(|(n, line)| format!("line {n}: {}", line.trim())).collect()
    });
}

#[test]
fn every_exception_has_a_reason() {
    for (rule, file, reason) in EXCEPTIONS {
        assert!(reason.len() > 20, "{rule}, {file}: say why");
        assert!(workspace().join(file).exists(), "{rule}: {file} does not exist");
    }
}
