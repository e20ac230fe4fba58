//! `merganser scheduler`: hands out parts of runs, until a signal stops it.

use super::CliError;
use crate::settings::Settings;

/// Runs the scheduler. Prints one line with its address when it can be asked.
#[cfg(feature = "ballista")]
pub(super) fn run(settings: Settings) -> Result<(), CliError> {
    let traces = super::serve::start_log(&settings)?;
    let served = super::serve::runtime()?.block_on(async {
        let mut stop = super::serve::ShutdownSignal::listen()?;
        let mut scheduler = crate::compose::start_scheduler(&settings).await?;
        super::output::print(&format!(
            "merganser's scheduler is ready at {}",
            scheduler.address()
        ))?;
        tokio::select! {
            () = stop.received() => Ok(()),
            () = scheduler.ended() => Err(anyhow::anyhow!("the scheduler has ended")),
        }
    });
    if let Some(traces) = traces {
        traces.flush_and_shutdown();
    }
    Ok(served?)
}

/// There is none.
#[cfg(not(feature = "ballista"))]
pub(super) fn run(_: Settings) -> Result<(), CliError> {
    Err(CliError::Usage(
        "this build has no scheduler: make one with `cargo build --release --features ballista`"
            .to_owned(),
    ))
}
