//! Ids for events that come without one.
//!
//! An id is a digest of where a file is and of everything in it up to the end of a line. So the
//! same line of the same file gets the same id again, however far the file has grown since,
//! however it is compressed and cut into requests, and whatever was kept of an earlier run; lines
//! that look the same have different ones, and so have those of files whose beginnings differ.
//! What comes from stdin has no place to be known by: its ids are of this process, and make only
//! its own repetitions harmless.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What such an id begins with, so that people recognize it.
const PREFIX: &str = "line-";
/// Bytes of the digest that are in an id: enough that no two of all files are the same.
const DIGEST_BYTES: usize = 16;

/// Which ids events get that have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum LineIds {
    /// None.
    #[default]
    Without,
    /// Ones that mean nothing behind this process.
    Passing([u8; 16]),
    /// Those that the same lines of the same file get again.
    Lasting(Vec<u8>),
}

/// Which ids stand before the lines of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LineIdLifetime {
    /// None: events without an `id` are stored as often as they are sent.
    #[default]
    None,
    /// Ones by which what this process sends again is known.
    Passing,
    /// Ones by which the same line of the same file is known for ever.
    Lasting,
}

impl LineIds {
    /// Of a file, or what else is read: only files are the same when they are read again.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn of(file: &Path) -> anyhow::Result<Self> {
        let path = fs::canonicalize(file).ok().filter(|path| path.is_file());
        if let Some(path) = path {
            return Ok(Self::Lasting(path.as_os_str().as_encoded_bytes().to_vec()));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("no random bytes for ids: {error}"))?;
        Ok(Self::Passing(random))
    }

    /// The id of the line with which what was digested ends; none where none are given.
    pub(super) fn next(&self, through: &Sha256) -> Option<String> {
        let place: &[u8] = match self {
            Self::Without => return None,
            Self::Passing(random) => random,
            Self::Lasting(path) => path,
        };
        let digest = through.clone().chain_update([0]).chain_update(place).finalize();
        let digest = digest.get(..DIGEST_BYTES).unwrap_or_default();
        Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(digest)))
    }

    /// Which kind they are.
    pub(super) fn given(&self) -> LineIdLifetime {
        match self {
            Self::Without => LineIdLifetime::None,
            Self::Passing(_) => LineIdLifetime::Passing,
            Self::Lasting(_) => LineIdLifetime::Lasting,
        }
    }

    /// What says to a server that ids stand before lines.
    pub(super) fn parameters(&self) -> &'static str {
        match self {
            Self::Without => "",
            Self::Passing(_) | Self::Lasting(_) => "&ids=line",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_a_place_and_of_all_that_was_read() {
        let digest = |text: &str| Sha256::new_with_prefix(text);
        let ids = LineIds::Lasting(b"/a".to_vec());
        let id = ids.next(&digest("one\ntwo")).unwrap();
        assert_eq!((id.len(), id.starts_with("line-")), (27, true), "{id}");
        assert_eq!(ids.next(&digest("one\ntwo")), Some(id.clone()));
        // Fixed: a later version that sends the file again has to make the same id.
        assert_eq!(id, "line-XsCBxj8dKwkCfGTQHMK-cQ");
        for other in ["two", "one\ntwo\n", "one\ntwo\ntwo"] {
            assert_ne!(ids.next(&digest(other)), Some(id.clone()), "{other}");
        }
        let elsewhere = LineIds::Lasting(b"/b".to_vec());
        assert_ne!(elsewhere.next(&digest("one\ntwo")), Some(id));
        assert_eq!(LineIds::Without.next(&digest("one")), None);
        let (one, other) = (LineIds::of(Path::new("-")).unwrap(), LineIds::of(Path::new("-")));
        assert_ne!(one, other.unwrap());
    }
}
