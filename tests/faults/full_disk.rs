//! A file system that is really full, and has room again later.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::kills::conclude;
use crate::ledger::Violation;
use crate::load::{Load, ask_until_whole};
use crate::random::Random;
use crate::report::Report;
use crate::service::Place;

/// Bytes of the file system.
const SIZE: usize = 192 << 20;

/// A file system in memory, for as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: PathBuf) -> Result<Self, Violation> {
        fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "tmpfs"]).arg(&path);
        match mount.status() {
            Ok(status) if status.success() => Ok(Self(path)),
            other => Err(format!("no tmpfs can be mounted here, which takes root: {other:?}")),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Only in a long campaign, since it takes root: the disk is full, has room, and is full again.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    if !a.is_long() {
        return Ok(());
    }
    let mut place = Place::new("memory", None);
    // No reserve: writes are to find no room.
    place.disk_floor = "0";
    let disk = Mounted::at(place.data_dir())?;
    let ballast = disk.0.join("ballast");
    let service = place.start()?;
    let mut load = Load::start(&service.http, 400, 2, random);
    let result = (0..4).try_for_each(|_| {
        // As much as there is room for.
        let _ = fs::write(&ballast, vec![1; SIZE]);
        let before = load.common.refused.load(Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs(120);
        while load.common.refused.load(Ordering::Relaxed) < before + 20 {
            load.common.violation()?;
            service.http.start_run("incremental");
            if Instant::now() > end {
                return Err("nothing is refused by a full disk".to_owned());
            }
            thread::sleep(Duration::from_millis(50));
        }
        report.add("times that a disk was full", 1);
        fs::remove_file(&ballast).map_err(|error| error.to_string())?;
        ask_until_whole(&service.http, &load.common).map(|_| ())
    });
    conclude(&place, service, &mut load, report, result)
}
