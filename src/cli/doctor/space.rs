//! Room on the data directory's disk: for the next event, and for the views that a full run writes.

use std::path::Path;

use indicatif::{HumanBytes, HumanCount};

use super::directory::nearest_existing;
use super::directory_usage::DirectoryUsage;
use super::finding::DoctorFinding;

const SPACE: &str = "disk space";

/// Files that a disk should have room for; views and lists are many small ones.
const FILES_MIN: u64 = 10_000;

/// What there is, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
struct SpaceCheck {
    free_bytes: u64,
    /// How many more files the disk takes, where that is bounded.
    free_files: Option<u64>,
    /// What the data directory holds already.
    used_bytes: u64,
    /// Its views among that.
    views_bytes: u64,
    floor_bytes: u64,
}

/// Checks the disk of a data directory.
pub(super) fn check(data_dir: &Path, used_bytes: u64, floor_bytes: u64) -> DoctorFinding {
    match rustix::fs::statvfs(nearest_existing(data_dir)) {
        Ok(disk) => judge(SpaceCheck {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            free_files: (disk.f_files > 0).then_some(disk.f_favail),
            used_bytes,
            views_bytes: DirectoryUsage::of(&data_dir.join("views")).size_bytes,
            floor_bytes,
        }),
        Err(error) => {
            let found = format!("the free space of `{}` is unknown: {error}", data_dir.display());
            DoctorFinding::warning(SPACE, found, "run this as the service's user")
        }
    }
}

fn judge(space: SpaceCheck) -> DoctorFinding {
    let SpaceCheck { free_bytes, free_files, used_bytes, views_bytes, floor_bytes } = space;
    let (free, used) = (HumanBytes(free_bytes), HumanBytes(used_bytes));
    let found = format!("{free} free, {used} in the data directory");
    if free_bytes < floor_bytes {
        return DoctorFinding::problem(
            SPACE,
            format!("{found}: less than `disk_floor_bytes`, so that events are refused"),
            format!("have {} free, or set a lower floor", HumanBytes(floor_bytes)),
        );
    }
    if let Some(files) = free_files.filter(|files| *files < FILES_MIN) {
        return DoctorFinding::warning(
            SPACE,
            format!("{found}, but for {} more files only", HumanCount(files)),
            "use a file system with more inodes",
        );
    }
    let wanted = floor_bytes.saturating_add(views_bytes);
    if free_bytes < wanted {
        return DoctorFinding::warning(
            SPACE,
            format!("{found}: a full run writes all views anew before the old ones go"),
            format!("have {} free", HumanBytes(wanted)),
        );
    }
    DoctorFinding::ok(SPACE, found)
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    #[test]
    fn there_is_room_for_the_floor_and_for_the_views_once_more() {
        let space = SpaceCheck {
            free_bytes: 300,
            free_files: None,
            used_bytes: 9_000,
            views_bytes: 200,
            floor_bytes: 100,
        };
        let verdict = |space: SpaceCheck| judge(space).verdict;
        assert_eq!(verdict(space), FindingSeverity::Ok);
        assert_eq!(verdict(SpaceCheck { views_bytes: 201, ..space }), FindingSeverity::Warning);
        assert_eq!(verdict(SpaceCheck { free_bytes: 99, ..space }), FindingSeverity::Problem);
        assert_eq!(verdict(SpaceCheck { free_files: Some(0), ..space }), FindingSeverity::Warning);
        assert_eq!(
            verdict(SpaceCheck { free_files: Some(FILES_MIN), ..space }),
            FindingSeverity::Ok
        );
        let none = SpaceCheck { free_bytes: 0, floor_bytes: 0, views_bytes: 0, ..space };
        assert_eq!(verdict(none), FindingSeverity::Ok, "a floor of 0 is none");
    }
}
