//! The sources of the workspace, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no source of ours.
const LEFT_OUT: [&str; 4] = ["target", "data", ".git", "node_modules"];

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// Whether all of it is tests, or what only tests use.
    pub(crate) is_test: bool,
}

impl Source {
    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// Lines before the tests that a file ends with.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let is_start = |i: &usize| {
            lines[*i] == "#[cfg(test)]"
                && lines[i + 1..]
                    .iter()
                    .find(|l| !l.starts_with("#["))
                    .is_some_and(|l| l.starts_with("mod ") || l.starts_with("pub(crate) mod "))
        };
        let end = (0..lines.len()).find(is_start).unwrap_or(lines.len());
        self.lines().take(end)
    }

    /// Files and folders of the modules that it declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.file_name() {
            "lib.rs" | "main.rs" => self.path.rsplit_once('/').map_or("", |(folder, _)| folder),
            _ => self.path.trim_end_matches(".rs"),
        };
        let lines: Vec<&str> = self.text.lines().collect();
        let is_for_tests =
            |line: &str| line == "#[cfg(test)]" || line.starts_with("#[cfg(any(test");
        let declared = lines.windows(2).filter(|pair| is_for_tests(pair[0]));
        let names = declared.filter_map(|pair| pair[1].split_once("mod ")?.1.strip_suffix(';'));
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    /// Whether Cargo runs it before the build.
    pub(crate) fn is_build_script(&self) -> bool {
        self.file_name() == "build.rs"
    }

    /// Its last part.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The member crate that it belongs to; none for the root package.
    pub(crate) fn krate(&self) -> Option<&str> {
        let (first, rest) = self.path.split_once('/')?;
        let is_member = rest.starts_with("src/") || rest.starts_with("tests/");
        (is_member && first != "tests").then_some(first)
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files, by path.
pub(crate) fn read_all() -> Vec<Source> {
    let root = workspace();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(files.len() > 20, "found only {} files in {}", files.len(), root.display());
    let source = |file: PathBuf| {
        let relative = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let path = relative.replace('\\', "/");
        let is_test = path.starts_with("tests/")
            || path.contains("/tests/")
            // Benchmarks fail as tests do; the loader is a program.
            || path.starts_with("benches/micro/");
        Source { path, text: fs::read_to_string(&file).unwrap(), is_test }
    };
    let mut sources: Vec<Source> = files.into_iter().map(source).collect();
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let path = source.path.trim_end_matches(".rs");
        let is_in = |module: &String| {
            path.strip_prefix(&**module)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        source.is_test |= modules.iter().any(is_in);
    }
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !LEFT_OUT.contains(&name) {
                collect(&path, files);
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}
