//! Letting go of what nobody needs any more, on a thread of its own: large files and large values take as long to go as a
//! commit to come.

use std::sync::Arc;

use crate::checkpoint::View;
use crate::io::Dir;
use crate::manifest::ManifestFile;
use crate::store::restore::Replaced;
use crate::sync::mpsc::{self, Sender};
use crate::sync::thread::{self, JoinHandle};

/// What is to go.
pub(crate) enum Doomed {
    /// Files that nothing names: their folder and their name.
    Files(Vec<(Dir, String)>),
    /// A state that was replaced by another one.
    State(Replaced),
    /// A state, and the manifests of it that were merged into one.
    Unmerged(Arc<View>, Vec<Arc<ManifestFile>>),
}

/// The thread, made when there is something to remove.
#[derive(Default)]
pub(crate) struct Remover(Option<(Sender<Doomed>, JoinHandle<()>)>);

impl Remover {
    /// Lets go, some time later. A file that cannot be removed is found when the store is next opened.
    pub(crate) fn remove(&mut self, doomed: Doomed) {
        if matches!(&doomed, Doomed::Files(files) if files.is_empty()) {
            return;
        }
        if self.0.is_none() {
            let (sender, inbox) = mpsc::channel::<Doomed>();
            let work = move || inbox.into_iter().for_each(remove);
            let thread = thread::spawn_named("varkeep-remover", work);
            self.0 = thread.ok().map(|thread| (sender, thread));
        }
        match &self.0 {
            Some((sender, _)) => {
                let _gone = sender.send(doomed);
            }
            None => remove(doomed),
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

fn remove(doomed: Doomed) {
    match doomed {
        Doomed::Files(files) => {
            for (dir, name) in files {
                let _left_over = dir.unlink(&name);
            }
        }
        Doomed::State(replaced) => drop(replaced),
        Doomed::Unmerged(view, manifests) => drop((view, manifests)),
    }
}
