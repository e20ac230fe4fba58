//! `merganser backup`: a consistent copy of a service's data directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{HumanBytes, ProgressBar};
use serde_json::json;

use super::client::{ApiClient, ClientArgs};
use super::output;
use super::text::pluralize;
use super::{CliError, serve};
use crate::compose::{self, DataPlace};
use crate::settings::{JournalPlace, StorageLocation};

/// Arguments of `merganser backup`.
#[derive(Args, Debug)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Take it of the directory of a service that is stopped, instead of asking one that runs
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The service's setting of the same name, where it has one
    #[arg(long, value_name = "STORAGE", default_value = "", requires = "data_dir")]
    storage: StorageLocation,
    /// The service's setting of the same name, where it has one
    #[arg(long, value_name = "PLACE", default_value = "directory", requires = "data_dir")]
    journal: JournalPlace,
    /// Where it goes: a directory that is empty or not there yet. To restore, start on it
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// How to print what was taken
    #[arg(long, value_enum, default_value_t)]
    output: output::OutputFormat,
}

/// What is in the directory while it is not whole.
const UNFINISHED: &str = ".merganser-unfinished";
/// Where the last object of an archive is.
const MANIFEST: &str = "manifest";

/// What was written.
#[derive(Debug, Default)]
struct UnpackSummary {
    files: u64,
    size_bytes: u64,
    is_whole: bool,
}

/// Takes a back-up.
pub(super) fn run(args: &BackupArgs) -> Result<(), CliError> {
    let to = &args.to;
    if !is_free(to) {
        return Err(CliError::Usage(format!("`{}` is there and not empty", to.display())));
    }
    let bar =
        if output::is_interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    let (generation, written) = match &args.data_dir {
        Some(data_dir) => {
            let runtime = serve::runtime()?;
            let place = DataPlace::offline(data_dir, args.storage.0.clone(), args.journal.0);
            let mut backup = runtime.block_on(compose::back_up(&place))?;
            (backup.generation.to_string(), write_archive(&mut backup.archive, to, &bar)?)
        }
        None => {
            let mut response = ApiClient::new(&args.client)?.download("/v1/backup", &[])?;
            let generation = response.headers().get("merganser-generation");
            let generation = generation.and_then(|value| value.to_str().ok()).unwrap_or("?");
            (generation.to_owned(), write_archive(response.body_mut().as_reader(), to, &bar)?)
        }
    };
    bar.finish_and_clear();
    Ok(match args.output {
        output::OutputFormat::Json => output::print_json(&json!({
            "directory": to,
            "generation": generation.parse::<u64>().ok(),
            "files": written.files,
            "bytes": written.size_bytes,
        })),
        output::OutputFormat::Table => output::print(&format!(
            "generation {generation}, {}, {} are in {}; to restore, start on it: \
             merganser --data-dir {}",
            pluralize(written.files, "file"),
            HumanBytes(written.size_bytes),
            to.display(),
            to.display()
        )),
    }?)
}

/// Whether a directory is not there, or is empty but for what an earlier command left unfinished.
fn is_free(to: &Path) -> bool {
    match fs::read_dir(to) {
        Ok(mut entries) => entries.all(|e| e.is_ok_and(|e| e.file_name() == UNFINISHED)),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Writes an archive to a directory. Until all of it is durable it is in a directory within that
/// one, which may be a mount point; the manifest is moved last, so that what a crash leaves in
/// between does not look like a back-up.
fn write_archive(
    archive: impl Read,
    to: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<UnpackSummary> {
    let place = || format!("`{}`", to.display());
    let is_new = !to.exists();
    let unfinished = to.join(UNFINISHED);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(place)?;
    }
    fs::create_dir_all(&unfinished).with_context(place)?;
    let written = unpack(archive, &unfinished, bar).and_then(|written| {
        anyhow::ensure!(written.is_whole, "the back-up broke off: it has no manifest");
        Ok(written)
    });
    let written = match written {
        Ok(written) => written,
        Err(error) => {
            // It would be no back-up; should it stay, the next command removes it.
            let _ = fs::remove_dir_all(&unfinished);
            if is_new {
                let _ = fs::remove_dir(to);
            }
            return Err(error);
        }
    };
    move_into_place(&unfinished, to).with_context(place)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync(parent.unwrap_or(Path::new(".")))?;
    Ok(written)
}

fn move_into_place(from: &Path, to: &Path) -> anyhow::Result<()> {
    let names: io::Result<Vec<_>> = fs::read_dir(from)?.map(|e| e.map(|e| e.file_name())).collect();
    let (last, first): (Vec<_>, Vec<_>) = names?.into_iter().partition(|name| name == MANIFEST);
    for name in first.iter().chain(&last) {
        fs::rename(from.join(name), to.join(name))?;
        sync(to)?;
    }
    fs::remove_dir(from)?;
    sync(to)
}

fn unpack(
    archive: impl Read,
    directory: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<UnpackSummary> {
    let mut written = UnpackSummary::default();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry.context("the back-up broke off")?;
        let name = entry.path()?.into_owned();
        let is_inside = name.components().all(|part| matches!(part, Component::Normal(_)));
        anyhow::ensure!(
            is_inside && entry.header().entry_type().is_file(),
            "`{}` is no file of a data directory",
            name.display()
        );
        let path = directory.join(&name);
        let folder = path.parent().unwrap_or(directory);
        fs::create_dir_all(folder)?;
        let mut file = File::create_new(&path).with_context(|| format!("`{}`", path.display()))?;
        let size_bytes = io::copy(&mut entry, &mut file).context("the back-up broke off")?;
        anyhow::ensure!(
            size_bytes == entry.size(),
            "the back-up broke off in `{}`",
            name.display()
        );
        file.sync_all()?;
        written.files += 1;
        written.size_bytes += size_bytes;
        written.is_whole = name.starts_with(MANIFEST);
        let files = pluralize(written.files, "file");
        bar.set_message(format!("{files}, {}", HumanBytes(written.size_bytes)));
    }
    sync_all(directory)?;
    Ok(written)
}

/// Makes the names of all files below durable.
fn sync_all(directory: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        }
    }
    sync(directory)
}

fn sync(directory: &Path) -> anyhow::Result<()> {
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.with_context(|| format!("`{}`", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            // As no usual tool writes it.
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn take(bytes: &[u8], to: &Path) -> Result<UnpackSummary, String> {
        write_archive(bytes, to, &ProgressBar::hidden()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_back_up_is_whole_or_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join("copy");
        let whole = archive(&[("journal/id", b"1"), ("manifest/0.json", &[b'm'; 700])]);
        for cut in [0, 100, 600, 1024, 1700, 2000] {
            let error = take(&whole[..cut], &to).unwrap_err();
            assert!(error.contains("broke off"), "{cut}: {error}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{cut}");
        }
        // The rest of an earlier command is deleted; other files stay.
        fs::create_dir_all(to.join(UNFINISHED).join("journal")).unwrap();
        assert!(is_free(&to) && is_free(&directory.path().join("none")));
        let written = take(&whole, &to).unwrap();
        assert_eq!((written.files, written.size_bytes), (2, 701));
        assert_eq!(fs::read(to.join("manifest/0.json")).unwrap(), vec![b'm'; 700]);
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
        assert!(!is_free(&to) && !is_free(&to.join("journal/id")));
    }

    #[test]
    fn nothing_is_written_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join("copy");
        for name in ["../outside", "/tmp/merganser-outside", "a/../../outside"] {
            let error = take(&archive(&[(name, b"x")]), &to).unwrap_err();
            assert!(error.contains("no file of a data directory"), "{error}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
