//! The machine's clock. It stamps what arrives, and says what `now-7d` means.

use std::path::Path;

use indicatif::HumanDuration;
use merganser_core::time::Timestamp;

use super::finding::DoctorFinding;

const CLOCK: &str = "clock";

/// 2026-01-01T00:00:00Z; no build is older.
const BUILT_AFTER: Timestamp = Timestamp(1_767_225_600_000_000);

/// What the times of files may be ahead by: theirs are coarser, or another machine's.
const TOLERANCE_MS: u64 = 2_000;

/// Written by systemd-timesyncd once the clock is set (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// Compares the time with what is known of it: files of the data directory are older.
pub(super) fn check(now: Timestamp, newest_file: Option<Timestamp>) -> DoctorFinding {
    judge(now, newest_file, Path::new(SYNCHRONISED).exists())
}

fn judge(now: Timestamp, newest_file: Option<Timestamp>, is_synchronised: bool) -> DoctorFinding {
    const ADVICE: &str = "set the clock, and have it kept by NTP";
    if now < BUILT_AFTER {
        let found = format!("it is {now}, before this version was built");
        return DoctorFinding::problem(CLOCK, found, ADVICE);
    }
    let behind_ms = newest_file.map_or(0, |newest| newest.millis_since(now));
    if behind_ms > TOLERANCE_MS {
        let behind = HumanDuration(std::time::Duration::from_millis(behind_ms));
        let found = format!("it is {now}, {behind} before the newest file of the data directory");
        return DoctorFinding::problem(CLOCK, found, ADVICE);
    }
    let ntp = match is_synchronised {
        true => "kept by NTP",
        false => "whether by NTP is unknown",
    };
    DoctorFinding::ok(CLOCK, format!("it is {now}, {ntp}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    #[test]
    fn a_clock_does_not_stand_before_what_has_been() {
        let now = Timestamp(BUILT_AFTER.0 + 10_000_000);
        let at = |seconds: i64| Some(Timestamp(now.0 + seconds * 1_000_000));
        assert_eq!(BUILT_AFTER.to_string(), "2026-01-01T00:00:00Z");
        let verdict = |now, newest| judge(now, newest, false).verdict;
        assert_eq!(verdict(now, None), FindingSeverity::Ok);
        assert_eq!(verdict(now, at(-100)), FindingSeverity::Ok);
        assert_eq!(verdict(now, at(2)), FindingSeverity::Ok);
        assert_eq!(verdict(now, at(3)), FindingSeverity::Problem);
        assert_eq!(verdict(Timestamp(0), None), FindingSeverity::Problem);
        assert!(judge(now, None, false).found.contains("is unknown"));
        assert!(judge(now, at(7200), true).found.contains("2 hours before"));
    }
}
