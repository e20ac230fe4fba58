//! Several processes as one service: every one answers every request, and what only one shall do is
//! done by the one that holds a lease for it.
//!
//! | part | what |
//! |---|---|
//! | `turns` | holding a lease, again and again |
//! | `owner` | owning the journal: taking events, appending them, folding them |
//! | `leader` | doing the runs |
//! | `parts` | having parts of runs made by executors, and making them as one |
//! | `journal` | the journal as all others see it |
//! | `dispatch`, `forward` | who answers a request, and handing it on |
//! | `sessions` | what they know of each other's sessions |
//! | `internal`, `secret` | what processes ask of each other, and how they know each other |
//! | `members`, `status` | which processes there are, and what they do |
//! | `followers` | what a process follows of the others |
//! | `routes` | all routes of a process |
//! | `node` | a process, from start to stop |
//!
//! **Leases decide speed only.** That each event counts once rests on three conditional writes: of
//! the journal's entries, of the manifest's generations, and of the speed views, each with a fence
//! or a parent. Whoever believes to hold a lease that it has lost is refused by one of them.

mod dispatch;
mod followers;
mod forward;
mod internal;
mod journal;
mod leader;
mod members;
mod node;
mod owner;
#[cfg(feature = "ballista")]
mod parts;
#[cfg(not(feature = "ballista"))]
#[path = "cluster/no_parts.rs"]
mod parts;
mod routes;
#[cfg(feature = "ballista")]
mod scheduler;
mod secret;
mod sessions;
mod status;
mod turns;

pub(crate) use self::node::ClusterNode;
#[cfg(feature = "ballista")]
pub(crate) use self::scheduler::{probe_scheduler, start_scheduler};
