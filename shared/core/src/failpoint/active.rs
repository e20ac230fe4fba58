//! Places that fail, with the feature.

use std::io;

use super::disk_model;

/// The codes of Linux.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Reads what is to fail from the variable `FAILPOINTS`.
pub fn start() {
    // It stands until the process ends.
    std::mem::forget(fail::FailScenario::setup());
}

/// A place that can fail.
///
/// # Errors
/// The one that the variable `FAILPOINTS` names.
pub fn hit(place: &str) -> io::Result<()> {
    fail::fail_point!(place, |action| fire(place, action.as_deref().unwrap_or_default()));
    Ok(())
}

/// A place that cannot fail, but be the last.
pub fn pass(place: &str) {
    if let Err(error) = hit(place) {
        log_hit(place, &format!("ignored: {error}"));
    }
}

fn fire(place: &str, action: &str) -> io::Result<()> {
    log_hit(place, action);
    match action {
        "crash" => std::process::abort(),
        "powercut" => disk_model::simulate_power_cut(),
        "eio" => Err(io::Error::from_raw_os_error(EIO)),
        "enospc" => Err(io::Error::from_raw_os_error(ENOSPC)),
        other => Err(io::Error::other(format!("failpoint {place}: unknown action `{other}`"))),
    }
}

/// Says in the log that the failure happened: the test that set it looks there.
fn log_hit(place: &str, action: &str) {
    eprintln!("failpoint {place} {action}");
}
