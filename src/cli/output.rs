//! What a command prints.

use std::io::{self, ErrorKind, IsTerminal, Write};

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

/// Prints a note to stderr. What cannot be told is let go: nobody is there to read it.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error to stderr, as one line.
pub(super) fn complain(message: &str) {
    let line = message.split('\n').map(str::trim).filter(|l| !l.is_empty());
    note(&format!("error: {}", line.collect::<Vec<_>>().join("; ")));
}

/// Whether the reader of our output went away, as `head` does: no failure of ours.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Whether a person watches, so that progress is worth drawing.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
