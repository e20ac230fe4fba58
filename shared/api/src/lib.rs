//! What clients of Merganser see: how requests are read, answers shaped, and problems named.

pub mod dashboard;
pub mod error_code;
pub mod problem;
pub mod request;
