//! Functions and their lengths, found by rustfmt's layout: a function ends with the first `}` that
//! stands as far in as its `fn` line began.

use crate::source::Source;

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Where it begins.
    pub(crate) line: usize,
    /// From the line of `fn` to its closing brace.
    pub(crate) lines: usize,
}

/// All functions with a body, but for the tests of a file.
pub(crate) fn all(source: &Source) -> Vec<Function> {
    let lines: Vec<(usize, &str)> = source.code_lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(i, (n, line))| {
        let indent = line.len() - line.trim_start().len();
        Some((i, *n, indent, name(line.trim_start())?))
    });
    let functions = starts.filter_map(|(i, line, indent, name)| {
        if lines[i].1.ends_with('}') {
            return Some(Function { name, line, lines: 1 });
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let body = lines[i..].iter().take_while(|(_, l)| !is_without_body(l, indent));
        let end = body.clone().position(|(_, l)| *l == closing)?;
        Some(Function { name, line, lines: end + 1 })
    });
    functions.collect()
}

/// A trait's function without a body ends with `;` before any line closes it.
fn is_without_body(line: &str, indent: usize) -> bool {
    let at_own_indent = line.len() - line.trim_start().len() == indent;
    at_own_indent && line.ends_with(';') && !line.contains('{')
}

fn name(line: &str) -> Option<String> {
    let mut rest = line;
    if let Some(restricted) = rest.strip_prefix("pub(") {
        rest = restricted.split_once(") ")?.1;
    }
    let words = ["pub ", "const ", "async "];
    while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    let name = rest.strip_prefix("fn ")?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn lengths_are_counted_from_the_name_to_the_brace() {
    let text = "trait T {\n    fn none(&self);\n    fn some(&self) {\n        x\n    }\n}\n\
                pub(crate) async fn long(\n    a: u8,\n) -> u8 {\n    if a {\n    }\n    a\n}\n\
                pub(in crate::x) fn empty() {}\n";
    let source = Source { path: "src/x.rs".into(), text: text.into(), is_test: false };
    let found: Vec<(String, usize, usize)> =
        all(&source).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(found, [("some".into(), 3, 3), ("long".into(), 7, 7), ("empty".into(), 14, 1)]);
}
