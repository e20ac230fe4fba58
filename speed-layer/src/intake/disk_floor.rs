//! The floor of free disk space below which nothing is accepted, so that a full disk is met with an
//! answer and not in the middle of a write.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::IntakeError;

type FreeBytes = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// Looks at most once a second how much is free.
pub(crate) struct DiskFloor {
    free_bytes: FreeBytes,
    floor_bytes: u64,
    last: Mutex<Option<FreeSpaceReading>>,
}

#[derive(Clone, Copy)]
struct FreeSpaceReading {
    at: Instant,
    free_bytes: u64,
}

const INTERVAL: Duration = Duration::from_secs(1);

impl DiskFloor {
    /// A floor for the disk that holds `path`.
    pub(crate) fn of(path: PathBuf, floor_bytes: u64) -> Self {
        Self::with(
            Box::new(move || {
                let stat = rustix::fs::statvfs(&path)?;
                Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
            }),
            floor_bytes,
        )
    }

    fn with(free_bytes: FreeBytes, floor_bytes: u64) -> Self {
        Self { free_bytes, floor_bytes, last: Mutex::new(None) }
    }

    /// Whether there is room. Where the file system does not say, the journal's own error has to
    /// do.
    pub(crate) fn check(&self, now: Instant) -> Result<(), IntakeError> {
        if self.floor_bytes == 0 {
            return Ok(());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.filter(|look| now.saturating_duration_since(look.at) < INTERVAL);
        let free_bytes = match fresh {
            Some(look) => look.free_bytes,
            None => (self.free_bytes)().unwrap_or(u64::MAX),
        };
        if fresh.is_none() {
            *last = Some(FreeSpaceReading { at: now, free_bytes });
        }
        if free_bytes < self.floor_bytes {
            return Err(IntakeError::DiskFull(format!(
                "{free_bytes} bytes are free on the data directory's disk, which is under the \
                 floor `disk_floor_bytes` of {}",
                self.floor_bytes
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn it_asks_once_a_second_and_refuses_below_the_floor() {
        let free = Arc::new(AtomicU64::new(100));
        let calls = Arc::new(AtomicU64::new(0));
        let floor = {
            let (free, calls) = (Arc::clone(&free), Arc::clone(&calls));
            DiskFloor::with(
                Box::new(move || {
                    calls.fetch_add(1, Ordering::Relaxed);
                    Ok(free.load(Ordering::Relaxed))
                }),
                50,
            )
        };
        let begun = Instant::now();
        floor.check(begun).unwrap();
        free.store(49, Ordering::Relaxed);
        floor.check(begun + Duration::from_millis(999)).unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let error = floor.check(begun + INTERVAL).unwrap_err();
        assert!(matches!(&error, IntakeError::DiskFull(text) if text.contains("49")), "{error}");
        free.store(50, Ordering::Relaxed);
        floor.check(begun + 2 * INTERVAL).unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn the_disk_of_a_directory_tells_its_free_bytes() {
        let floor = DiskFloor::of(std::env::temp_dir(), 1);
        floor.check(Instant::now()).unwrap();
        let floor = DiskFloor::of(std::env::temp_dir(), u64::MAX);
        assert!(floor.check(Instant::now()).is_err());
    }
}
