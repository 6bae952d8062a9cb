//! Unlinking files that nothing names any more, on a thread of its own: large ones take as long as a commit.

use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use crate::io::Dir;

/// Files to be removed: their folder and their name.
pub(crate) type Doomed = Vec<(Dir, String)>;

/// The thread, made when there is something to remove.
#[derive(Default)]
pub(crate) struct Remover(Option<(Sender<Doomed>, JoinHandle<()>)>);

impl Remover {
    /// Removes files, some time later. One that cannot be removed is found when the store is next opened.
    pub(crate) fn remove(&mut self, doomed: Doomed) {
        if doomed.is_empty() {
            return;
        }
        if self.0.is_none() {
            let (sender, inbox) = mpsc::channel::<Doomed>();
            let work = move || inbox.into_iter().for_each(|doomed| remove(&doomed));
            let thread = std::thread::Builder::new().name("varkeep-remover".to_owned()).spawn(work);
            self.0 = thread.ok().map(|thread| (sender, thread));
        }
        match &self.0 {
            Some((sender, _)) => {
                let _gone = sender.send(doomed);
            }
            None => remove(&doomed),
        }
    }
}

impl Drop for Remover {
    /// Waits until all is removed.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.0.take() {
            drop(sender);
            let _panicked = thread.join();
        }
    }
}

fn remove(doomed: &Doomed) {
    for (dir, name) in doomed {
        let _left_over = dir.unlink(name);
    }
}
