//! How the top-level modules of a crate import each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// Module by module, which other ones of the crate it names.
pub(crate) type Imports = BTreeMap<String, BTreeSet<String>>;

/// The imports of every crate, by the folder of its sources; tests are left out.
pub(crate) fn imports(sources: &[Source]) -> BTreeMap<String, Imports> {
    let mut crates: BTreeMap<String, Imports> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        let Some((root, module)) = place(&source.path) else { continue };
        let found = source.code_lines().flat_map(|(_, line)| named(line));
        let found = found.filter(|other| *other != module).map(str::to_owned);
        let modules = crates.entry(root.to_owned()).or_default();
        modules.entry(module.to_owned()).or_default().extend(found);
    }
    for modules in crates.values_mut() {
        let known: BTreeSet<String> = modules.keys().cloned().collect();
        modules.values_mut().for_each(|named| named.retain(|other| known.contains(other)));
    }
    crates
}

/// The folder of a crate's sources, and the top-level module that a file belongs to.
fn place(path: &str) -> Option<(&str, &str)> {
    let (root, rest) = match path.strip_prefix("src/") {
        Some(rest) => ("src", rest),
        None => {
            let at = path.find("/src/")?;
            (&path[..at + 4], &path[at + 5..])
        }
    };
    let module = rest.split('/').next()?.trim_end_matches(".rs");
    (!matches!(module, "lib" | "main")).then_some((root, module))
}

/// What a line of code names of its crate's root: `crate::name`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        (!name.is_empty()).then_some(name)
    })
}

/// A way from a module back to itself, if there is one: the shortest of the first module that has
/// one.
pub(crate) fn circle(modules: &Imports) -> Option<Vec<&str>> {
    modules.keys().find_map(|start| {
        let mut ways: Vec<Vec<&str>> = vec![vec![start]];
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut at = 0;
        while at < ways.len() {
            let way = ways[at].clone();
            at += 1;
            for next in way.last().and_then(|last| modules.get(*last)).into_iter().flatten() {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next) {
                    ways.push(way.iter().copied().chain([&**next]).collect());
                }
            }
        }
        None
    })
}

#[test]
fn circles_are_found_by_what_modules_name() {
    let source = |path: &str, text: &str| Source {
        path: path.into(),
        text: text.into(),
        is_test: path.contains("tests"),
    };
    let mut sources = vec![
        source("x/src/lib.rs", "mod a;\nuse crate::a::A;\n"),
        source("x/src/a.rs", "use crate::b::B; // crate::c\n"),
        source("x/src/b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n"),
        source("x/src/b/deep.rs", "fn f() {\n    crate::c::g();\n}\n"),
        source("x/src/c/tests.rs", "use crate::a::A;\n"),
        source("src/c.rs", "use crate::a::A;\n"),
    ];
    assert_eq!(circle(&imports(&sources)["x/src"]), None);
    sources.push(source("x/src/c.rs", "pub(crate) use crate::a::A;\n"));
    assert_eq!(circle(&imports(&sources)["x/src"]), Some(vec!["a", "b", "c"]));
}
