//! What the campaign did and found.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use crate::arguments::Arguments;
#[cfg(feature = "ballista")]
use crate::executors;
use crate::ledger::Violation;
use crate::load::Common;
use crate::random::Random;
use crate::{bounds, damage, full_disk, hosts, kills, places, redis_faults, rivals};

/// A part of the campaign.
type Scenario = fn(&Arguments, &Report, &mut Random) -> Result<(), Violation>;

/// All of it, in this order.
pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("rivals", rivals::all),
    ("redis", redis_faults::all),
    ("damage", damage::all),
    ("places", places::all),
    ("bounds", bounds::all),
    ("full_disk", full_disk::all),
    ("hosts", hosts::all),
    ("kills", kills::all),
    #[cfg(feature = "ballista")]
    ("executors", executors::all),
];

/// Numbers of a campaign, and its violations.
#[derive(Debug, Default)]
pub(crate) struct Report {
    numbers: Mutex<BTreeMap<String, u64>>,
    violations: Mutex<Vec<(String, Violation)>>,
}

impl Report {
    /// Runs a part, and notes how it ended.
    pub(crate) fn scenario(&self, name: &str, run: impl FnOnce() -> Result<(), Violation>) {
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| Err("the campaign itself panicked".to_owned()));
        let seconds = started.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("{name}: good, {seconds:.1} s"),
            Err(violation) => {
                println!("{name}: VIOLATION after {seconds:.1} s: {violation}");
                self.violations.lock().unwrap().push((name.to_owned(), violation));
            }
        }
    }

    /// Adds to a number.
    pub(crate) fn add(&self, name: &str, count: u64) {
        *self.numbers.lock().unwrap().entry(name.to_owned()).or_default() += count;
    }

    /// Keeps the highest value of a number.
    pub(crate) fn highest(&self, name: &str, value: u64) {
        let mut numbers = self.numbers.lock().unwrap();
        let old = numbers.entry(name.to_owned()).or_default();
        *old = (*old).max(value);
    }

    /// Adds what the clients of a place did.
    pub(crate) fn add_load(&self, common: &Common) {
        use std::sync::atomic::Ordering::Relaxed;
        self.add("events acknowledged", common.ledger.acknowledged());
        self.add("answers checked", common.answers.load(Relaxed));
        self.add("requests refused", common.refused.load(Relaxed));
        self.add("requests repeated after their acknowledgement", common.repeated.load(Relaxed));
        self.add("claims of being whole after a failure", common.claims.load(Relaxed));
    }

    pub(crate) fn is_good(&self) -> bool {
        self.violations.lock().unwrap().is_empty()
    }

    pub(crate) fn print(&self) {
        println!("\nfigures");
        for (name, value) in &*self.numbers.lock().unwrap() {
            println!("  {name}: {value}");
        }
        let starts = crate::service::STARTS.load(std::sync::atomic::Ordering::Relaxed);
        println!("  starts of the service: {starts}");
        let violations = self.violations.lock().unwrap();
        println!("  violations: {}", violations.len());
    }
}
