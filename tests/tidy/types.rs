//! Types and their names.

use crate::source::Source;

/// The structs, enums and traits that a file defines, but for its tests.
pub(crate) fn names(source: &Source) -> Vec<&str> {
    if source.is_test {
        return Vec::new();
    }
    source.code_lines().filter_map(|(_, line)| name(line.trim_start())).collect()
}

fn name(line: &str) -> Option<&str> {
    let mut rest = line;
    if let Some(restricted) = rest.strip_prefix("pub(") {
        rest = restricted.split_once(") ")?.1;
    }
    rest = rest.strip_prefix("pub ").unwrap_or(rest);
    let rest = ["struct ", "enum ", "trait "].iter().find_map(|word| rest.strip_prefix(word))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn names_are_found_whatever_their_visibility() {
    let text = "pub struct One;\n    pub(in crate::x) enum Two<'a> {\n}\ntrait Three: Send {\n}\n\
                fn struct_like() {}\n#[cfg(test)]\nmod tests {\n    struct Four;\n}\n";
    let source = Source { path: "src/x.rs".into(), text: text.into(), is_test: false };
    assert_eq!(names(&source), ["One", "Two", "Three"]);
}
