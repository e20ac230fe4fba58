//! Whole answers, against a count that shares no code with them.

mod oracle;
mod service;
