//! Cuts of power, played on a disk that forgets what was not fsynced: bytes, and names.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::journal::LocalDisk;

/// A change of names that is not durable.
#[derive(Debug)]
enum Name {
    Created(PathBuf),
    /// What it had is kept under the second name.
    Removed(PathBuf, PathBuf),
}

#[derive(Debug, Default)]
struct Unsynced {
    /// Operations that are left before the power is cut.
    left: u64,
    /// Bytes of files that are durable, by inode.
    durable: BTreeMap<u64, u64>,
    names: Vec<Name>,
    removed: u64,
}

/// A disk whose power is cut after so many operations.
#[derive(Debug)]
struct ForgetfulDisk {
    unsynced: Mutex<Unsynced>,
    /// Holds removed files, which may have to come back.
    kept: TempDir,
}

impl ForgetfulDisk {
    fn new(operations: u64) -> Arc<Self> {
        let unsynced = Mutex::new(Unsynced { left: operations, ..Unsynced::default() });
        Arc::new(Self { unsynced, kept: TempDir::new().unwrap() })
    }

    /// Does something, unless the power is gone.
    fn powered<T>(&self, work: impl FnOnce(&mut Unsynced) -> io::Result<T>) -> io::Result<T> {
        let mut unsynced = self.unsynced.lock().unwrap();
        if unsynced.left == 0 {
            return Err(io::Error::other("there is no power"));
        }
        unsynced.left -= 1;
        work(&mut unsynced)
    }

    /// Loses some of what was not fsynced: names that were changed last, and bytes at files' ends,
    /// which were never written or read as zeros.
    fn lose(&self, directory: &Path, mut random: impl FnMut(u64) -> u64) {
        let mut unsynced = self.unsynced.lock().unwrap();
        let durable = random(unsynced.names.len() as u64 + 1) as usize;
        for name in unsynced.names.drain(durable..).rev() {
            match name {
                Name::Created(path) => drop(fs::remove_file(path)),
                Name::Removed(path, kept) => fs::rename(kept, path).unwrap(),
            }
        }
        for path in segment_files(directory) {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            let about = file.metadata().unwrap();
            let durable = unsynced.durable.get(&about.ino()).copied().unwrap_or(about.len());
            let lost = about.len().saturating_sub(durable);
            if lost > 0 {
                let torn = random(lost + 1);
                file.set_len(durable + torn).unwrap();
                if random(4) == 0 {
                    file.set_len(about.len()).unwrap();
                }
            }
        }
    }
}

fn inode(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

impl JournalDisk for ForgetfulDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.powered(|unsynced| {
            let file = LocalDisk.create(path)?;
            unsynced.durable.insert(inode(&file), 0);
            unsynced.names.push(Name::Created(path.to_owned()));
            Ok(file)
        })
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.powered(|unsynced| {
            let length = file.metadata()?.len();
            unsynced.durable.entry(inode(file)).or_insert(length);
            // The power may also go while it is written.
            let written = if unsynced.left == 0 { bytes.len() / 2 } else { bytes.len() };
            LocalDisk.write(file, &bytes[..written])
        })
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.powered(|unsynced| {
            unsynced.durable.insert(inode(file), file.metadata()?.len());
            Ok(())
        })
    }

    fn truncate(&self, file: &File, size_bytes: u64) -> io::Result<()> {
        self.powered(|unsynced| {
            LocalDisk.truncate(file, size_bytes)?;
            let durable = unsynced.durable.entry(inode(file)).or_insert(size_bytes);
            *durable = (*durable).min(size_bytes);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.powered(|unsynced| {
            unsynced.removed += 1;
            let kept = self.kept.path().join(unsynced.removed.to_string());
            fs::rename(path, &kept)?;
            unsynced.names.push(Name::Removed(path.to_owned(), kept));
            Ok(())
        })
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.powered(|unsynced| {
            unsynced.names.clear();
            Ok(())
        })
    }
}

/// What a journal said was durable.
#[derive(Default)]
struct Promised {
    end: u64,
    sealed: Vec<Boundary>,
}

impl Promised {
    /// Uses a journal until the power is cut or the steps are done. Returns how far it may reach.
    fn live(&mut self, journal: &FileJournal, steps: &[(u64, u64)]) -> u64 {
        for (kind, count) in steps {
            match kind {
                0..=5 => match journal.append(&events(self.end, *count)) {
                    Ok(_) => self.end += count,
                    Err(_) => return self.end + count,
                },
                6..=7 => match journal.seal() {
                    Ok(boundary) => self.sealed.push(boundary),
                    Err(_) => return self.end,
                },
                _ => {
                    let _ = journal.trim(Offset(self.end.saturating_sub(*count)));
                }
            }
        }
        self.end
    }

    fn check(&mut self, journal: &FileJournal, may_reach: u64) {
        let end = journal.end().0;
        assert!(self.end <= end && end <= may_reach, "{end} is not in {}..={may_reach}", self.end);
        let from = journal.start();
        assert_eq!(read_all(journal, from), events(from.0, end - from.0));
        for committed in journal.read(from).unwrap() {
            let committed = committed.unwrap();
            for sealed in &self.sealed {
                assert_eq!(committed.first < sealed.offset, committed.epoch < sealed.epoch);
            }
        }
        self.end = end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_events_survive_any_cut_of_power(
        lives in prop::collection::vec(
            (0u64..60, any::<u64>(), prop::collection::vec((0u64..9, 1u64..12), 1..30)), 1..6),
    ) {
        let directory = TempDir::new().unwrap();
        // The journal's own name and place are made once, before.
        drop(open_hastily(directory.path()).unwrap());
        let (mut promised, mut may_reach) = (Promised::default(), 0);
        for (operations, seed, steps) in lives {
            let disk = ForgetfulDisk::new(operations);
            let opened = FileJournal::open_on(Arc::clone(&disk) as _, directory.path(), small());
            if let Ok(journal) = opened {
                promised.check(&journal, may_reach);
                may_reach = promised.live(&journal, &steps);
            }
            let mut state = seed | 1;
            disk.lose(directory.path(), |end| {
                // Marsaglia, Xorshift RNGs, 2003.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % end
            });
            promised.check(&open_hastily(directory.path()).unwrap(), may_reach);
        }
    }
}
