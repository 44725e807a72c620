//! Work beside the driver's thread: what the kernel takes milliseconds for, and a run cannot wait for.
//!
//! It is done on a thread of its own. A descriptor becomes readable when it is done; whoever asks before waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::{self, JoinHandle};

use rustix::pipe::PipeFlags;

use super::error::LiveError;

/// Work that goes on, or is done. Dropping it waits for its end.
#[derive(Debug)]
pub(super) struct Aside<T> {
    /// `None` once its result was taken.
    worker: Option<JoinHandle<T>>,
    /// The other end is the worker's, and closed when it is done.
    done: OwnedFd,
}

impl<T: Send + 'static> Aside<T> {
    /// Begins work on a thread of this name.
    ///
    /// # Errors
    /// [`LiveError::Thread`].
    pub(super) fn begin(
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Aside<T>, LiveError> {
        let failed = |source| LiveError::Thread { source };
        let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC);
        let (done, working) = pipe.map_err(|errno| failed(io::Error::from(errno)))?;
        let worker = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let result = work();
            drop(working);
            result
        });
        Ok(Aside {
            worker: Some(worker.map_err(failed)?),
            done,
        })
    }
}

impl<T> Aside<T> {
    /// Becomes readable when the work is done.
    pub(super) fn done(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }

    /// Whether the work is done.
    pub(super) fn is_done(&self) -> bool {
        self.worker.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// What came of it, when it is done.
    pub(super) fn result(mut self) -> Option<T> {
        let worker = self.worker.take()?;
        let result = worker.join();
        Some(result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl<T> Drop for Aside<T> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::waiting::Waiting;
    use super::*;

    #[test]
    fn a_descriptor_tells_when_work_is_done_and_the_result_is_there() {
        let (go, may_go) = mpsc::channel();
        let work = Aside::begin("work", move || may_go.recv().map(|n: u32| n + 1)).unwrap();
        let mut waiting = Waiting::new().unwrap();
        waiting.add(work.done(), 7).unwrap();
        waiting.wait(Some(std::time::Duration::ZERO)).unwrap();
        assert!(waiting.next().is_none() && !work.is_done());
        go.send(41).unwrap();
        waiting.wait(None).unwrap();
        assert_eq!(waiting.next(), Some(7));
        assert_eq!(work.result(), Some(Ok(42)));
    }
}
