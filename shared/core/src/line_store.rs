//! The port of a text that grows line by line, and is durable.
//!
//! It is for what is kept beside the journal and is small. One handle writes at a time: that of
//! the process which owns the journal.

use std::fmt;

/// What can go wrong with lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineStoreError {
    /// There is no room.
    #[error("no room: {0}")]
    Full(String),
    /// They could not be read or written.
    #[error("{place}: {error}")]
    Io {
        /// Which file or object.
        place: String,
        /// What the system said.
        error: String,
    },
}

/// Lines that are kept. Its calls block. A value of it is a handle; when another one is opened and
/// has written, what this one writes does not count any more.
///
/// The suite `testing::check_line_store` says what each of them promises.
pub trait LineStore: fmt::Debug + Send + 'static {
    /// Everything that is there: nothing where there never was any. Called once, before this
    /// handle writes.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&mut self) -> Result<Vec<u8>, LineStoreError>;

    /// Whether more can be appended. If not, the next write replaces everything: at the start where
    /// another handle may still write, after a write that failed, and every now and then.
    fn can_append(&self) -> bool;

    /// Puts lines behind the others. They are durable when it returns.
    ///
    /// # Errors
    /// When they could not be written. They may be there all the same, until everything is
    /// replaced, which must come next.
    fn append(&mut self, lines: &[u8]) -> Result<(), LineStoreError>;

    /// Puts a text in the place of everything. It is durable when it returns.
    ///
    /// # Errors
    /// When it could not be written; what was there before, or this text, is there.
    fn replace(&mut self, text: &[u8]) -> Result<(), LineStoreError>;

    /// Where it is, for people.
    fn place(&self) -> String;
}
