//! A model of what the disk has for certain, so that a cut of power can be played.
//!
//! What was fsynced stays. Of the bytes behind it any number may have got there, and of the names
//! that were made, changed and removed, the first so many: file systems that journal keep their
//! order. Both numbers come from the seed in `POWER_SEED`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A change of a directory that is not durable.
#[derive(Debug)]
enum DirectoryChange {
    /// It is new.
    Created(PathBuf),
    /// It had another file, or was removed; what it had is kept under the second name.
    Changed(PathBuf, PathBuf),
}

impl DirectoryChange {
    fn path(&self) -> &Path {
        match self {
            Self::Created(path) | Self::Changed(path, _) => path,
        }
    }
}

#[derive(Debug, Default)]
struct DiskModel {
    kept: PathBuf,
    count: u64,
    names: Vec<DirectoryChange>,
    /// Bytes of each file that are durable.
    lengths: BTreeMap<PathBuf, u64>,
}

impl DiskModel {
    /// Notes that a name is about to change.
    fn change(&mut self, path: &Path) {
        self.count += 1;
        let kept = self.kept.join(self.count.to_string());
        let name = match fs::hard_link(path, &kept) {
            Ok(()) => DirectoryChange::Changed(path.to_owned(), kept),
            Err(_) => DirectoryChange::Created(path.to_owned()),
        };
        self.names.push(name);
    }

    /// Undoes the newest changes of names, and cuts what was written and not fsynced.
    fn lose_unsynced(&mut self, random: &mut impl FnMut(u64) -> u64) {
        let durable = random(self.names.len() as u64 + 1) as usize;
        for name in self.names.drain(durable..).rev() {
            // What cannot be undone is not there to be undone.
            let _ = match name {
                DirectoryChange::Created(path) if path.is_dir() => fs::remove_dir_all(path),
                DirectoryChange::Created(path) => fs::remove_file(path),
                DirectoryChange::Changed(path, kept) => fs::rename(kept, path),
            };
        }
        for (path, durable) in &self.lengths {
            let Ok(file) = OpenOptions::new().write(true).open(path) else { continue };
            let length = file.metadata().map_or(0, |about| about.len());
            let lost = length.saturating_sub(*durable);
            if lost > 0 {
                let torn = if random(2) == 0 { 0 } else { random(lost) };
                let _ = file.set_len(durable + torn);
            }
        }
    }
}

/// The model; `None` where `POWER_DIR` is not set.
fn disk() -> Option<MutexGuard<'static, DiskModel>> {
    static DISK: OnceLock<Option<Mutex<DiskModel>>> = OnceLock::new();
    let disk = DISK.get_or_init(|| {
        let kept = PathBuf::from(std::env::var_os("POWER_DIR")?);
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept).ok()?;
        Some(Mutex::new(DiskModel { kept, ..DiskModel::default() }))
    });
    disk.as_ref().map(|disk| disk.lock().unwrap_or_else(PoisonError::into_inner))
}

fn path_of(file: &File) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A name was made for a new, empty file, or for a directory.
pub fn created(path: &Path) {
    let Some(mut disk) = disk() else { return };
    let path = absolute(path);
    if !path.is_dir() {
        disk.lengths.insert(path.clone(), 0);
    }
    disk.names.push(DirectoryChange::Created(path));
}

/// Bytes are about to be written to a file's end.
pub fn writing(file: &File) {
    let Some(mut disk) = disk() else { return };
    let Some(path) = path_of(file) else { return };
    let length = file.metadata().map_or(0, |about| about.len());
    disk.lengths.entry(path).or_insert(length);
}

/// All bytes of a file are durable.
pub fn synced(file: &File) {
    let Some(mut disk) = disk() else { return };
    let Some(path) = path_of(file) else { return };
    let length = file.metadata().map_or(0, |about| about.len());
    disk.lengths.insert(path, length);
}

/// A file was cut.
pub fn truncated(file: &File, length: u64) {
    let Some(mut disk) = disk() else { return };
    let Some(path) = path_of(file) else { return };
    let durable = disk.lengths.entry(path).or_insert(length);
    *durable = (*durable).min(length);
}

/// A file is about to get another name, or one more.
pub fn renaming(from: &Path, to: &Path) {
    let Some(mut disk) = disk() else { return };
    let (from, to) = (absolute(from), absolute(to));
    disk.change(&to);
    if let Some(length) = disk.lengths.get(&from).copied() {
        disk.lengths.insert(to, length);
    }
}

/// A name is about to be removed.
pub fn removing(path: &Path) {
    let Some(mut disk) = disk() else { return };
    let path = absolute(path);
    disk.change(&path);
    disk.lengths.remove(&path);
}

/// The names in a directory are durable.
pub fn directory_synced(directory: &Path) {
    let Some(mut disk) = disk() else { return };
    let directory = absolute(directory);
    disk.names.retain(|name| {
        let is_pending = name.path().parent() != Some(&directory);
        if let (false, DirectoryChange::Changed(_, kept)) = (is_pending, name) {
            let _ = fs::remove_file(kept);
        }
        is_pending
    });
}

/// Ends the process and loses what was not fsynced.
pub(super) fn simulate_power_cut() -> ! {
    if let Some(mut disk) = disk() {
        let seed = std::env::var("POWER_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut state: u64 = seed.unwrap_or(1) | 1;
        // Marsaglia, Xorshift RNGs, 2003.
        disk.lose_unsynced(&mut |end| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % end
        });
        // The model stays locked, so no request is answered any more.
        std::process::abort()
    }
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn disk(directory: &Path) -> DiskModel {
        let kept = directory.join("kept");
        fs::create_dir(&kept).unwrap();
        DiskModel { kept, ..DiskModel::default() }
    }

    #[test]
    fn unsynced_bytes_and_names_are_lost_and_deleted_files_come_back() {
        let directory = std::env::temp_dir().join(format!("power-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let mut disk = disk(&directory);
        let [kept, new, gone] = ["kept.log", "new.log", "gone.log"].map(|n| directory.join(n));
        for path in [&kept, &gone] {
            File::create(path).unwrap().write_all(b"durable").unwrap();
        }
        let mut file = OpenOptions::new().append(true).open(&kept).unwrap();
        disk.lengths.insert(kept.clone(), 7);
        file.write_all(b" or not").unwrap();
        File::create(&new).unwrap();
        disk.names.push(DirectoryChange::Created(new.clone()));
        disk.change(&gone);
        fs::remove_file(&gone).unwrap();
        disk.lose_unsynced(&mut |_| 0);
        assert_eq!(fs::read(&kept).unwrap(), b"durable");
        assert_eq!(fs::read(&gone).unwrap(), b"durable");
        assert!(!new.exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
