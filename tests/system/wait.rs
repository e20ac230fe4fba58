//! Waiting for what will happen, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is something to return.
///
/// # Panics
/// After `limit`, saying what did not happen.
pub(crate) fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "did not happen within {limit:?}: {what}");
        thread::sleep(LOOK);
    }
}
