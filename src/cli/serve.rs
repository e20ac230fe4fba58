//! `merganser serve`: the service, until a signal stops it.

use std::{io, panic};

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::{CliError, malloc_arenas, output};
use crate::compose::{ClusterNode, RunningService};
use crate::settings::{LogFormat, Settings};
use crate::trace::TraceExporter;

/// Serves. Prints one line with the URL when it is ready to answer.
pub(super) fn run(settings: Settings) -> Result<(), CliError> {
    malloc_arenas::reexec_with_one_arena();
    let traces = start_log(&settings)?;
    merganser_core::failpoint::start();
    let served = runtime()?.block_on(serve(settings));
    if let Some(traces) = traces {
        traces.flush_and_shutdown();
    }
    Ok(served?)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let mut stop = ShutdownSignal::listen()?;
    let service = tokio::select! {
        service = Box::pin(StartedProcess::start(settings)) => service?,
        () = stop.received() => return Ok(()),
    };
    tokio::select! {
        ready = service.wait_until_ready() => {
            ready?;
            output::print(&format!("merganser is ready at {}", service.url()))?;
            stop.received().await;
        }
        () = stop.received() => {}
    }
    info!("stopping");
    tokio::select! {
        outcome = service.stop() => outcome,
        () = stop.received() => {
            anyhow::bail!("a second signal came: ended without an orderly shutdown")
        },
    }
}

/// A process: the only one, or one of several.
enum StartedProcess {
    Alone(Box<RunningService>),
    OfCluster(Box<ClusterNode>),
}

impl StartedProcess {
    async fn start(settings: Settings) -> anyhow::Result<Self> {
        Ok(match settings.role.0.is_cluster {
            false => Self::Alone(Box::new(RunningService::start(settings).await?)),
            true => Self::OfCluster(Box::new(ClusterNode::start(settings).await?)),
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Alone(service) => service.url(),
            Self::OfCluster(node) => node.url(),
        }
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        match self {
            Self::Alone(service) => service.wait_until_ready().await,
            Self::OfCluster(node) => {
                node.wait_until_ready().await;
                Ok(())
            }
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Alone(service) => service.stop().await,
            Self::OfCluster(node) => node.stop().await,
        }
    }
}

/// The runtime of everything that serves.
///
/// # Errors
/// When the system gives no threads.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Sends the log to stderr, as the settings say, and traces to where they are wanted.
///
/// # Errors
/// When it was started already.
pub(super) fn start_log(settings: &Settings) -> anyhow::Result<Option<TraceExporter>> {
    // Ballista warns twenty times a second where a scheduler is away; we say so once.
    let filter = format!("ballista_executor=error,{}", settings.log.0);
    let filter = EnvFilter::try_new(filter).context("the log filter")?;
    let traces = settings.otlp_endpoint.0.as_deref().map(TraceExporter::to).transpose()?;
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let log = match settings.log_format {
        LogFormat::Text => log.with_ansi(output::is_interactive()).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let started = tracing_subscriber::registry()
        .with(log.with_filter(filter))
        .with(traces.as_ref().map(TraceExporter::layer))
        .try_init();
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))?;
    // A line of the log like any other, whatever its format.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let cause = panic.payload_as_str().unwrap_or("unknown");
        tracing::error!(place, cause, "a thread panicked");
    }));
    Ok(traces)
}

/// SIGTERM and Ctrl-C, from when it is made.
pub(super) struct ShutdownSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl ShutdownSignal {
    /// Takes both signals over from the system.
    ///
    /// # Errors
    /// When it refuses that.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of them.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
