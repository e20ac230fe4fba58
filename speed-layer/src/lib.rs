//! The speed layer: events come in here, and are counted here until the batch layer has them.

pub mod fold;
pub mod http;
pub mod intake;
pub mod replica;
pub mod store;
