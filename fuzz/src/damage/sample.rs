//! The good store: small, with something of everything a store can have.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use varkeep::scope::partitioner::fixed_size;
use varkeep::scope::regularizer;
use varkeep::{DType, Retention, Save, Store, Tensor, init};

/// The folders of a store that hold its files.
const PARTS: [&str; 3] = ["commits", "manifests", "shards"];

/// So many elements of f32 are sixteen chunks: as few as are patched.
const BIG: usize = 16 * 1024;

/// A store, and what its files hold while it is undamaged.
#[derive(Debug)]
pub struct Sample {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
    /// By place in the store, in the order in which they were made.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

impl Sample {
    /// Makes the store: six checkpoints, deltas and patches among their manifests.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("there is a folder for temporary files");
        let path = folder.path().join("s.varkeep");
        let mut sample = Self { folder, path, files: Vec::new() };
        sample.fill().expect("a new store is written to");
        sample
    }

    fn fill(&mut self) -> varkeep::Result<()> {
        let store = Store::options().seed(7).tidies_at_once(true).open(&self.path)?;
        let root = store.root();
        let weights = ndarray::Array2::from_shape_fn((BIG / 64, 64), |(i, j)| i as f32 - 0.5 * j as f32);
        let big = root.get_variable("layer/big").chunk_bytes(4096).initializer(init::array(weights));
        let big = big.regularizer(regularizer::l2(0.5)?).also_in("mine").get()?;
        let step = root.get_variable("step").dtype(DType::I64).scalar().initializer(init::zeros()).get()?;
        root.get_variable("mask").shape([5]).dtype(DType::Bool).initializer(init::ones()).get()?;
        let words = Tensor::from_strings([2], &["a", "words"])?;
        root.get_variable("words").dtype(DType::String).initializer(words).get()?;
        let cut = root.get_variable("emb").shape([7, 3]).partitioner(fixed_size(3, 0));
        cut.initializer(init::ones()).get()?;
        root.get_variable("none").shape([0, 4]).initializer(init::zeros()).get()?;
        // Enough names that deltas do not take the base into themselves.
        for i in 0..20 {
            let name = format!("many/v{i:02}");
            root.get_variable(&name).shape([2]).dtype(DType::F16).initializer(init::zeros()).get()?;
        }
        store.alias("tied", &big)?;
        store.save(Save::tag("one").metadata(&("step", 1, [0.5])))?;
        self.note_files();
        for (i, tag) in ["two", "three", "four", "five"].into_iter().enumerate() {
            step.assign(i as i64)?;
            big.update_rows::<f32>(30 * i..30 * i + 1, |mut rows| rows.fill(0.5))?;
            if i == 1 {
                store.remove("many/v03")?;
                store.rename("mask", "renamed")?;
            }
            store.save(Save::tag(tag).metadata(&("step", i)))?;
            self.note_files();
        }
        store.set_retention(&Retention::keep_all().keep_last(9).keep_every(2).keep_lowest("loss", 1))?;
        store.delete("three")?;
        drop(root);
        drop(store);
        self.note_files();
        self.files.retain(|(inside, _)| self.path.join(inside).exists());
        Ok(())
    }

    /// Notes the files that are new, in an order that does not depend on their ids.
    fn note_files(&mut self) {
        let known: HashSet<PathBuf> = self.files.iter().map(|(inside, _)| inside.clone()).collect();
        let mut files = vec![PathBuf::from("FORMAT")];
        for part in PARTS {
            let listed = fs::read_dir(self.path.join(part)).expect("the store is there");
            files.extend(listed.map(|entry| Path::new(part).join(entry.expect("the store is there").file_name())));
        }
        files.retain(|inside| !known.contains(inside));
        let bytes = |inside: PathBuf| (fs::read(self.path.join(&inside)), inside);
        let new = files.into_iter().map(bytes);
        let mut new: Vec<_> = new.filter_map(|(bytes, inside)| Some((inside, bytes.ok()?))).collect();
        new.sort_by_key(|(inside, bytes)| (inside.parent().map(Path::to_owned), bytes.len()));
        self.files.extend(new);
    }

    /// Brings everything back to what it was.
    pub fn write_all(&self) {
        // There may be anything now.
        let _none = fs::remove_dir_all(&self.path);
        for part in PARTS {
            fs::create_dir_all(self.path.join(part)).expect("the folder of the fuzzer is written to");
        }
        for (inside, bytes) in &self.files {
            fs::write(self.path.join(inside), bytes).expect("the folder of the fuzzer is written to");
        }
    }
}
