//! `merganser`: the service and its command line.
//!
//! Arguments become settings, settings become a running service ([`compose`]); the client commands
//! only speak HTTP to one. Read `ARCHITECTURE.md` first.

mod access;
mod cli;
mod compose;
mod http;
mod settings;
mod trace;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run_cli()
}
