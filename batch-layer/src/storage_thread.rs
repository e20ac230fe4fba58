//! Requests to a storage, for callers that block.
//!
//! They run on a thread of their own, so that any thread may wait for them.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

use tokio::runtime::{Builder, Runtime};

/// The thread.
pub(crate) struct StorageThread {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for StorageThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageThread").finish_non_exhaustive()
    }
}

impl Drop for StorageThread {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed everywhere.
            runtime.shutdown_background();
        }
    }
}

impl StorageThread {
    /// Starts one.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name(name).enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Begins a request, whose answer can be waited for.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> Receiver<T> {
        let (answered, answer) = sync_channel(1);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                // Who does not wait any more needs no answer.
                let _ = answered.send(request.await);
            });
        }
        answer
    }

    /// Waits for a request's answer.
    ///
    /// # Errors
    /// The request's own, and when the thread has ended.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> object_store::Result<T> {
        self.begin(request).recv().unwrap_or_else(|_| Err(ended()))
    }
}

/// The thread has ended before it answered.
pub(crate) fn ended() -> object_store::Error {
    object_store::Error::Generic { store: "storage", source: "its thread has ended".into() }
}
