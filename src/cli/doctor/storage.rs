//! The storage, where it is in a bucket: reachable, and fit to be agreed by.

use super::finding::DoctorFinding;
use crate::compose::inspect;
use crate::settings::Settings;

const STORAGE: &str = "storage";

/// Tries it as a start does.
pub(super) async fn check(settings: &Settings) -> DoctorFinding {
    match inspect::storage(settings).await {
        Ok(None) => DoctorFinding::ok(STORAGE, "the data directory"),
        Ok(Some(address)) => DoctorFinding::ok(
            STORAGE,
            format!("{address} can be written, and refuses a second object of a name"),
        ),
        Err(error) => DoctorFinding::problem(
            STORAGE,
            format!("{error:#}"),
            "correct it, or name another with --storage",
        ),
    }
}
