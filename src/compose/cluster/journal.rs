//! The journal as a process sees it that does not own it: it reads by itself, and asks the owner
//! for what changes the journal.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use batch_layer::journal::ObjectJournal;
use batch_layer::lease::LeaseState;
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Fence, JournalId, Offset};
use merganser_core::journal::{
    CommittedBatch, IdentityReader, Journal, JournalCopy, JournalError, JournalReader,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::internal::{SEAL, TRIM};
use crate::access::{CLUSTER_SECRET, ClusterSecret};

/// How often it is looked for entries of others.
const LOOK: Duration = Duration::from_millis(500);
/// How long the owner may take, and how long it is tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Below which offset the journal may go.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrimRequest {
    pub(super) below: Offset,
}

/// Where the journal begins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrimResponse {
    pub(super) start: Offset,
}

/// The journal of a cluster.
#[derive(Clone)]
pub(super) struct SharedJournal {
    read: Arc<ObjectJournal>,
    owner: watch::Receiver<LeaseState>,
    secret: ClusterSecret,
    client: ureq::Agent,
}

impl SharedJournal {
    /// Reads by `read`, and follows what others append until `stop`.
    pub(super) fn follow(
        read: Arc<ObjectJournal>,
        owner: watch::Receiver<LeaseState>,
        secret: ClusterSecret,
        stop: CancellationToken,
    ) -> Self {
        let following = Arc::clone(&read);
        tokio::spawn(async move {
            let mut tick = interval(LOOK);
            let mut is_failing = false;
            while stop.run_until_cancelled(tick.tick()).await.is_some() {
                let journal = Arc::clone(&following);
                let followed = tokio::task::spawn_blocking(move || journal.follow()).await;
                match followed {
                    Ok(Ok(_)) => is_failing = false,
                    Ok(Err(error)) if !std::mem::replace(&mut is_failing, true) => {
                        warn!(%error, "the journal cannot be followed; trying again");
                    }
                    Ok(Err(_)) | Err(_) => {}
                }
            }
        });
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build();
        Self { read, owner, secret, client: agent.into() }
    }

    /// Has the owner do something that can be done twice. While there is none, or it does not
    /// answer, another one may take over.
    fn ask<T: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> Result<T, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let why = match self.try_ask(path, request) {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            if Instant::now() >= until {
                return Err(why);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn try_ask<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, String> {
        let url = self.owner.borrow().holder.as_ref().map(|holder| holder.url.clone());
        let url = url.ok_or_else(|| "no process owns the journal at present".to_owned())?;
        let secret = self.secret.value();
        let secret = secret.to_str().map_err(|error| error.to_string())?;
        let sent = self.client.post(format!("{url}{path}")).header(CLUSTER_SECRET.as_str(), secret);
        let answer = sent.send_json(request).map_err(|error| format!("{url}: {error}"))?;
        answer.into_body().read_json().map_err(|error| format!("{url}: {error}"))
    }
}

fn failed(doing: &str, why: &str) -> JournalError {
    JournalError::Io(format!("its owner did not {doing} it: {why}"))
}

impl Journal for SharedJournal {
    fn id(&self) -> JournalId {
        self.read.id()
    }

    fn claim(&self) -> Result<Fence, JournalError> {
        // Whoever owns it claims it by a handle of its own.
        Err(JournalError::Fenced { fence: Fence::ZERO })
    }

    fn append(&self, _: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        Err(JournalError::Fenced { fence: Fence::ZERO })
    }

    fn end(&self) -> Offset {
        self.read.end()
    }

    fn start(&self) -> Offset {
        self.read.start()
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        let sealed: Boundary = self.ask(SEAL, &()).map_err(|why| failed("seal", &why))?;
        // What is read from now on goes as far as the seal.
        let until = Instant::now() + PATIENCE;
        let mut end = self.read.follow()?;
        while end < sealed.offset {
            if Instant::now() >= until {
                return Err(failed("seal", "what it sealed cannot be read"));
            }
            std::thread::sleep(Duration::from_millis(50));
            end = self.read.refresh()?;
        }
        Ok(sealed)
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        self.read.read(from)
    }

    fn read_identities(&self, from: Offset) -> Result<IdentityReader, JournalError> {
        self.read.read_identities(from)
    }

    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        self.read.checksum_at(position)
    }

    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()> {
        self.read.poll_beyond(offset, cx)
    }

    fn trim(&self, below: Offset) -> Result<Offset, JournalError> {
        let answer: TrimResponse =
            self.ask(TRIM, &TrimRequest { below }).map_err(|why| failed("trim", &why))?;
        Ok(answer.start)
    }

    fn copy(&self) -> Result<JournalCopy, JournalError> {
        self.read.copy()
    }

    fn confirm_claim(&self) -> Result<(), JournalError> {
        Err(JournalError::Fenced { fence: Fence::ZERO })
    }

    fn size_bytes(&self) -> u64 {
        self.read.size_bytes()
    }
}
