//! The end of an upload by Ctrl-C or SIGTERM.
//!
//! The sending thread looks for a signal before its next request, so that the answer under way is
//! awaited. A second thread listens for signals, and ends the process where the sending thread
//! cannot: the answer takes too long, a pipe brings nothing to read, or a second signal comes.
//! Either way the summary says what is certain; it is printed under the lock that every step of the
//! upload takes.

use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::progress::{UnansweredLines, UploadProgress};

/// How long an answer is awaited.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a thread that awaits none has to find out.
const IDLE: Duration = Duration::from_millis(500);
/// How often the time is looked at, once there was a signal.
const LOOK: Duration = Duration::from_millis(50);

/// A signal that says to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped by {}", .0.name())]
pub(super) struct InterruptError(pub(super) StopSignal);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopSignal {
    /// Ctrl-C.
    Interrupt,
    /// Of `kill` and of supervisors.
    Terminate,
}

impl StopSignal {
    const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code that shells give to a process that it ended.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// What both threads look at.
#[derive(Debug, Default)]
struct InterruptState {
    standing: UploadProgress,
    signal: Option<StopSignal>,
    /// The summary is being printed already.
    is_over: bool,
}

/// A handle of the watch for signals.
#[derive(Clone, Debug, Default)]
pub(super) struct InterruptWatch {
    state: Arc<Mutex<InterruptState>>,
    woken: Arc<Condvar>,
}

impl InterruptWatch {
    /// Listens from now on. `tell` says how things stand where the process has to end at once, and
    /// `wait` what is waited for.
    ///
    /// # Errors
    /// When the system does not let it listen.
    pub(super) fn listen(
        &self,
        tell: impl Fn(&UploadProgress) + Send + 'static,
        wait: impl Fn(&str) + Send + 'static,
    ) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("signals cannot be listened to")?;
        let mut signals = {
            let _guard = runtime.enter();
            SignalListener::install()?
        };
        let watch = self.clone();
        let listening = move || {
            let first = runtime.block_on(signals.next());
            watch.set(first, &wait);
            let end = runtime.block_on(watch.wait_for_deadline(first, &mut signals));
            // Held to the end, so that nothing more is sent.
            let state = watch.lock();
            if !state.is_over {
                tell(&state.standing);
            }
            process::exit(end.exit_code().into());
        };
        thread::Builder::new().name("signals".to_owned()).spawn(listening)?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, InterruptState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, signal: StopSignal, wait: &dyn Fn(&str)) {
        let mut state = self.lock();
        state.signal = Some(signal);
        let unanswered = state.standing.unanswered();
        drop(state);
        self.woken.notify_all();
        if let Some(lines) = unanswered {
            wait(&lines);
        }
    }

    /// Waits until there was a second signal, or the other thread has had its time.
    async fn wait_for_deadline(
        &self,
        first: StopSignal,
        signals: &mut SignalListener,
    ) -> StopSignal {
        let begun = Instant::now();
        let mut busy = begun;
        loop {
            if let Ok(second) = tokio::time::timeout(LOOK, signals.next()).await {
                return second;
            }
            let state = self.lock();
            if state.standing.unanswered().is_some() {
                busy = Instant::now();
            }
            let is_late = begun.elapsed() >= ANSWER || busy.elapsed() >= IDLE;
            if is_late && !state.is_over {
                return first;
            }
        }
    }

    /// Changes how things stand, or reads it.
    pub(super) fn with_progress<T>(&self, change: impl FnOnce(&mut UploadProgress) -> T) -> T {
        change(&mut self.lock().standing)
    }

    /// A request is about to be sent.
    ///
    /// # Errors
    /// When nothing more is to be sent.
    pub(super) fn begin_request(&self, lines: UnansweredLines) -> Result<(), InterruptError> {
        let mut state = self.lock();
        match state.signal {
            Some(signal) => Err(InterruptError(signal)),
            None => {
                state.standing.set_in_flight(lines);
                Ok(())
            }
        }
    }

    /// Waits for so long.
    ///
    /// # Errors
    /// When nothing more is to be sent.
    pub(super) fn pause(&self, pause: Duration) -> Result<(), InterruptError> {
        let is_running = |state: &mut InterruptState| state.signal.is_none();
        let waited = self.woken.wait_timeout_while(self.lock(), pause, is_running);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.signal.map_or(Ok(()), |signal| Err(InterruptError(signal)))
    }

    /// From now on the sending thread prints the summary itself. Returns the signal, if there was
    /// one.
    pub(super) fn end(&self) -> Option<StopSignal> {
        let mut state = self.lock();
        state.is_over = true;
        state.signal
    }
}

/// Both signals, taken over from the system.
struct SignalListener {
    interrupt: Signal,
    terminate: Signal,
}

impl SignalListener {
    fn install() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_signal_nothing_is_sent_and_waits_end() {
        let watch = InterruptWatch::default();
        let lines = UnansweredLines { first: 1, last: 2, unsafe_events: 0 };
        assert_eq!(watch.begin_request(lines), Ok(()));
        assert_eq!(watch.pause(Duration::from_millis(1)), Ok(()));
        let (stopped, other) = (InterruptError(StopSignal::Terminate), watch.clone());
        let waiting = thread::spawn(move || other.pause(Duration::from_secs(60)));
        let awaited = Mutex::new(String::new());
        watch.set(StopSignal::Terminate, &|lines| awaited.lock().unwrap().push_str(lines));
        assert_eq!(*awaited.lock().unwrap(), "lines 1 to 2");
        assert_eq!(waiting.join().unwrap(), Err(stopped));
        assert_eq!(watch.begin_request(lines), Err(stopped));
        assert_eq!(watch.end().map(StopSignal::exit_code), Some(143));
    }
}
