//! What a command prints: the result to stdout, everything else to stderr.
//!
//! A result is for people, or one JSON document and nothing else: the server's where it has one,
//! with every digit that it came with.

mod pretty;

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use console::Term;
use serde::Serialize;

use self::pretty::pretty;

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// As a JSON document.
    Json,
}

/// Prints text to stdout, with a line end.
///
/// # Errors
/// When stdout cannot be written; a closed pipe among them, see [`is_closed_pipe`].
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    stdout.flush()?;
    Ok(())
}

/// Prints a document to stdout. A `RawValue` keeps its text but for the blanks between its parts.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    print(&pretty(&serde_json::to_string(document)?))
}

/// Prints a note to stderr. A note that cannot be written is dropped: stderr is closed.
pub(super) fn print_note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error to stderr, as one line.
pub(super) fn print_error(message: &str) {
    print_note(&format!("error: {}", one_line(message)));
}

/// Prints a warning about the result to stderr, as one line.
pub(super) fn print_warning(message: &str) {
    print_note(&format!("warning: {}", one_line(message)));
}

fn one_line(message: &str) -> String {
    let lines = message.split('\n').map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// Whether the reader of the output went away, as `head` does, which is no failure.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Whether a person watches, so that progress is worth drawing.
pub(super) fn is_interactive() -> bool {
    io::stderr().is_terminal()
}

/// Columns of the terminal that stdout is; none if it is something else, which takes lines of any
/// length.
pub(super) fn terminal_columns() -> Option<usize> {
    Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}
