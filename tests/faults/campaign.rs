//! The campaign: the real binary and real Redis servers are hurt in every way that we know, under
//! load, and every answer on the way is checked against what was acknowledged.
//!
//! Without arguments it runs its bounded share, which `scripts/test` does. `scripts/campaign` runs
//! it longer. Every random choice comes from the seed, which is printed and replays:
//!
//! ```text
//! faults [--minutes N] [--seed S] [--only SCENARIO] [--planted BUG | --all-planted]
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod arguments;
mod bounds;
mod clock;
mod cluster;
mod damage;
#[cfg(feature = "ballista")]
mod executors;
mod full_disk;
mod hosts;
mod http;
mod kills;
mod ledger;
mod load;
mod network;
mod places;
mod planted;
mod random;
mod redis;
mod redis_cluster;
mod redis_faults;
mod report;
mod revocation;
mod rivals;
mod s3;
mod service;
mod successors;

use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::random::Random;
use crate::report::Report;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            println!("{wrong}");
            return ExitCode::from(2);
        }
    };
    network::enter();
    println!("seed {}", arguments.seed);
    let report = Report::default();
    if arguments.all_planted || arguments.planted.is_some() {
        return planted::hunt(&arguments, &report);
    }
    for (name, scenario) in report::SCENARIOS {
        if arguments.only.as_deref().is_some_and(|only| only != *name) {
            continue;
        }
        let mut random = Random::new(arguments.seed);
        report.scenario(name, || scenario(&arguments, &report, &mut random));
    }
    report.print();
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
