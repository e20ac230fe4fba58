//! Bodies that are written piece by piece, each with a permit of its own: a long answer takes the
//! processor for as long as others do not want it, and none of it is made before it can be sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use merganser_api::request::CallerId;
use merganser_core::blocking::run_blocking;
use tokio::time::timeout;

use crate::error::ServingError;
use crate::format::AnswerChunks;
use crate::memory::{MemoryNeed, QueryMemoryGuard};
use crate::serve::{PermitRequest, QueryContext, ServingLayer};
use crate::subscriptions::LiveMessage;

/// How long a stream says nothing at most.
const SILENCE: Duration = Duration::from_secs(15);
/// A text up to this takes no more than its connection may have.
const SMALL_BYTES: usize = 64 << 10;

/// A text with its memory, until it is sent.
struct HeldText {
    text: Vec<u8>,
    _held: QueryMemoryGuard,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// A short answer's text, whose memory is taken until it is sent.
pub(super) async fn held_body(
    serving: &Arc<ServingLayer>,
    caller: &CallerId,
    text: Vec<u8>,
) -> Result<Bytes, ServingError> {
    if text.len() <= SMALL_BYTES {
        return Ok(text.into());
    }
    let _held = reserve_write_memory(serving, caller, text.len()).await?;
    Ok(Bytes::from_owner(HeldText { text, _held }))
}

/// Memory to write an answer in; where it is much, it is waited for.
pub(super) async fn reserve_write_memory(
    serving: &Arc<ServingLayer>,
    caller: &CallerId,
    bytes: usize,
) -> Result<QueryMemoryGuard, ServingError> {
    if let Ok(held) = serving.memory.account(caller, MemoryNeed::Little).hold(bytes) {
        return Ok(held);
    }
    let hold = |work: QueryContext| async move { Ok(work.hold(bytes)?) };
    serving.run_when_admitted(MemoryNeed::Much, &PermitRequest::query(caller.clone()), hold).await
}

/// The pieces of an answer.
pub(super) fn answer_stream(
    serving: Arc<ServingLayer>,
    request: PermitRequest,
    pieces: AnswerChunks,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((serving, request, pieces), |(serving, request, mut pieces)| async move {
        let permit = serving.admission.writing.acquire(&request).await;
        let written = run_blocking(move || {
            let _permit = permit;
            Ok::<_, ServingError>((pieces.next().transpose(), pieces))
        });
        let (piece, pieces) = written.await.map_err(io::Error::other)?;
        Ok(piece?.map(|piece| (piece, (serving, request, pieces))))
    })
}

/// Server-sent events: each message as an event, and now and then a comment, so that a connection
/// that has nothing to say is not taken for one that is gone.
pub(super) fn event_stream(
    serving: Arc<ServingLayer>,
    request: PermitRequest,
    messages: impl Stream<Item = LiveMessage> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let messages = Box::pin(messages);
    let kept_alive = stream::unfold(messages, |mut messages| async move {
        let message = match timeout(SILENCE, messages.next()).await {
            Ok(message) => Some(message?),
            Err(_) => None,
        };
        Some((message, messages))
    });
    kept_alive.flat_map(move |message| {
        let Some(LiveMessage { event, pieces, is_unwritten }) = message else {
            return stream::iter([Ok(Bytes::from_static(b":\n\n"))]).boxed();
        };
        let head = Bytes::from(format!("event: {event}\ndata: "));
        if !is_unwritten {
            return stream::iter(event_chunks(head, pieces)).boxed();
        }
        let (head, tail) = (stream::iter([Ok(head)]), stream::iter([Ok("\n\n".into())]));
        let data = answer_stream(Arc::clone(&serving), request.clone(), pieces);
        head.chain(data).chain(tail).boxed()
    })
}

/// An event whose text is written: in one piece, if it is small.
fn event_chunks(head: Bytes, pieces: AnswerChunks) -> Vec<io::Result<Bytes>> {
    let ends = [Ok(head)].into_iter().chain(pieces).chain([Ok(Bytes::from_static(b"\n\n"))]);
    let event: Vec<io::Result<Bytes>> = ends.collect();
    let bytes: usize = event.iter().flatten().map(Bytes::len).sum();
    if bytes > SMALL_BYTES {
        return event;
    }
    let event: io::Result<Vec<Bytes>> = event.into_iter().collect();
    vec![event.map(|pieces| pieces.concat().into())]
}
