//! What is whole of a damaged store, as a store of its own.

use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::commit::Which;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Dir, NoTap};
use crate::store::Options;
use crate::store::copy::{check_vacant, enter_all};
use crate::store::publish::Plan;
use crate::verify::{CheckpointHealth, VerifyProgress, verify};

/// What a salvage got out of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SalvageReport {
    /// The tags in the new store, oldest first. A newest commit without a tag has one made of its number.
    pub copied: Vec<String>,
    /// The checkpoints that are not whole and stayed behind, newest first.
    pub left: Vec<CheckpointHealth>,
    /// Bytes of values that were written.
    pub bytes_new: u64,
}

/// Copies every checkpoint of the store at `path` that is whole into a new store at `to`: with tags, metadata and all that
/// is recorded of the variables, and sharing what they share.
///
/// The store is checked first as by [`verify`], which `progress` is told of; it is left as it is, and may be open
/// elsewhere. Of a checkpoint that is damaged nothing is copied: what still reads of it can be read where it is.
///
/// # Errors
/// As [`verify`]; `restore_no_checkpoint`, if no checkpoint is whole; `invalid_argument`, if there is something at `to`
/// already. What had been written is removed again then.
pub fn salvage(
    path: impl AsRef<Path>,
    to: impl AsRef<Path>,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<SalvageReport> {
    let (path, to) = (path.as_ref(), to.as_ref());
    check_vacant(to)?;
    let (whole, left): (Vec<_>, Vec<_>) =
        verify(path, None, progress)?.checkpoints.into_iter().partition(|one| one.readable && one.damaged.is_empty());
    if whole.is_empty() {
        return Err(Error::new(ErrorKind::RestoreNoCheckpoint, "no checkpoint is whole")
            .in_file(path)
            .advise("`varkeep verify` says which variables can still be read"));
    }
    let copied = copy_all(path, to, &whole);
    if copied.is_err() {
        // What stays, if even this fails, is a store with some of the checkpoints.
        let _half_made = Dir::open(to, NoTap::shared()).and_then(|dir| dir.remove_tree());
    }
    let (copied, bytes_new) = copied?;
    Ok(SalvageReport { copied, left, bytes_new })
}

fn copy_all(path: &Path, to: &Path, whole: &[CheckpointHealth]) -> Result<(Vec<String>, u64)> {
    let (mut copied, mut bytes_new) = (Vec::new(), 0);
    let checkpoints =
        whole.iter().map(|one| Checkpoint::open(path, Which::Number(one.number))).collect::<Result<Vec<_>>>()?;
    for (checkpoint, health) in checkpoints.iter().zip(whole).rev() {
        let repeats =
            |other: &Checkpoint| other.info().tag().is_some() && other.info().is_known_equal(checkpoint.info());
        let tag = match checkpoint.info().tag() {
            Some(tag) => tag.to_owned(),
            // A head that only repeats a checkpoint is no checkpoint of its own.
            None if checkpoints.iter().any(repeats) => continue,
            None => format!("commit-{}", health.number),
        };
        let report = if copied.is_empty() { checkpoint.copy_to(to, &tag)? } else { add(checkpoint, to, &tag)? };
        bytes_new += report.bytes_new;
        copied.push(tag);
    }
    Ok((copied, bytes_new))
}

/// Makes a checkpoint the newest state of a store that holds others of the same store.
fn add(checkpoint: &Checkpoint, to: &Path, tag: &str) -> Result<crate::store::SaveReport> {
    let store = Options::default().create(false).open(to)?;
    let view = checkpoint.view();
    {
        let mut table = store.state.table();
        for entry in table.base.clone().stack().entries("") {
            let name = entry?.name;
            if view.lookup(&name)?.is_none() {
                table.remove(&name);
            }
        }
        enter_all(view, &mut table)?;
    }
    let metadata = checkpoint.info().record().metadata.clone();
    store.publish(Plan { tag: Some(tag.to_owned()), metadata, ..Plan::default() })?.wait()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::partitioner;
    use crate::store::{Save, Store};
    use crate::{DType, init};
    use ndarray::array;
    use std::collections::BTreeMap;

    /// Everything that a checkpoint says, but for ids.
    fn contents(checkpoint: &Checkpoint) -> BTreeMap<String, String> {
        let all = checkpoint.variables("").map(|saved| {
            let saved = saved.unwrap();
            let value = saved.tensor().unwrap();
            let facts = (saved.kind(), saved.dtype(), saved.shape().clone(), saved.collections().to_vec());
            (saved.name().to_owned(), format!("{facts:?} {:?} {}", value.bytes(), saved.ordinal()))
        });
        all.collect()
    }

    fn sample(path: &Path) -> Store {
        let store = Store::open(path).unwrap();
        let root = store.root();
        let big = root.get_variable("big").shape([4096, 64]).initializer(init::random_normal(0.0, 1.0)).get().unwrap();
        let cut = partitioner::fixed_size(2, 0);
        root.get_variable("whole").shape([4, 2]).partitioner(cut).initializer(init::ones()).get().unwrap();
        store.alias("tied", &big).unwrap();
        store.save(Save::tag("a").metadata(&("step", 1))).unwrap();
        big.update_rows::<f32>(0..1, |mut rows| rows.fill(0.5)).unwrap();
        store.remove("whole").unwrap();
        root.get_variable("late").dtype(DType::I64).initializer(array![1_i64, 2]).get().unwrap();
        store.save("b").unwrap();
        store.remove("late").unwrap();
        root.get_variable("late").initializer(array![[0.5_f64]]).get().unwrap();
        let cut = partitioner::fixed_size(3, 0);
        root.get_variable("whole").shape([3, 2]).partitioner(cut).initializer(init::zeros()).get().unwrap();
        store.save("c").unwrap();
        drop(root);
        store
    }

    #[test]
    fn whole_checkpoints_come_out_as_they_were_and_share_what_they_shared() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from.varkeep");
        let store = sample(&from);
        store.find("big").unwrap().unwrap().update_rows::<f32>(4095..4096, |mut rows| rows.fill(2.0)).unwrap();
        store.save("bad").unwrap();
        drop(store);
        let big = Checkpoint::open(&from, "bad").unwrap().get("big").unwrap();
        // The chunk that only this checkpoint has.
        let place = big.placements().pop().unwrap();
        let shard = from.join("shards").join(format!("{}.shard", place.shard));
        let mut bytes = std::fs::read(&shard).unwrap();
        bytes[place.offset_bytes as usize] ^= 1;
        std::fs::write(&shard, bytes).unwrap();
        let to = folder.path().join("to.varkeep");
        let report = salvage(&from, &to, &mut |_| {}).unwrap();
        assert_eq!(report.copied, ["a", "b", "c"]);
        assert_eq!(report.left.iter().map(|one| one.tag.as_deref()).collect::<Vec<_>>(), [Some("bad")]);
        assert!(verify(&to, None, &mut |_| {}).unwrap().is_sound());
        for tag in ["a", "b", "c"] {
            let (old, new) = (Checkpoint::open(&from, tag).unwrap(), Checkpoint::open(&to, tag).unwrap());
            assert_eq!(contents(&old), contents(&new), "{tag}");
            assert_eq!(old.info().record().metadata, new.info().record().metadata);
        }
        // A megabyte once, and a chunk of it for each checkpoint that changed one.
        assert!(report.bytes_new < 1_600_000, "{}", report.bytes_new);
        // A program goes on from there.
        let store = Store::open(&to).unwrap();
        store.find("big").unwrap().unwrap().update::<f32>(|mut big| big.fill(1.0)).unwrap();
        store.save("next").unwrap();
    }

    #[test]
    fn nothing_is_written_over_and_what_is_not_whole_is_not_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from.varkeep");
        drop(sample(&from));
        assert_eq!(salvage(&from, &from, &mut |_| {}).unwrap_err().kind(), ErrorKind::InvalidArgument);
        for shard in std::fs::read_dir(from.join("shards")).unwrap() {
            let shard = shard.unwrap().path();
            let mut bytes = std::fs::read(&shard).unwrap();
            for byte in bytes.iter_mut().skip(4096).step_by(512) {
                *byte ^= 1;
            }
            std::fs::write(&shard, bytes).unwrap();
        }
        let to = folder.path().join("to.varkeep");
        assert_eq!(salvage(&from, &to, &mut |_| {}).unwrap_err().kind(), ErrorKind::RestoreNoCheckpoint);
        assert!(!to.exists());
    }
}
