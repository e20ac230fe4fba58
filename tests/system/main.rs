//! The real binary, real Redis servers, real kills.
//!
//! Each test has a directory, ports and processes of its own. None waits for luck: what takes time
//! is polled until a deadline. What a test wants is computed here, from what it sent, by code that
//! the service does not share.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod backlog;
mod backup;
mod bounds;
mod bucket;
mod client_settings;
mod clocks;
mod cluster;
mod command_line;
mod dashboards;
mod descriptors;
mod docs;
mod doctor;
#[cfg(feature = "ballista")]
mod executors;
mod explain;
mod exports;
mod gone;
mod hostile;
mod http;
mod instruments;
mod interrupt;
mod keys;
mod kills;
mod load;
mod memory;
mod oracle;
mod positions;
mod preview;
mod random;
mod ranges;
mod redis_faults;
mod redis_server;
mod reference;
mod requests;
mod resume;
mod s3_server;
mod secrets;
mod segment;
mod server;
mod startup;
mod tables;
mod the_loop;
mod tls;
mod totals;
mod traces;
mod values;
mod wait;
mod warnings;

/// Makes a test for each kind of speed store from a function that takes one.
macro_rules! in_both_stores {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn with_memory() {
                super::$name(crate::server::Store::Memory);
            }

            #[test]
            fn with_redis() {
                super::$name(crate::server::Store::Redis);
            }
        }
    )+};
}
pub(crate) use in_both_stores;
