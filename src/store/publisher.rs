//! The one thread of a store that publishes commits and reclaims what they leave behind, first in, first out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::shard::{Demand, Demanding};
use crate::store::publish::Publisher;
use crate::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use crate::sync::thread::{self, JoinHandle};

/// What no commit needs any more is unlinked when nothing has been published for so long.
const IDLE: Duration = Duration::from_millis(20);

/// Something to be done, and its place in the queue.
struct Job {
    work: Box<dyn FnOnce(&mut Publisher) + Send>,
    queued: Demanding,
}

/// The handle of the publishing thread.
pub(crate) struct PublisherThread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    demand: Arc<Demand>,
}

impl PublisherThread {
    pub(crate) fn start(publisher: Publisher) -> Result<Self> {
        let path = publisher.path().to_owned();
        let (jobs, inbox) = mpsc::channel::<Job>();
        let thread = thread::spawn_named("varkeep-publisher", move || work(publisher, &inbox))
            .map_err(|error| Error::io("start the publishing thread of the store", &path, error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), demand: Arc::default() })
    }

    /// Who waits for this thread, and what: a save that it is at may have to hurry.
    pub(crate) fn demand(&self) -> &Arc<Demand> {
        &self.demand
    }

    /// Hands a job in; it runs on the publishing thread after those handed in before. This waits for nothing.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
        let (answer, answered) = mpsc::channel();
        let work = Box::new(move |publisher: &mut Publisher| {
            let result = catch_unwind(AssertUnwindSafe(|| job(publisher))).unwrap_or_else(|_| {
                let error =
                    Error::new(ErrorKind::StoreLatched, "publishing a commit failed by a fault of varkeep's own");
                publisher.latch(&error);
                Err(error.advise("open the store again, and please report this"))
            });
            // A caller that is gone needs no answer.
            let _gone = answer.send(result);
        });
        let job = Job { work, queued: self.demand.add() };
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        Ok(Pending { answered, demand: Arc::clone(&self.demand) })
    }

    /// Runs `job` on the publishing thread and waits for its answer, which comes before anything is tidied up.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(job)?.wait()
    }
}

fn work(mut publisher: Publisher, inbox: &Receiver<Job>) {
    publisher.tidy_behind_commit();
    loop {
        let job = if publisher.has_backlog() {
            mpsc::recv_timeout(inbox, IDLE)
        } else {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match job {
            Ok(Job { work, queued }) => {
                drop(queued);
                work(&mut publisher);
                publisher.tidy_behind_commit();
            }
            Err(RecvTimeoutError::Timeout) => publisher.tidy(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    publisher.close();
}

/// The answer of a job that was handed in.
#[must_use = "what came of the job is in it"]
#[derive(Debug)]
pub(crate) struct Pending<T> {
    answered: Receiver<Result<T>>,
    demand: Arc<Demand>,
}

impl<T> Pending<T> {
    pub(crate) fn wait(self) -> Result<T> {
        let _waiting = self.demand.add();
        self.answered.recv().map_err(|_| gone())?
    }

    /// The answer, if it is there already.
    pub(crate) fn poll(&self) -> Option<Result<T>> {
        match self.answered.try_recv() {
            Ok(answer) => Some(answer),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Err(gone())),
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::StoreLatched, "the store's publishing thread has ended").advise("open the store again")
}

impl Drop for PublisherThread {
    /// Waits for all that was handed in.
    fn drop(&mut self) {
        let _waiting = self.demand.add();
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
