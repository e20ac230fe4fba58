//! How many streams a key may hold open, so that one bearer leaves room for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::access::Key;
use shared::problem::{Kind, Problem};

/// Streams of a key at a time.
const STREAMS_MAX: usize = 100;

/// Streams that are open, by key. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<String, usize>>>);

/// One of them; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    streams: Streams,
    key: String,
}

impl Streams {
    /// Opens one more.
    ///
    /// # Errors
    /// When the key holds as many as it may.
    pub(super) fn open(&self, key: &Key) -> Result<Place, Problem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.id.clone()).or_default();
        if *count >= STREAMS_MAX {
            let detail = format!(
                "the key `{}` follows {STREAMS_MAX} answers already, the most at a time; end one",
                key.id
            );
            let problem = Problem::new(Kind::TooManyRequests, "too_many_streams", detail);
            return Err(problem.with("limit", STREAMS_MAX).retry_after_s(1));
        }
        *count += 1;
        Ok(Place { streams: self.clone(), key: key.id.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}
