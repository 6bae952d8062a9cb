//! The store: durable variables under scoped names.

mod changes;
mod checkpoint_facts;
mod collections;
mod comparison;
mod copy;
mod get;
#[cfg(feature = "interop")]
mod insert;
mod load;
mod merging;
mod moving;
mod names;
mod options;
mod pending;
mod publish;
mod publisher;
mod remover;
mod request;
mod reslice;
mod restore;
mod retention;
mod salvage;
mod save;
mod scope;
mod slots;
mod state;
mod step;
mod streaming;
mod table;
mod tags;
mod tidying;
mod transaction;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::checkpoint::{self, Checkpoint, CheckpointInfo, View};
use crate::commit::Which;
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreId;
use crate::io::FolderLock;
use crate::name;
use crate::scope::CollectionFilter;
use crate::shard::{Pace, Progress};
use crate::variable::Variable;

use changes::Changes;
use publish::Plan;
use publisher::PublisherThread;
use state::StoreState;

pub use collections::Loss;
#[cfg(feature = "interop")]
pub(crate) use insert::Inserted;
pub use load::{LoadOptions, LoadReport};
pub use options::Options;
pub use pending::{PendingSave, SaveProgress};
pub use request::{GetVariable, Gotten};
pub use retention::{PruneReport, Retention};
pub use salvage::{SalvageReport, salvage};
pub use save::{Save, SaveReport};
pub use scope::{OpenScope, Scope, ScopeHandle, ScopeName};
pub use step::Step;
pub use streaming::Commit;

/// A store that is open for reading and writing, by this process alone.
///
/// Variables are got from [scopes](Store::root), change in memory, and become durable together when
/// [`Store::commit`] or [`Store::save`] returns. Dropping a store saves nothing; it waits for what was handed in.
///
/// ```
/// use varkeep::{Store, DType, init};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.varkeep");
/// let store = Store::open(&path)?;
/// let root = store.root();
/// let layer = root.scope("layer").resume().initializer(init::glorot_uniform()).enter()?;
/// let w = layer.get_variable("w").shape([784, 256]).get()?;
/// let seen = layer.get_local_variable("seen").scalar().dtype(DType::I64).initializer(init::zeros()).get()?;
/// w.update::<f32>(|mut w| w *= 0.5)?;
/// seen.assign(100_i64)?;
/// store.save("step-100")?;
///
/// let checkpoint = varkeep::Checkpoint::open(&path, "step-100")?;
/// assert_eq!(*checkpoint.get("layer/w")?.read::<f32>()?, *w.read::<f32>()?);
/// assert!(checkpoint.find("layer/seen")?.is_none(), "local variables are never saved");
/// # Ok::<(), varkeep::Error>(())
/// ```
pub struct Store {
    publisher: Option<PublisherThread>,
    state: Arc<StoreState>,
    /// Let go of last.
    lock: Option<FolderLock>,
}

impl Store {
    /// Opens the store in the folder at `path`, creating it if there is none.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// How a store is to be opened, to be filled in.
    pub fn options() -> Options {
        Options::default()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.state.history.folders.root.path()
    }

    /// The id that the store got when it was created.
    pub fn id(&self) -> StoreId {
        self.state.history.store.id
    }

    /// The root scope, with fresh settings and fresh counters of default names.
    pub fn root(&self) -> Scope<'_> {
        Scope::root(&self.state)
    }

    /// The variable of a full name, or the one that an alias stands for, if there is one. This gets nothing: names stay
    /// free to be resumed.
    ///
    /// # Errors
    /// `corrupt` and `io`, if the name is durable and cannot be read.
    pub fn find(&self, full_name: &str) -> Result<Option<Variable>> {
        if let Some(object) = self.state.table_to_read().live_object(full_name) {
            return Ok(Some(object.clone().into()));
        }
        let current = transaction::current(&self.state);
        Ok(self.state.table().find_visible(full_name, current)?.map(Variable::from))
    }

    /// The members of a collection in order of creation; of partitioned variables, the slices. `filter` is a regular
    /// expression (of the `regex` crate) that has to match at the beginning of the full name followed by `:0`; the
    /// empty one selects all.
    ///
    /// # Errors
    /// `invalid_argument` for an ill-formed pattern; `corrupt`, `io`.
    pub fn collection(&self, key: &str, filter: &str) -> Result<Vec<Variable>> {
        self.state.collection(key, &CollectionFilter::new(filter)?)
    }

    /// The losses that regularizers add, in order of creation of their variables; `filter` as for
    /// [`Store::collection`].
    ///
    /// # Errors
    /// `invalid_argument` for an ill-formed pattern; `corrupt`, `io`.
    pub fn regularization_losses(&self, filter: &str) -> Result<Vec<Loss>> {
        self.state.losses(&CollectionFilter::new(filter)?)
    }

    /// Begins a training step: until the guard is dropped no save takes its snapshot.
    pub fn step(&self) -> Step {
        Step::begin(&self.state.shared)
    }

    fn publisher(&self) -> Result<&PublisherThread> {
        self.publisher.as_ref().ok_or_else(|| Error::new(ErrorKind::StoreLatched, "the store is being closed"))
    }

    fn publish(&self, plan: Plan) -> Result<PendingSave> {
        self.state.check_latch()?;
        let publisher = self.publisher()?;
        let progress = Arc::clone(&plan.progress);
        let (pending, left_out) = self.state.shared.steps().between(|| {
            // Handed in before the table is let go: commits are published in the order of their snapshots.
            let mut table = self.state.table();
            let changes = Changes::take(&mut table, &plan.progress);
            table.saves_queued += 1;
            let left_out = self.state.shared.left_out();
            (publisher.submit(move |publisher| publisher.commit(changes, plan)), left_out)
        })?;
        Ok(PendingSave::new(pending?, progress, left_out))
    }

    /// Makes everything that changed durable, as one unit. With nothing new it writes nothing.
    ///
    /// The commit is kept until the next one; [`Store::save`] keeps it longer.
    ///
    /// # Errors
    /// `io` and others before the commit point: nothing was committed, the state stays dirty, and the next commit tries
    /// again. `outcome_unknown`: only the last sync failed, and the store refuses to publish until it is opened again.
    pub fn commit(&self) -> Result<SaveReport> {
        self.publish(Plan::default())?.wait()
    }

    /// Commits, and keeps the commit under a tag: `store.save("step-1000")`, or [`Save::tag`] with metadata.
    ///
    /// # Errors
    /// As [`Store::commit`]; `invalid_tag`; `tag_exists`; `metadata`; `saver_no_variables`, if there is no durable
    /// variable.
    pub fn save(&self, save: impl Into<Save>) -> Result<SaveReport> {
        self.begin_save(save.into(), Progress::default())?.wait()
    }

    /// Begins a save, and returns once it has taken its snapshot: what the variables hold now, whatever becomes of them.
    /// They may be changed at once; a change costs a copy of what the save has not written yet, and where
    /// [`Options::save_memory_bytes`] are used up it waits for the save, which otherwise comes last for the processor.
    ///
    /// Once what is left to be written is no more than that memory, so that no change can have to wait, the save goes gently, at
    /// 128 MiB a second: unless somebody waits for it, by [`PendingSave::wait`], by another call that has to come after it, or by
    /// dropping the store.
    ///
    /// Saves and commits are published in the order they were begun. Dropping the store waits for them.
    ///
    /// # Errors
    /// As [`Store::save`]: what is wrong with the call now, what comes of it later from [`PendingSave::wait`].
    pub fn save_in_background(&self, save: impl Into<Save>) -> Result<PendingSave> {
        let demand = Arc::clone(self.publisher()?.demand());
        let pace = Pace::new(demand, self.state.shared.reserve().budget_bytes());
        self.begin_save(save.into(), Progress::in_background(pace))
    }

    fn begin_save(&self, save: Save, progress: Progress) -> Result<PendingSave> {
        let Save { tag, replace, metadata } = save;
        name::check_tag(&tag)?;
        let metadata = metadata?;
        if !self.state.has_durable()? {
            return Err(Error::new(ErrorKind::SaverNoVariables, "there is nothing to save")
                .in_file(self.path())
                .advise("only variables in `GLOBAL_VARIABLES` are saved, and there is none"));
        }
        self.publish(Plan { tag: Some(tag), replace, metadata, progress: Arc::new(progress) })
    }

    /// The checkpoints that are kept, newest first: every commit with a tag, and the head.
    ///
    /// # Errors
    /// `corrupt`, `io`.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointInfo>> {
        checkpoint::list(&self.state.history)
    }

    /// Opens a checkpoint of this store for reading.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn checkpoint(&self, which: impl Into<Which>) -> Result<Checkpoint> {
        Checkpoint::of(&self.state.history, &self.state.shards, &which.into(), self.state.reading)
    }

    /// Deletes a checkpoint. What no other one needs is reclaimed; values that this process has from it stay readable,
    /// and the newest state stays whatever tags it has.
    ///
    /// # Errors
    /// `tag_not_found`; as [`Store::commit`].
    pub fn delete(&self, tag: &str) -> Result<()> {
        let tag = tag.to_owned();
        self.publisher()?.call(move |publisher| publisher.delete_tag(&tag))
    }

    /// Makes the durable state exactly that of a checkpoint, without reading a value. Handles keep their identity; one
    /// whose variable is not in the checkpoint answers `variable_detached`. What is not durable stays. The next commit
    /// makes the step back durable, as a branch: the checkpoint is its parent.
    ///
    /// It waits for saves begun before; one that another thread begins meanwhile saves what this restores. An update that
    /// another thread is in the midst of ends with a value made of the one before.
    ///
    /// # Errors
    /// `tag_not_found`; `restore_name_conflict`, if the checkpoint holds a name, or a part or whole of a name, of
    /// something that is not durable, or would take a slice from a partitioned variable that is not; `corrupt`, `io`.
    /// Then nothing has changed.
    pub fn restore(&self, which: impl Into<Which>) -> Result<()> {
        let which = which.into();
        self.reset(move |state| View::open(&state.history, &state.shards, &which, state.reading).map(Arc::new))
    }

    /// Goes back to the last commit, or to what was restored since, forgetting what changed afterwards.
    ///
    /// # Errors
    /// As [`Store::restore`].
    pub fn rollback(&self) -> Result<()> {
        self.reset(|state| Ok(state.base()))
    }

    fn reset(&self, open: impl FnOnce(&StoreState) -> Result<Arc<View>> + Send + 'static) -> Result<()> {
        self.publisher()?.call(move |publisher| {
            let state = Arc::clone(publisher.store());
            publisher.reset_to(&open(&state)?)
        })
    }

    /// Loads values from a checkpoint, of this or any other store, into the durable variables: TensorFlow's
    /// `Saver.restore`. Partitioned variables are cut as they are here. All or nothing.
    ///
    /// # Errors
    /// `saver_no_variables`; unless the options let it pass, `restore_key_not_found`, `restore_dtype_mismatch` and
    /// `restore_shape_mismatch`; `corrupt`, `io`.
    pub fn load(&self, checkpoint: &Checkpoint, options: &LoadOptions) -> Result<LoadReport> {
        self.state.load(checkpoint, options)
    }

    /// Loads values from a checkpoint of the store at `path`, as [`Store::load`] does.
    ///
    /// # Errors
    /// As [`Store::load`]; `restore_no_checkpoint`, if there is no store or no such checkpoint.
    pub fn load_from(
        &self,
        path: impl AsRef<Path>,
        which: impl Into<Which>,
        options: &LoadOptions,
    ) -> Result<LoadReport> {
        self.state.load_from(path.as_ref(), which.into(), options)
    }

    /// Takes a variable out of the store, with its slices if it is partitioned. Handles of it answer
    /// `variable_detached`; checkpoints made before keep it.
    ///
    /// # Errors
    /// `variable_not_found`; `slice_of_whole`.
    pub fn remove(&self, full_name: &str) -> Result<()> {
        self.state.remove(full_name)
    }

    /// Gives a variable another name. Handles go on standing for it; nothing of its value is written again.
    ///
    /// # Errors
    /// `variable_not_found`; `name_taken`; `invalid_name`; `slice_of_whole`.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.state.rename(from, to)
    }

    /// Gives a variable a second name, as for tied weights: getting the alias gives the same handle. It is in no
    /// collection and adds no loss; it is durable if the variable is.
    ///
    /// # Errors
    /// `name_taken`, if the name or that of its first slice exists; `slice_of_whole`; `invalid_name`.
    pub fn alias(&self, alias: &str, variable: &Variable) -> Result<()> {
        self.state.alias(alias, variable)
    }

    /// Waits until the catalog has caught up with the last commit, for tests and benchmarks.
    #[doc(hidden)]
    pub fn wait_for_catalog(&self, at_most: Duration) -> bool {
        self.state.wait_for_catalog(at_most)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.path().display())
    }
}

impl Drop for Store {
    /// Waits for what was handed in, closes the catalog, and lets the folder go.
    fn drop(&mut self) {
        drop(self.publisher.take());
        self.state.close_catalog();
        drop(self.lock.take());
    }
}
