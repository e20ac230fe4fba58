//! The service against a naive count, at every step of its life.

mod faults;
mod life;
mod oracle;
mod parts;
mod random;
mod redis;
mod rig;
