//! `merganser doctor`: whether a service with these settings would start and run well here.
//!
//! It looks, and changes nothing but a probe file in the data directory, which it removes. What is
//! free, the lock of the directory and the port, it takes for an instant to see that. So it can run
//! beside a service, and before the first start.
//!
//! Each check is what it looks at and, apart from that, how it judges; it answers with a
//! [`DoctorFinding`].

mod clock;
mod descriptors;
mod directory;
mod directory_usage;
mod finding;
mod listen;
mod schedule;
mod scheduler;
mod space;
mod storage;
mod store;

use std::path::Path;

use clap::Args;
use merganser_core::clock::{Clock, SystemClock};

use self::directory_usage::DirectoryUsage;
use self::finding::{DoctorFinding, DoctorReport};
use super::output::{self, OutputFormat};
use super::text::pluralize;
use super::{CliError, ServeArgs, serve};
use crate::compose::{self, inspect};
use crate::settings::Settings;

/// Arguments of `merganser doctor`: those of `merganser serve`.
#[derive(Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) serve: ServeArgs,

    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: OutputFormat,
}

/// Checks everything and prints what was found.
pub(super) fn run(settings: &Settings, output: OutputFormat) -> Result<(), CliError> {
    let report = DoctorReport::new(serve::runtime()?.block_on(run_checks(settings)));
    match output {
        OutputFormat::Table => output::print(&report.to_table()),
        OutputFormat::Json => output::print_json(&report),
    }?;
    match report.problems() {
        0 => Ok(()),
        1 => Err(CliError::Failed(anyhow::anyhow!("there is a problem"))),
        more => Err(CliError::Failed(anyhow::anyhow!("there are {more} problems"))),
    }
}

async fn run_checks(settings: &Settings) -> Vec<DoctorFinding> {
    let data_dir = &*settings.data_dir;
    let holder = inspect::lock_holder(data_dir);
    let is_running = matches!(holder, Ok(Some(_)));
    let inspected = inspect::inspect_data(settings).await;
    let keys = match &inspected {
        Ok(inspected) => {
            let published = inspected.as_ref().and_then(|inspected| inspected.published.as_ref());
            Some(published.map_or(0, |published| published.keys))
        }
        Err(_) => None,
    };
    let content = DirectoryUsage::of(data_dir);
    vec![
        directory::check(data_dir),
        directory::lock(&holder),
        directory::data(&inspected),
        space::check(data_dir, content.size_bytes, settings.disk_floor_bytes.0),
        descriptors::check(settings.connections_max, settings.queries_max),
        clock::check(SystemClock.now(), content.newest),
        storage::check(settings).await,
        store::check(&settings.speed_store.0).await,
        scheduler::check(settings).await,
        listen::check(settings, keys, is_running),
        definitions(settings.metrics_file()),
        schedule::check(settings, inspected.ok().flatten().and_then(|data| data.published)),
    ]
}

/// The file of definitions, as it is applied at every start.
fn definitions(file: Option<&Path>) -> DoctorFinding {
    const METRICS: &str = "metrics file";
    let Some(file) = file else { return DoctorFinding::ok(METRICS, "none is set") };
    match compose::definitions::read(file) {
        Ok(defined) => {
            let metrics = pluralize(defined.len() as u64, "metric");
            let found = format!("`{}` defines {metrics}", file.display());
            DoctorFinding::ok(METRICS, found)
        }
        Err(error) => DoctorFinding::problem(METRICS, format!("{error:#}"), "correct it"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::finding::FindingSeverity;
    use super::*;

    #[test]
    fn definitions_are_read_and_compiled() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("metrics.toml");
        assert_eq!(definitions(None).verdict, FindingSeverity::Ok);
        assert_eq!(definitions(Some(&file)).verdict, FindingSeverity::Problem);
        let metric = "[[metric]]\nname = 'm'\nevent = 'e'\nmeasures.n.kind = 'count'\n";
        fs::write(&file, metric).unwrap();
        assert!(definitions(Some(&file)).found.ends_with("defines 1 metric"));
        fs::write(&file, format!("{metric}filter = 'a +'\n")).unwrap();
        assert_eq!(definitions(Some(&file)).verdict, FindingSeverity::Problem);
    }
}
