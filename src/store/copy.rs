//! A checkpoint as a store of its own.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, View};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Body, VariableRecord};
use crate::io::{self, Dir, NoTap};
use crate::name;
use crate::shard::Payload;
use crate::store::Options;
use crate::store::publish::Plan;
use crate::store::save::SaveReport;
use crate::store::table::{Named, Slot, Table, state_of, whole_state};
use crate::variable::{NO_COMMIT, Object, Single, State, Whole};

impl Checkpoint {
    /// Makes a new store in the folder at `path` that holds this checkpoint alone, under `tag`: every value (checked as
    /// it is read), everything recorded of the variables, and the metadata. The new store keeps this one's seed, so that
    /// variables made later begin as they would have here. When this returns it is durable.
    ///
    /// # Errors
    /// `invalid_tag`; `invalid_argument`, if there is something at `path` already; `corrupt`, `io`. What had been
    /// written is then removed again.
    pub fn copy_to(&self, path: impl AsRef<Path>, tag: &str) -> Result<SaveReport> {
        let path = path.as_ref();
        name::check_tag(tag)?;
        check_vacant(path)?;
        let copied = self.fill(path, tag);
        if copied.is_err() {
            // What stays, if even this fails, is a store without a commit.
            let _half_made = Dir::open(path, NoTap::shared()).and_then(|dir| dir.remove_tree());
        }
        copied
    }

    fn fill(&self, path: &Path, tag: &str) -> Result<SaveReport> {
        let store = Options::default().seed(self.seed()).open(path)?;
        enter_all(self.view(), &mut store.state.table())?;
        let metadata = self.info().record().metadata.clone();
        store.publish(Plan { tag: Some(tag.to_owned()), metadata, ..Plan::default() })?.wait()
    }
}

/// Refuses a path where something is, so that a failed copy may remove what it made.
pub(super) fn check_vacant(path: &Path) -> Result<()> {
    match Dir::open(path, NoTap::shared()).and_then(|dir| dir.list()) {
        Ok(entries) if entries.is_empty() => return Ok(()),
        Err(error) if io::is_not_found(&error) => return Ok(()),
        // A file, or a folder that may not be looked into.
        Ok(_) | Err(_) => {}
    }
    Err(Error::new(ErrorKind::InvalidArgument, "a checkpoint is copied into a new folder, and there is something here")
        .in_file(path)
        .advise("give a path where nothing is yet"))
}

/// Makes everything that the checkpoint holds live in another store, as if it had just been created there.
pub(super) fn enter_all(view: &View, table: &mut Table) -> Result<()> {
    let mut wholes = Vec::new();
    for entry in view.stack().entries("") {
        let entry = entry?;
        match entry.body {
            Body::Variable(record) => {
                let held = table.base.lookup(&entry.name)?.map(|held| held.body);
                let state = new_state(view, &entry.name, record)
                    .and_then(|state| beside(&table.base, held, state))
                    .map_err(|error| error.of_variable(&entry.name))?;
                let single = Single::new(Arc::clone(&table.shared), state, None);
                single.note_changed();
                table.slots.insert(entry.name, Slot::Live(Named::Object(Object::Single(single))));
            }
            Body::Whole(record) => wholes.push((entry.name, record)),
            Body::Alias(record) => {
                let alias = Named::Alias { target: record.target, ordinal: record.ordinal };
                table.slots.insert(&*entry.name, Slot::Live(alias));
                table.changed_names.push(entry.name);
            }
            Body::Removed | Body::Patch(_) => {
                let what = format!("the entry of {:?} is no variable", entry.name);
                return Err(Error::corrupt(what).of_variable(entry.name));
            }
        }
    }
    // The slices are there now, so the wholes find them.
    for (name, record) in wholes {
        let state = whole_state(&name, &record, |slice| {
            let Some(Slot::Live(Named::Object(Object::Single(single)))) = table.slots.get(slice) else {
                return Ok(None);
            };
            let (shape, dtype) = (single.state().shape.clone(), single.state().dtype());
            Ok(Some((Arc::clone(single), shape, dtype)))
        });
        let state = state.map_err(|error| error.of_variable(&name))?;
        table.slots.insert(&*name, Slot::Live(Named::Object(Object::Whole(Whole::new(state)))));
        table.changed_names.push(name);
    }
    table.next_ordinal = table.next_ordinal.max(view.commit().map_or(0, |commit| commit.next_ordinal));
    Ok(())
}

/// The state that a record of another store describes, to be written here: it is durable nowhere yet, and no commit has
/// held it.
fn new_state(view: &View, name: &str, record: VariableRecord) -> Result<State> {
    let mut state = state_of(view, name, record)?;
    if let Some(stored) = state.base.take() {
        let reading = view.reading();
        state.payload = Arc::new(Payload::on_disk(stored, reading.mode, reading.verification));
    }
    Arc::make_mut(&mut state.statics).first_commit = NO_COMMIT;
    Ok(state)
}

/// The state of a variable beside what the other store holds under its name already: chunks that are equal are not written
/// again, and it was first held when that was.
fn beside(base: &View, held: Option<Body>, mut state: State) -> Result<State> {
    if let Some(Body::Variable(held)) = held {
        Arc::make_mut(&mut state.statics).first_commit = held.statics.first_commit;
        state.base = Some(base.stored(held.content)?);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::{partitioner, regularizer};
    use crate::store::{Save, Store};
    use crate::{DType, SavedKind, init};
    use ndarray::array;

    fn sample(path: &Path) -> Store {
        let store = Store::open(path).unwrap();
        let root = store.root();
        let a = root.get_variable("a").initializer(array![1.0_f32, f32::NAN]).get().unwrap();
        let cut = partitioner::fixed_size(2, 0);
        let whole = root.get_variable("whole").shape([5, 2]).partitioner(cut).also_in("mine");
        whole.initializer(init::random_normal(0.0, 1.0)).get().unwrap();
        let open = root.get_variable("open").dtype(DType::I64).trainable(false).validate_shape(false);
        open.regularizer(regularizer::none()).initializer(array![[1_i64, 2]]).get().unwrap();
        let texts = crate::Tensor::from_strings([2], &["x", ""]).unwrap();
        root.get_variable("text").dtype(DType::String).initializer(texts).get().unwrap();
        store.alias("tied", &a).unwrap();
        store.save(Save::tag("one").metadata(&("step", 1))).unwrap();
        drop(root);
        store
    }

    #[test]
    fn a_copy_holds_all_that_the_checkpoint_says() {
        let folder = tempfile::tempdir().unwrap();
        let store = sample(&folder.path().join("from.varkeep"));
        store.find("a").unwrap().unwrap().assign(array![7.0_f32, 8.0]).unwrap();
        store.save("two").unwrap();
        let from = store.checkpoint("one").unwrap();
        let path = folder.path().join("new/to.varkeep");
        let report = from.copy_to(&path, "one").unwrap();
        assert_eq!((report.variables, report.bytes_shared), (from.info().variables(), 0));
        let to = Checkpoint::open(&path, "one").unwrap();
        assert_eq!(to.info().metadata::<(String, u64)>().unwrap(), Some(("step".to_owned(), 1)));
        let pairs: Vec<_> = from.variables("").zip(to.variables("")).map(|(a, b)| (a.unwrap(), b.unwrap())).collect();
        assert_eq!(pairs.len(), from.variables("").count());
        assert!(pairs.iter().any(|(_, to)| to.kind() == SavedKind::AliasOf("a".to_owned())));
        for (from, to) in &pairs {
            assert_eq!((from.name(), from.kind(), from.ordinal()), (to.name(), to.kind(), to.ordinal()));
            assert_eq!((from.declared_shape(), from.is_trainable()), (to.declared_shape(), to.is_trainable()));
            assert_eq!((from.collections(), from.partition_counts()), (to.collections(), to.partition_counts()));
            assert_eq!(from.tensor().unwrap(), to.tensor().unwrap());
        }
        let names: Vec<_> = crate::checkpoints(&path).unwrap().iter().map(|one| one.tag().map(str::to_owned)).collect();
        assert_eq!(names, [Some("one".to_owned())]);
        let again = Store::open(&path).unwrap();
        let next =
            again.root().get_variable("next").shape([1]).initializer(init::random_normal(0.0, 1.0)).get().unwrap();
        let here =
            store.root().get_variable("next").shape([1]).initializer(init::random_normal(0.0, 1.0)).get().unwrap();
        assert_eq!(next.tensor().unwrap(), here.tensor().unwrap(), "the seed is the same");
        again.save("next").unwrap();
        let next = Checkpoint::open(&path, "next").unwrap().get("next").unwrap();
        assert!(pairs.iter().all(|(_, to)| to.ordinal() < next.ordinal()));
    }

    #[test]
    fn nothing_is_written_over_and_a_failed_copy_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = sample(&folder.path().join("from.varkeep"));
        let from = store.checkpoint("one").unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        for taken in [store.path(), &file, folder.path()] {
            assert_eq!(from.copy_to(taken, "one").unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
        let path = folder.path().join("to.varkeep");
        assert_eq!(from.copy_to(&path, "a b").unwrap_err().kind(), ErrorKind::InvalidTag);
        for shard in std::fs::read_dir(store.path().join("shards")).unwrap() {
            let shard = shard.unwrap().path();
            let mut bytes = std::fs::read(&shard).unwrap();
            bytes[4096] ^= 1;
            std::fs::write(&shard, bytes).unwrap();
        }
        let damaged = Checkpoint::open(store.path(), "one").unwrap();
        assert_eq!(damaged.copy_to(&path, "one").unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(!path.exists());
    }
}
