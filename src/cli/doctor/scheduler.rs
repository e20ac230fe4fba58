//! Who has parts of large runs made by executors.

use super::finding::DoctorFinding;
use crate::compose::inspect;
use crate::settings::{SchedulerPlace, Settings};

const SCHEDULER: &str = "scheduler";

/// Whether the scheduler would answer a process with these settings.
pub(super) async fn check(settings: &Settings) -> DoctorFinding {
    match &settings.ballista_scheduler {
        SchedulerPlace::Nowhere => {
            DoctorFinding::ok(SCHEDULER, "none is set: the leader makes all parts of runs")
        }
        SchedulerPlace::Leader => DoctorFinding::ok(SCHEDULER, "in the process that does the runs"),
        SchedulerPlace::At(url) => match inspect::scheduler(settings, url).await {
            Ok(()) => DoctorFinding::ok(SCHEDULER, format!("the one at {url} answers")),
            Err(error) => {
                let found = format!("the one at {url} does not answer: {error:#}");
                let advice = "start `merganser scheduler` there, of this build and with the \
                              cluster's storage";
                DoctorFinding::problem(SCHEDULER, found, advice)
            }
        },
    }
}
