//! The data directory: whether it can be written, on what kind of file system it is, which process
//! uses it, and whether this build reads its files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::super::text::pluralize;
use super::finding::DoctorFinding;
use crate::compose::inspect::DirectoryInspection;

const DIRECTORY: &str = "data directory";
const LOCK: &str = "lock";
const DATA: &str = "stored data";

/// Whether a service can keep its data there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum DirectoryStatus {
    Writable,
    /// It is missing, and can be made.
    ToBeMade,
    /// It, or what it should lie in, is a file.
    NoDirectory,
    Refused(String),
}

/// Looks at the directory itself. A file is written to it, and removed.
pub(super) fn check(path: &Path) -> DoctorFinding {
    let there = nearest_existing(path);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let canonical = fs::canonicalize(&there).unwrap_or_else(|_| there.clone());
    judge(path, &state(path, &there), file_system(&mounts, &canonical))
}

/// The path, or the nearest above it that is there.
pub(super) fn nearest_existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find(|above| above.try_exists().unwrap_or(false));
    there.unwrap_or(&path).to_owned()
}

fn state(path: &Path, there: &Path) -> DirectoryStatus {
    if !there.is_dir() {
        return DirectoryStatus::NoDirectory;
    }
    let refused = |error: &dyn std::fmt::Display| DirectoryStatus::Refused(error.to_string());
    if path.is_dir() {
        return probe(path).map_or_else(|error| refused(&error), |()| DirectoryStatus::Writable);
    }
    let allowed = rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK);
    allowed.map_or_else(|error| refused(&error), |()| DirectoryStatus::ToBeMade)
}

/// Writes a file durably and removes it. Should it stay, the next start deletes it by its ending.
fn probe(directory: &Path) -> io::Result<()> {
    let mut file =
        tempfile::Builder::new().prefix(".doctor-").suffix(".tmp").tempfile_in(directory)?;
    file.write_all(b"a probe of merganser doctor\n")?;
    file.as_file().sync_all()?;
    file.close()
}

fn judge(path: &Path, state: &DirectoryStatus, file_system: Option<&str>) -> DoctorFinding {
    let path = path.display();
    let on = file_system.map(|name| format!(", on {name}")).unwrap_or_default();
    let found = match state {
        DirectoryStatus::Writable => format!("`{path}` can be written{on}"),
        DirectoryStatus::ToBeMade => format!("`{path}` is not there yet and can be made{on}"),
        DirectoryStatus::NoDirectory => {
            let found = format!("`{path}` is no directory");
            return DoctorFinding::problem(DIRECTORY, found, "name another with --data-dir");
        }
        DirectoryStatus::Refused(why) => {
            let advice = "let the service's user own it, or name another with --data-dir";
            return DoctorFinding::problem(DIRECTORY, format!("`{path}`: {why}"), advice);
        }
    };
    match file_system.and_then(file_system_risk) {
        Some((why, advice)) => DoctorFinding::warning(DIRECTORY, format!("{found}, {why}"), advice),
        None => DoctorFinding::ok(DIRECTORY, found),
    }
}

/// What speaks against a file system, and what would be right.
fn file_system_risk(file_system: &str) -> Option<(&'static str, &'static str)> {
    const REMOTE: [&str; 7] = ["9p", "afs", "ceph", "cifs", "glusterfs", "smb3", "vboxsf"];
    match file_system {
        "tmpfs" | "ramfs" => Some((
            "which is lost when the machine stops",
            "name a directory on a disk with --data-dir",
        )),
        "overlay" => Some(("which goes with its container", "mount a volume there")),
        name if name.starts_with("nfs") || name.starts_with("fuse") || REMOTE.contains(&name) => {
            Some((
                "whose locks and fsyncs may not hold what they promise",
                "use a disk of this machine",
            ))
        }
        _ => None,
    }
}

/// The kind of the file system that `path` is on, by the text of `/proc/self/mountinfo`
/// (proc_pid_mountinfo(5)): of the mounts above it the deepest, of those the last.
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mount = |line: &'a str| {
        let (place, source) = line.split_once(" - ")?;
        let point = unescaped(place.split(' ').nth(4)?);
        let kind = source.split(' ').next()?;
        path.starts_with(&point).then(|| (point.components().count(), kind))
    };
    mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// Blanks and the like are octal numbers there.
fn unescaped(point: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let text = escapes.iter().fold(point.to_owned(), |text, (from, to)| text.replace(from, to));
    PathBuf::from(text)
}

/// Whether a service uses the directory.
pub(super) fn lock(holder: &io::Result<Option<String>>) -> DoctorFinding {
    match holder {
        Ok(None) => DoctorFinding::ok(LOCK, "free: no service runs on it"),
        Ok(Some(pid)) => {
            let found = format!("held by process {pid}: a service runs, and no other can start");
            DoctorFinding::ok(LOCK, found)
        }
        Err(error) => {
            let found = format!("it cannot be read: {error}");
            DoctorFinding::warning(LOCK, found, "run this as the service's user")
        }
    }
}

/// Whether this build reads what is stored.
pub(super) fn data(inspected: &anyhow::Result<Option<DirectoryInspection>>) -> DoctorFinding {
    let DirectoryInspection { journal, segments, published } = match inspected {
        Ok(None) => return DoctorFinding::ok(DATA, "nothing yet"),
        Ok(Some(inspected)) => inspected,
        Err(error) => {
            let advice = "start the version that wrote it, or restore it from a back-up";
            return DoctorFinding::problem(DATA, format!("{error:#}"), advice);
        }
    };
    let journal = format!("journal {journal} in {}", pluralize(*segments as u64, "file"));
    DoctorFinding::ok(
        DATA,
        match published {
            Some(published) => {
                format!("{journal}, generation {} of {}", published.generation, published.at)
            }
            None => format!("{journal}, no generation yet"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:30 / /mnt/my\\040disk rw master:2 propagate_from:1 - xfs /dev/vdb rw
31 30 0:31 / /mnt/my\\040disk/net rw - nfs4 server:/x rw
32 27 0:32 / /tmp rw - ext4 /dev/vdc rw
33 32 0:33 / /tmp rw - tmpfs tmpfs rw
not a mount
";

    #[test]
    fn a_file_system_is_that_of_the_nearest_mount_above() {
        let on = |path: &str| file_system(MOUNTS, Path::new(path));
        assert_eq!(on("/var/lib/merganser"), Some("ext4"));
        assert_eq!(on("/mnt/my disk/data"), Some("xfs"));
        assert_eq!(on("/mnt/my disk/net/data"), Some("nfs4"));
        assert_eq!(on("/mnt/my disk/network"), Some("xfs"));
        assert_eq!(on("/tmp/data"), Some("tmpfs"), "the later mount hides the earlier one");
        assert_eq!(file_system("", Path::new("/")), None);
    }

    #[test]
    fn a_directory_is_judged_by_what_it_promises() {
        let verdict = |state: DirectoryStatus, file_system: Option<&str>| {
            let finding = judge(Path::new("d"), &state, file_system);
            assert!(finding.found.contains("`d`"), "{finding:?}");
            assert_eq!(finding.advice.is_none(), finding.verdict == FindingSeverity::Ok);
            finding.verdict
        };
        assert_eq!(verdict(DirectoryStatus::Writable, Some("ext4")), FindingSeverity::Ok);
        assert_eq!(verdict(DirectoryStatus::Writable, None), FindingSeverity::Ok);
        assert_eq!(verdict(DirectoryStatus::ToBeMade, Some("btrfs")), FindingSeverity::Ok);
        for doubtful in ["tmpfs", "overlay", "nfs4", "fuse.sshfs", "cifs"] {
            assert_eq!(
                verdict(DirectoryStatus::Writable, Some(doubtful)),
                FindingSeverity::Warning,
                "{doubtful}"
            );
        }
        assert_eq!(verdict(DirectoryStatus::NoDirectory, Some("ext4")), FindingSeverity::Problem);
        assert_eq!(
            verdict(DirectoryStatus::Refused("no".into()), Some("ext4")),
            FindingSeverity::Problem
        );
    }

    #[test]
    fn a_probe_leaves_nothing_behind_and_nothing_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(state(path, &nearest_existing(path)), DirectoryStatus::Writable);
        let below = path.join("a/b");
        assert_eq!(nearest_existing(&below), path);
        assert_eq!(state(&below, &nearest_existing(&below)), DirectoryStatus::ToBeMade);
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        let file = path.join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(state(&file, &nearest_existing(&file)), DirectoryStatus::NoDirectory);
        let below = file.join("x");
        assert_eq!(state(&below, &nearest_existing(&below)), DirectoryStatus::NoDirectory);
    }
}
