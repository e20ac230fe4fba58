//! The serving layer: queries in, exact answers out.
//!
//! Read in this order:
//! 1. [`merge`]: batch ⊕ speed, the sum that every answer is.
//! 2. [`calendar`]: buckets in time zones.
//! 3. [`query`] and [`plan`]: a client's query, and what has to be read for it.
//! 4. [`serve`]: one answer from beginning to end.
//! 5. [`answer`] and `format`: rows, and how they are written.
//! 6. [`http`]: the routes, [`subscriptions`]: answers that follow the events, and `dashboard`:
//!    documents of charts.
//!
//! All queries take their memory from one budget ([`memory`]), and work only with a permit.
//!
//! The layer stores nothing durable: any number of serving layers can run side by side.

pub mod answer;
pub mod cache;
pub mod calendar;
mod dashboard;
pub mod error;
mod format;
pub mod http;
mod instruments;
pub mod memory;
pub mod merge;
pub mod plan;
pub mod query;
pub mod serve;
pub mod subscriptions;
#[cfg(test)]
mod testing;

pub use error::ServingError;
pub use serve::{RECENT_EVENTS_MAX, ServingLayer, ServingSettings};
