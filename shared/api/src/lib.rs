//! What clients of Merganser see: how requests are read, answers shaped, and problems named.
//!
//! A field of the API has one home, a type of a file named after its resource: the routes write it,
//! the API's description is derived from it, and the command line reads it. Descriptions are its
//! comments. Fields are sent in the order in which they stand.

pub mod answer;
pub mod dashboard;
pub mod error_code;
pub mod explain;
pub mod invalid_code;
pub mod key;
pub mod metric;
pub mod preview;
pub mod problem;
pub mod quarantine;
pub mod receipt;
pub mod request;
pub mod run;
pub mod schedule;
pub mod session;
pub mod status;
