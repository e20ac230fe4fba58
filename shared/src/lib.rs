//! What the layers of Merganser have in common: the words, the one definition of a metric, and the
//! ports through which the layers meet.
//!
//! Read in this order:
//! 1. [`ids`]: offsets, epochs, generations: the places in arrival order that everything is cut by.
//! 2. [`event`]: the record batch that an accepted event lives in.
//! 3. [`definition`] and [`compile`]: what a metric is, and how it becomes a fold.
//! 4. [`table`]: groups and their states, the one data structure that both layers fill.
//! 5. [`ports`] and [`catalog`]: the traits and the snapshot by which layers know each other.
//! 6. [`access`]: who may do what, and see what.
//!
//! No layer's code lives here: no files, no Redis, no routes; only what all routes read and refuse
//! alike ([`request`], [`problem`]).

pub mod access;
pub mod catalog;
pub mod clock;
pub mod compile;
pub mod decimal;
pub mod definition;
pub mod event;
pub mod expression;
pub mod extract;
pub mod failpoint;
pub mod ids;
pub mod json;
pub mod measure;
pub mod omissions;
pub mod ports;
pub mod problem;
pub mod properties;
pub mod request;
pub mod scalar;
pub mod table;
pub mod time;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
