//! The vocabulary of Merganser: what every layer and every test speaks of.
//!
//! Read in this order:
//! 1. [`ids`]: offsets, epochs, generations: the positions in arrival order that everything is cut
//!    by; [`time`]: instants, ranges and grains.
//! 2. [`event`]: the record batch that an accepted event lives in, and [`property`],
//!    [`properties`]: what is read of its JSON.
//! 3. [`journal`]: the port of the log that all events pass.
//! 4. [`line_store`]: the port of what is kept beside it.
//! 5. [`access`]: who may do what, and see what.
//!
//! No files, no network, no routes.

pub mod access;
pub mod blocking;
pub mod clock;
pub mod decimal;
pub mod event;
pub mod failpoint;
pub mod ids;
pub mod journal;
pub mod json;
pub mod line_store;
pub mod omissions;
pub mod properties;
pub mod property;
pub mod text;
pub mod time;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
