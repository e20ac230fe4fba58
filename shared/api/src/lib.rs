//! What clients of Merganser see: how requests are read, answers shaped, and problems named.

pub mod problem;
pub mod request;
