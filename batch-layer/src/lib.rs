//! The batch layer: it keeps every event, and recomputes what is known from them.
//!
//! | module | what |
//! |---|---|
//! | [`journal`] | the durable log that an acknowledgement depends on |
//! | [`master`] | every event as Parquet, by day |
//! | [`recompute`] | master files folded into states, as a DataFusion plan |
//! | [`view`] | states in Parquet, by grain |
//! | [`manifest`] | the one atomic pointer, and what publications do to it |
//! | [`catalog`] | the manifest as other layers see it: definitions and snapshots |
//! | [`audit`] | what was made against what was served |
//! | [`schedule`] | when runs are due |
//! | [`backup`] | a consistent copy of all of it, as a tar archive |
//! | [`line_objects`] | lines that are kept beside a journal in the storage |
//! | [`lease`] | which of several processes does what only one shall do |
//! | [`inspect`] | a look at a data directory from outside |
//! | [`job`] | the records of runs, and their queue |
//! | [`run`] | how runs work: seal, archive, recompute, audit, publish, retire |

pub mod audit;
pub mod backup;
pub mod catalog;
mod compaction_policy;
mod error_text;
pub mod files;
pub mod fold_plan;
pub mod http;
pub mod inspect;
pub mod job;
pub mod journal;
pub mod lease;
pub mod line_objects;
pub mod manifest;
pub mod master;
mod parquet_file;
pub mod recompute;
pub mod run;
pub mod schedule;
pub mod storage;
mod storage_thread;
#[cfg(test)]
mod testing;
mod time_order;
pub mod view;
