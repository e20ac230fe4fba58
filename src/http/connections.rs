//! Connections: taken up to a bound, ended when nothing comes, and closed in order at the end.
//!
//! A connection that is open costs memory and a descriptor whether its client speaks or not. So
//! only so many are open at a time, further ones wait with the system until one ends, and each has
//! to bring its next request's head in time, and to take what is written to it. What a request's
//! body may take is up to its route.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::{debug, warn};

use super::ambiguity::AmbiguityDetector;
use crate::access::PeerNetwork;

/// How long nothing is accepted after the system refused to, e.g. for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// What a connection holds at most of what it reads, and of what is yet to be sent.
const BUFFER_BYTES: usize = 128 << 10;

/// Bounds of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionSettings {
    /// Open at a time.
    pub(crate) connections_max: usize,
    /// From a connection's start, or an answer's end, to the end of the next request's head; and
    /// for which a client may leave what is written to it where it is.
    pub(crate) idle_timeout: Duration,
}

/// How long it may take until both sides have agreed on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves until `stop`, then takes no more connections and returns once every request that has
/// begun is answered.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: S,
    bounds: ConnectionSettings,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(bounds.idle_timeout);
    protocol.max_buf_size(BUFFER_BYTES);
    loop {
        let next = async {
            // Before one is accepted, so that those beyond the bound stay with the system.
            let place = Arc::clone(&places).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => break,
        };
        // The semaphore is never closed.
        let Ok(place) = place else { break };
        // Answers are written in pieces that are ready to go; should it fail, they only go later.
        let _ = stream.set_nodelay(true);
        let stream = with_write_timeout(stream, bounds.idle_timeout);
        let (service, protocol) = (service.clone(), protocol.clone());
        let kept = HttpConnection { service, protocol, peer: peer.into(), stop: stop.clone() };
        match tls.clone() {
            None => tokio::spawn(kept.serve_requests(stream, place)),
            Some(tls) => tokio::spawn(kept.serve_tls(tls, stream, place)),
        };
    }
    drop(listener);
    let all = u32::try_from(bounds.connections_max).unwrap_or(u32::MAX);
    // All places are free once all connections have ended.
    let _ = places.acquire_many(all).await;
}

/// A stream whose client has to take what is written to it in time.
type TimedStream = Pin<Box<TimeoutWriter<TcpStream>>>;

/// What is sent to a client that does not read it fills memory and holds one of few places, so that
/// a write which waits for longer than `limit` ends the connection.
fn with_write_timeout(stream: TcpStream, limit: Duration) -> TimedStream {
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limit));
    Box::pin(stream)
}

async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip()),
            // The client's doing, and over with it.
            Err(error) if is_connection_error(error.kind()) => {}
            Err(error) => {
                warn!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_connection_error(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What a connection needs.
struct HttpConnection<S> {
    service: S,
    protocol: http1::Builder,
    peer: PeerNetwork,
    stop: CancellationToken,
}

impl<S> HttpConnection<S>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    S: Clone + Send,
    S::Future: Send,
{
    /// Agrees on TLS, then as [`HttpConnection::serve_requests`].
    async fn serve_tls(self, tls: TlsAcceptor, stream: TimedStream, place: OwnedSemaphorePermit) {
        let agreed = self.stop.run_until_cancelled(timeout(HANDSHAKE, tls.accept(stream))).await;
        match agreed {
            Some(Ok(Ok(stream))) => self.serve_requests(stream, place).await,
            Some(Ok(Err(error))) => debug!(%error, "there was no agreement on TLS"),
            Some(Err(_)) => debug!("there was no agreement on TLS in time"),
            None => {}
        }
    }

    /// Answers what comes over one connection.
    async fn serve_requests(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        _place: OwnedSemaphorePermit,
    ) {
        let (doubts, service) =
            (AmbiguityDetector::default(), TowerToHyperService::new(self.service));
        let stream = TokioIo::new(doubts.inspect(stream));
        let marked = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(self.peer);
            service.call(doubts.mark_ambiguous(request))
        });
        let connection = self.protocol.serve_connection(stream, marked);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    /// More than the system's buffers of a connection hold.
    const LARGE: usize = 64 << 20;

    const LONG: Duration = Duration::from_secs(20);

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        done: JoinHandle<()>,
    }

    async fn start(connections_max: usize, idle_ms: u64) -> Served {
        let router = Router::new().route("/", get(async || "fine")).route(
            "/slow",
            get(async || {
                tokio::time::sleep(Duration::from_millis(300)).await;
                "slow"
            }),
        );
        let router = router.route("/large", get(async || vec![b'x'; LARGE]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let idle_timeout = Duration::from_millis(idle_ms);
        let bounds = ConnectionSettings { connections_max, idle_timeout };
        let done = tokio::spawn(serve(listener, None, router, bounds, stop.clone()));
        Served { address, stop, done }
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the other side closes.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let read = timeout(LONG, stream.read_to_string(&mut text)).await;
        let _ = read.expect("the connection is closed in time");
        text
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut bytes = [0; 1024];
        let count = timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    const ASK: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test]
    async fn silent_halting_and_idle_connections_are_ended() {
        let served = start(10, 200).await;
        let begun = Instant::now();
        assert_eq!(rest(send(served.address, "").await).await, "");
        assert_eq!(rest(send(served.address, "GET / HTTP/1.1\r\nHost: ").await).await, "");
        let mut idle = send(served.address, ASK).await;
        assert!(answer(&mut idle).await.ends_with("fine"));
        idle.write_all(ASK.as_bytes()).await.unwrap();
        assert!(rest(idle).await.ends_with("fine"), "it is kept alive, and then ended");
        assert!(begun.elapsed() >= Duration::from_millis(600));
        // An answer may take longer than that.
        let mut slow = send(served.address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer(&mut slow).await.ends_with("slow"));
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait() {
        let served = start(2, 60_000).await;
        let first = send(served.address, "").await;
        let mut second = send(served.address, ASK).await;
        assert!(answer(&mut second).await.ends_with("fine"));
        let mut third = send(served.address, ASK).await;
        let mut byte = [0];
        let early = timeout(Duration::from_millis(200), third.read(&mut byte)).await;
        assert!(early.is_err(), "it is not its turn");
        drop(first);
        assert!(answer(&mut third).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn a_client_that_stops_reading_loses_its_connection_and_a_slow_one_keeps_it() {
        let served = start(1, 400).await;
        let mut slow = send(served.address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let begun = Instant::now();
        let (mut count, mut bytes) = (0, vec![0; 2 << 20]);
        while count < LARGE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let read = timeout(LONG, slow.read(&mut bytes)).await.unwrap().unwrap();
            assert!(read > 0, "the connection ended after {count} bytes");
            count += read;
        }
        // The bound holds for each write by itself.
        assert!(begun.elapsed() > Duration::from_millis(400));
        drop(slow);
        let _stuck = send(served.address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        // There is one place only: it is free again once the stuck connection was ended.
        let mut next = send(served.address, ASK).await;
        assert!(answer(&mut next).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn the_end_waits_for_what_has_begun_only() {
        let served = start(10, 60_000).await;
        let mut idle = send(served.address, ASK).await;
        assert!(answer(&mut idle).await.ends_with("fine"));
        let slow = send(served.address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        served.stop.cancel();
        timeout(LONG, served.done).await.unwrap().unwrap();
        assert!(rest(slow).await.ends_with("slow"));
        assert_eq!(rest(idle).await, "");
        assert!(TcpStream::connect(served.address).await.is_err());
    }
}
