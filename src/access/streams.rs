//! How many streams a key may hold open, so that one bearer leaves room for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::AccessKey;

/// Streams of a key at a time.
const STREAMS_MAX: usize = 100;

/// Streams that are open, by key. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamLimiter(Arc<Mutex<HashMap<String, usize>>>);

/// One of them; given back on drop.
#[derive(Debug)]
pub(super) struct StreamPermit {
    streams: StreamLimiter,
    key: String,
}

impl StreamLimiter {
    /// Opens one more.
    ///
    /// # Errors
    /// When the key holds as many as it may.
    pub(super) fn open(&self, key: &AccessKey) -> Result<StreamPermit, Problem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.id.clone()).or_default();
        if *count >= STREAMS_MAX {
            let detail = format!(
                "the key `{}` follows {STREAMS_MAX} answers already, the most at a time; end one",
                key.id
            );
            let problem = Problem::new(ErrorCode::TooManyStreams, detail);
            return Err(problem.with("limit", STREAMS_MAX).retry_after_s(1));
        }
        *count += 1;
        Ok(StreamPermit { streams: self.clone(), key: key.id.clone() })
    }
}

impl Drop for StreamPermit {
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
