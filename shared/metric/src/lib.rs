//! The one definition of a metric, and the fold that both layers run.
//!
//! Read in this order:
//! 1. [`definition`] and [`compile`]: what a metric is, and how it becomes a fold.
//! 2. [`expression`] and [`extract`]: SQL over the properties of events, and how those are read.
//! 3. [`measure`] and [`table`]: mergeable states, and groups with their states, the one data
//!    structure that both layers fill; [`layout`] says in which columns states are stored.
//! 4. [`catalog`], [`dashboards`] and [`views`]: what is kept, and the traits by which the layers
//!    know each other.

pub mod catalog;
pub mod compile;
pub mod dashboards;
pub mod definition;
pub mod expression;
pub mod extract;
pub mod layout;
pub mod measure;
pub mod scalar;
pub mod table;
pub mod views;
