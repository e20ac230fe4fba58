//! Named places at which tests make the service fail.
//!
//! A place is one line: `failpoint::hit("journal.sync.before")?` where a failure can be returned,
//! `failpoint::pass("intake.ack.before")` where it cannot. Without the feature `failpoints`, which
//! no build that serves has, all of this is empty and compiles to nothing.
//!
//! With it the variable `FAILPOINTS` says what happens where, in the language of the crate `fail`:
//! `journal.sync.before=3*off->1*return(crash)`. The actions are
//!
//! | action | what |
//! |---|---|
//! | `crash` | the process ends at once, as by `kill -9` |
//! | `powercut` | the same, and everything that was not fsynced is lost: see [`disk`] |
//! | `eio`, `enospc` | the place fails with that error of the system |
//!
//! Another feature, `planted`, holds bugs that the tests must find: [`is_bug_planted`] says whether
//! the variable `PLANTED_BUG` names one.

#[cfg(feature = "failpoints")]
mod active;
#[cfg(any(feature = "failpoints", test))]
#[cfg_attr(
    not(feature = "failpoints"),
    allow(dead_code, unreachable_pub, reason = "without the feature only its tests use it")
)]
mod disk_model;

#[cfg(feature = "failpoints")]
pub use active::{hit, pass, start};
#[cfg(not(feature = "failpoints"))]
pub use inactive::{hit, pass, start};

/// What a cut of power would undo: bytes of files and names of directories that were not fsynced.
///
/// Code that changes a file reports it here. The model is kept only when the variable `POWER_DIR`
/// names a directory, on the same file system, for what was deleted and may have to come back.
pub mod disk {
    #[cfg(feature = "failpoints")]
    pub use super::disk_model::{
        created, directory_synced, removing, renaming, synced, truncated, writing,
    };
    #[cfg(not(feature = "failpoints"))]
    pub use super::inactive::{
        created, directory_synced, removing, renaming, synced, truncated, writing,
    };
}

/// Whether this bug is planted, to see that a test finds it.
#[cfg(feature = "planted")]
#[must_use]
pub fn is_bug_planted(bug: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("PLANTED_BUG").ok()).as_deref() == Some(bug)
}

/// Whether this bug is planted: never, without the feature.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is_bug_planted(_: &str) -> bool {
    false
}

/// The same functions, empty.
#[cfg(not(feature = "failpoints"))]
mod inactive {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    /// Reads what is to fail.
    #[inline(always)]
    pub const fn start() {}

    /// A place that can fail.
    ///
    /// # Errors
    /// Never, without the feature.
    #[inline(always)]
    pub const fn hit(_: &str) -> io::Result<()> {
        Ok(())
    }

    /// A place that cannot fail, but be the last.
    #[inline(always)]
    pub const fn pass(_: &str) {}

    /// A name was made for a new, empty file, or for a directory.
    #[inline(always)]
    pub const fn created(_: &Path) {}

    /// Bytes are about to be written to a file's end.
    #[inline(always)]
    pub const fn writing(_: &File) {}

    /// All bytes of a file are durable.
    #[inline(always)]
    pub const fn synced(_: &File) {}

    /// A file was cut.
    #[inline(always)]
    pub const fn truncated(_: &File, _: u64) {}

    /// A file is about to get another name, or one more.
    #[inline(always)]
    pub const fn renaming(_: &Path, _: &Path) {}

    /// A name is about to be removed.
    #[inline(always)]
    pub const fn removing(_: &Path) {}

    /// The names in a directory are durable.
    #[inline(always)]
    pub const fn directory_synced(_: &Path) {}
}
