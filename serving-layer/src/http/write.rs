//! Bodies that are written piece by piece, each in a turn of its own: a long answer takes the
//! processor for as long as others do not want it, and none of it is made before it can be sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use shared::request::Asker;
use tokio::time::timeout;

use crate::error::Error;
use crate::format::Pieces;
use crate::live::Message;
use crate::memory::{Held, Need};
use crate::serve::{Asking, Serving, Work, blocking};

/// How long a stream says nothing at most.
const SILENCE: Duration = Duration::from_secs(15);
/// A text up to this takes no more than its connection may have.
const SMALL_BYTES: usize = 64 << 10;

/// A text with its memory, until it is sent.
struct HeldText {
    text: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// A short answer's text, whose memory is taken until it is sent.
pub(super) async fn held(
    serving: &Arc<Serving>,
    asker: &Asker,
    text: Vec<u8>,
) -> Result<Bytes, Error> {
    if text.len() <= SMALL_BYTES {
        return Ok(text.into());
    }
    let _held = room(serving, asker, text.len()).await?;
    Ok(Bytes::from_owner(HeldText { text, _held }))
}

/// Memory to write an answer in; where it is much, it is waited for.
pub(super) async fn room(
    serving: &Arc<Serving>,
    asker: &Asker,
    bytes: usize,
) -> Result<Held, Error> {
    if let Ok(held) = serving.memory.account(asker, Need::Little).hold(bytes) {
        return Ok(held);
    }
    let hold = |work: Work| async move { Ok(work.hold(bytes)?) };
    serving.in_turn_of(Need::Much, &Asking::query(asker.clone()), hold).await
}

/// The pieces of an answer.
pub(super) fn written(
    serving: Arc<Serving>,
    asking: Asking,
    pieces: Pieces,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((serving, asking, pieces), |(serving, asking, mut pieces)| async move {
        let turn = serving.admission.writing.take(&asking).await;
        let written = blocking(move || {
            let _turn = turn;
            Ok((pieces.next().transpose(), pieces))
        });
        let (piece, pieces) = written.await.map_err(io::Error::other)?;
        Ok(piece?.map(|piece| (piece, (serving, asking, pieces))))
    })
}

/// Server-sent events: each message as an event, and now and then a comment, so that a connection
/// that has nothing to say is not taken for one that is gone.
pub(super) fn events(
    serving: Arc<Serving>,
    asking: Asking,
    messages: impl Stream<Item = Message> + Send + 'static,
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
        let Some(Message { event, pieces, is_unwritten }) = message else {
            return stream::iter([Ok(Bytes::from_static(b":\n\n"))]).boxed();
        };
        let head = Bytes::from(format!("event: {event}\ndata: "));
        if !is_unwritten {
            return stream::iter(together(head, pieces)).boxed();
        }
        let (head, tail) = (stream::iter([Ok(head)]), stream::iter([Ok("\n\n".into())]));
        let data = written(Arc::clone(&serving), asking.clone(), pieces);
        head.chain(data).chain(tail).boxed()
    })
}

/// An event whose text is written: in one piece, if it is small.
fn together(head: Bytes, pieces: Pieces) -> Vec<io::Result<Bytes>> {
    let ends = [Ok(head)].into_iter().chain(pieces).chain([Ok(Bytes::from_static(b"\n\n"))]);
    let event: Vec<io::Result<Bytes>> = ends.collect();
    let bytes: usize = event.iter().flatten().map(Bytes::len).sum();
    if bytes > SMALL_BYTES {
        return event;
    }
    let event: io::Result<Vec<Bytes>> = event.into_iter().collect();
    vec![event.map(|pieces| pieces.concat().into())]
}
