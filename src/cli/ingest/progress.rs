//! How far sending has come: what is certain, and what is not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use indicatif::HumanCount;

use super::super::text::{events_have, pluralize};
use super::is_stdin;
use super::totals::UploadTotals;

/// How far sending has come.
#[derive(Debug, Default)]
pub(super) struct UploadProgress {
    /// What the server did.
    pub(super) totals: UploadTotals,
    /// The file at hand.
    at: Option<FilePosition>,
    /// Lines that the server may have, since their request was sent and no answer came.
    unanswered: Option<UnansweredLines>,
}

#[derive(Debug)]
struct FilePosition {
    file: PathBuf,
    /// The line up to which everything has its verdict.
    line: u64,
}

/// Lines of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnansweredLines {
    /// The first.
    pub(super) first: u64,
    /// The last.
    pub(super) last: u64,
    /// How many events of them would be stored once more if they were sent again.
    pub(super) unsafe_events: u64,
}

impl UnansweredLines {
    fn lines(self) -> String {
        let (first, last) = (HumanCount(self.first), HumanCount(self.last));
        match self.first == self.last {
            true => format!("line {first}"),
            false => format!("lines {first} to {last}"),
        }
    }
}

impl UploadProgress {
    /// A file is begun, or gone on with behind a line.
    pub(super) fn begin(&mut self, file: &Path, line: u64) {
        self.unanswered = None;
        self.at = Some(FilePosition { file: file.to_owned(), line });
    }

    /// A request is on its way.
    pub(super) fn set_in_flight(&mut self, lines: UnansweredLines) {
        self.unanswered = Some(lines);
    }

    /// The server surely has nothing of it.
    pub(super) fn clear_in_flight(&mut self) {
        self.unanswered = None;
    }

    /// All up to a line has its verdict.
    pub(super) fn set_acknowledged(&mut self, line: u64) {
        self.unanswered = None;
        if let Some(at) = &mut self.at {
            at.line = line;
        }
    }

    /// What is waited for.
    pub(super) fn unanswered(&self) -> Option<String> {
        self.unanswered.map(UnansweredLines::lines)
    }

    /// What is certain and what is not, and what to do to go on with `command`.
    pub(super) fn interruption_note(&self, command: &str) -> String {
        let Some(at) = &self.at else {
            return format!("nothing was sent; {}", rerun_hint(command));
        };
        let name = at.file.display();
        let events = pluralize(self.totals.sent(), "event");
        let certain = match at.line {
            0 => format!("of `{name}` nothing is acknowledged"),
            line => format!("`{name}` is acknowledged up to line {}", HumanCount(line)),
        };
        let rest = match self.unanswered {
            None => "nothing behind that was stored".to_owned(),
            Some(lines) => {
                let is_safe = match lines.unsafe_events {
                    0 => "sending them again is safe, since all have an `id`".to_owned(),
                    count => format!(
                        "{} no `id`, so that sending them again may store these twice",
                        events_have(count)
                    ),
                };
                format!(
                    "{} may be stored, since no answer came; {is_safe}; nothing behind that was \
                     stored",
                    lines.lines()
                )
            }
        };
        let next = match is_stdin(&at.file) {
            true => format!(
                "what stdin had from line {} on is to be sent again",
                HumanCount(at.line + 1)
            ),
            false => rerun_hint(command),
        };
        format!("{events} acknowledged; {certain}; {rest}; {next}")
    }
}

fn rerun_hint(command: &str) -> String {
    format!("run the same command again to go on: {command}")
}

/// A command as it is typed, but for what is secret.
pub(super) fn redacted_command(arguments: impl Iterator<Item = OsString>) -> String {
    let mut words = Vec::new();
    let mut is_secret = false;
    for (at, argument) in arguments.enumerate() {
        let argument = argument.to_string_lossy();
        let word = match argument.strip_prefix("--key=") {
            _ if at == 0 => "merganser".to_owned(),
            _ if std::mem::take(&mut is_secret) => "KEY".to_owned(),
            Some(_) => "--key=KEY".to_owned(),
            None => shell_quoted(&argument),
        };
        is_secret = argument == "--key";
        words.push(word);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_separates_acknowledged_events_from_unknown_ones() {
        let mut standing = UploadProgress::default();
        assert!(
            standing
                .interruption_note("c")
                .starts_with("nothing was sent; run the same command again")
        );
        standing.begin(Path::new("f"), 0);
        let note = standing.interruption_note("c");
        assert!(note.contains("of `f` nothing is acknowledged; nothing behind that"), "{note}");
        standing.set_in_flight(UnansweredLines { first: 1, last: 5, unsafe_events: 0 });
        standing.set_acknowledged(5);
        let note = standing.interruption_note("c");
        assert!(note.contains("`f` is acknowledged up to line 5; nothing behind"), "{note}");
        let mut sent = |unsafe_events| {
            standing.set_in_flight(UnansweredLines { first: 6, last: 6, unsafe_events });
            standing.interruption_note("c")
        };
        assert!(sent(0).contains("line 6 may be stored, since no answer came; sending them again"));
        assert!(sent(1).contains("1 event has no `id`, so that"));
        standing.clear_in_flight();
        assert!(!standing.interruption_note("c").contains("may be"));
        standing.begin(Path::new("-"), 7);
        let note = standing.interruption_note("c");
        assert!(note.ends_with("what stdin had from line 8 on is to be sent again"), "{note}");
    }

    #[test]
    fn a_command_is_shown_as_it_is_typed_and_without_its_key() {
        let shown = |words: &[&str]| redacted_command(words.iter().map(OsString::from));
        assert_eq!(
            shown(&["/bin/m", "ingest", "a b", "--key", "s"]),
            "merganser ingest 'a b' --key KEY"
        );
        assert_eq!(shown(&["m", "--key=s", "it's", ""]), "merganser --key=KEY 'it'\\''s' ''");
    }
}
