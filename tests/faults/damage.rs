//! Files damaged behind the service's back: named and refused, and healed where that is possible.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::kills::{finish, keep};
use crate::ledger::{QUERY, Violation};
use crate::load::{Load, ask_until_whole, run};
use crate::random::Random;
use crate::report::Report;
use crate::service::Place;

/// View files one after the other, then a master file.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let place = Place::new("memory", None);
    let service = place.start()?;
    let mut load = Load::start(&service.http, 50, 6, random);
    thread::sleep(Duration::from_millis(400));
    load.pause()?;
    ask_until_whole(&service.http, &load.common)?;
    run(&service.http, "incremental")?;
    service.kill();
    let rounds = if a.is_long() { 20 } else { 4 };
    let result = (0..rounds).try_for_each(|_| views(&place, &load, report, random));
    let result = result.and_then(|()| master(&place, &load, report, random));
    let result = result.and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    result.map_err(|violation| keep(&place, violation))
}

/// Every view file damaged: no answer, until a full run makes them anew from the master dataset.
fn views(
    place: &Place,
    load: &Load,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let files = files(&place.data_dir().join("views"));
    for file in &files {
        flip(file, random);
    }
    report.add("view files damaged", files.len() as u64);
    let service = place.start()?;
    let reply = service.http.get(QUERY).map_err(|error| error.to_string())?;
    if reply.status == 200 {
        // The kill cut a full run off, and the start did it again.
        load.common.ledger.check(&load.common.ledger.book(), &reply.text)?;
    } else if !reply.text.contains("views/") {
        return Err(format!("damaged views are answered {}: {}", reply.status, reply.text));
    } else {
        report.add("answers from damaged views refused", 1);
    }
    run(&service.http, "full")?;
    ask_until_whole(&service.http, &load.common)?;
    service.kill();
    Ok(())
}

/// A damaged master file: a full run refuses, and what was served is served on.
fn master(
    place: &Place,
    load: &Load,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let files = files(&place.data_dir().join("master"));
    let file = random.pick(&files);
    let whole = fs::read(file).unwrap();
    flip(file, random);
    report.add("master files damaged", 1);
    let service = place.start()?;
    let Some(location) = service.http.start_run("full") else {
        return Err("a run does not start".to_owned());
    };
    let mut said = String::new();
    for _ in 0..200 {
        said = service.http.get(&location).map_err(|error| error.to_string())?.text;
        if said.contains("checksum") {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    if !said.contains("checksum") || !said.contains("master/") {
        return Err(format!("a run over a damaged master file says {said}"));
    }
    ask_until_whole(&service.http, &load.common)?;
    service.kill();
    fs::write(file, whole).unwrap();
    Ok(())
}

fn flip(file: &Path, random: &mut Random) {
    let mut bytes = fs::read(file).unwrap();
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
    fs::write(file, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![folder.to_owned()] };
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).flat_map(|entry| files_of(&entry.path())).collect();
    files.sort();
    files
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() { files(path) } else { vec![path.to_owned()] }
}
