//! A build without Ballista: the leader makes all parts, and no process is an executor, as the
//! settings have said by then.

use batch_layer::lease::LeaseHolder;
use batch_layer::run::WorkSharingParts;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::followers::Followed;
use crate::access::ClusterSecret;
use crate::http::Readiness;
use crate::settings::Settings;

/// What a leader would have parts made with.
pub(super) enum NoScheduler {}

pub(super) use NoScheduler as LeaderScheduler;

impl NoScheduler {
    pub(super) fn url(&self) -> String {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "with Ballista it waits")]
    pub(super) async fn start(
        _: &Settings,
        _: &LeaseHolder,
        _: &ClusterSecret,
    ) -> anyhow::Result<Option<(Self, WorkSharingParts)>> {
        Ok(None)
    }
}

pub(super) fn execute(
    _: &Settings,
    _: &Followed,
    _: &Readiness,
    _: &CancellationToken,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    Ok(None)
}
