//! Load for the whole-system benchmark: events and queries over HTTP, all from one thread.
//!
//! It shares the machine with the service, so it does as little as it can: requests are copied from
//! memory, only ids and times are written anew, and replies are searched, not parsed. Every loop
//! ends after a set time. What was measured is printed as one line of JSON.

mod connection;
mod events;
mod ingest;
mod past;
mod print;
mod query;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::events::Kind;

/// Load for Merganser's benchmark.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send events
    Ingest(IngestLoadArgs),
    /// Ask queries
    Query(QueryLoadArgs),
    /// Print events as NDJSON, for other engines
    Print(PrintArgs),
}

#[derive(Args, Clone, Debug)]
struct Load {
    /// Host and port of the service
    #[arg(long, default_value = "127.0.0.1:8080")]
    server: String,
    /// Connections, each with a request at a time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

#[derive(Args, Clone, Debug)]
struct IngestLoadArgs {
    #[command(flatten)]
    load: Load,
    /// NDJSON file of events that the load is made from, gzipped
    #[arg(long)]
    data: PathBuf,
    /// New ids and times around now, or the file's events replicated over years
    #[arg(long, value_enum, default_value_t = Kind::Live)]
    kind: Kind,
    /// Events of a request
    #[arg(long, default_value_t = 1000)]
    batch: usize,
    /// Events a second over all connections; 0 is as many as are taken
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// The number of the first event: a load goes on where one ended that had as many
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Stop after so many events
    #[arg(long, default_value_t = u64::MAX)]
    events: u64,
    /// What an acknowledgement says: durable, or applied
    #[arg(long, default_value = "durable")]
    wait: String,
    /// Also measure how long it takes until an answer has what was acknowledged
    #[arg(long)]
    freshness: bool,
    /// Sets ids apart from those of earlier loads
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

#[derive(Args, Clone, Debug)]
struct QueryLoadArgs {
    #[command(flatten)]
    load: Load,
    /// Queries a second over all connections; 0 is as many as are answered
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Path and query string; may be given several times; the paths are requested in turn
    #[arg(long = "path", required = true)]
    paths: Vec<String>,
}

#[derive(Args, Clone, Debug)]
struct PrintArgs {
    /// NDJSON file of events that the load is made from, gzipped
    #[arg(long)]
    data: PathBuf,
    /// New ids and times around now, or the file's events replicated over years
    #[arg(long, value_enum, default_value_t = Kind::Live)]
    kind: Kind,
    /// How many
    #[arg(long)]
    events: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Ingest(args) => ingest::run(&args).await,
        Command::Query(args) => query::run(&args).await,
        Command::Print(args) => print::run(&args),
    }
}
