//! A script that does all a store can do, in steps that can be repeated where they failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array1, Array2};
use varkeep::scope::partitioner::fixed_size;
use varkeep::testing::Tap;
use varkeep::{DType, LoadOptions, ReadMode, Result, Retention, Save, Store, Tensor, Variable, init};

use crate::support::{Kept, kept};

/// A store under a script.
pub(crate) struct World {
    pub(crate) path: PathBuf,
    tap: Arc<dyn Tap>,
    mode: ReadMode,
    store: Option<Store>,
}

/// One step. If it fails nothing has happened, and it can be tried again.
pub(crate) type Step = fn(&mut World) -> Result<()>;

impl World {
    pub(crate) fn new(path: &Path, tap: Arc<dyn Tap>) -> Self {
        Self { path: path.to_owned(), tap, mode: ReadMode::Map, store: None }
    }

    pub(crate) fn reading(self, mode: ReadMode) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("the script opens the store first")
    }

    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    fn open(&mut self) -> Result<()> {
        self.store = None;
        let options = Store::options().tap(Arc::clone(&self.tap)).tidies_at_once(true).read_mode(self.mode);
        self.store = Some(options.open(&self.path)?);
        Ok(())
    }

    fn get(&self, name: &str, make: fn(varkeep::GetVariable<'_>) -> varkeep::GetVariable<'_>) -> Result<()> {
        let root = self.store().root();
        let scope = root.scope("").auto_reuse().enter()?;
        make(scope.get_variable(name)).get()?;
        Ok(())
    }

    fn variable(&self, name: &str) -> Result<Variable> {
        self.store().find(name).map(|found| found.unwrap_or_else(|| panic!("{name} is gone")))
    }

    fn commit(&self) -> Result<()> {
        self.store().commit().map(|_| ())
    }

    fn save(&self, save: impl Into<Save>) -> Result<()> {
        self.store().save(save).map(|_| ())
    }

    fn read_all(&self) -> Result<()> {
        for variable in self.store().collection("variables", "")? {
            variable.tensor()?;
        }
        Ok(())
    }

    /// Saves beside a change, which the save does not hold.
    fn save_beside_a_change(&self, tag: &str) -> Result<()> {
        self.fill("a", 4.0)?;
        let pending = self.store().save_in_background(tag)?;
        self.fill("a", 5.0)?;
        pending.wait().map(|_| ())
    }

    fn stream(&self, tag: &str) -> Result<()> {
        let mut commit = self.store().begin()?;
        commit.put(&self.variable("a")?, bytemuck::cast_slice(&[6.0_f32; 3000]))?;
        commit.put(&self.variable("cut")?, bytemuck::cast_slice(&[7.0_f32; 40]))?;
        commit.save(tag).map(|_| ())
    }

    /// A checkpoint that cannot be read at the moment is kept, so what is deleted is asked for twice.
    fn prune(&self, keep_last: u64) -> Result<()> {
        let policy = Retention::keep_all().keep_last(keep_last);
        self.store().prune(&policy, false)?;
        self.store().prune(&policy, false).map(|_| ())
    }

    fn fill(&self, name: &str, value: f32) -> Result<()> {
        let variable = self.variable(name)?;
        let shape: Vec<usize> = variable.shape().sizes().iter().map(|size| usize::try_from(*size).unwrap()).collect();
        variable.assign(ndarray::ArrayD::from_elem(shape, value))
    }
}

/// The script. Every state it makes durable differs from those before and after it.
pub(crate) const SCRIPT: &[Step] = &[
    World::open,
    |world| world.get("a", |get| get.shape([3000]).initializer(init::zeros()).chunk_bytes(4096)),
    |world| world.get("scope/b", |get| get.shape([20, 5]).initializer(init::constant(2.0))),
    |world| world.get("cut", |get| get.shape([10, 4]).initializer(init::ones()).partitioner(fixed_size(3, 0))),
    |world| world.get("words", |get| get.dtype(DType::String).shape([2]).initializer(init::zeros())),
    |world| world.get("own", |get| get.shape([5]).initializer(init::zeros()).collections(["mine"])),
    |world| world.commit(),
    |world| world.fill("a", 1.0),
    |world| world.save("one"),
    |world| world.variable("a")?.update_rows::<f32>(1500..1600, |mut rows| rows += 1.0),
    |world| world.variable("scope/b")?.scatter_update(&[3, 9], &Array2::from_elem((2, 5), 7.0_f32)),
    |world| world.variable("words")?.assign(Tensor::from_strings([2], &["x", "longer"])?),
    |world| world.save(Save::tag("two").metadata(&("step", 2))),
    |world| world.store().alias("tied", &world.variable("scope/b")?),
    |world| world.store().rename("words", "renamed"),
    |world| world.commit(),
    |world| world.fill("cut", 3.0),
    |world| world.save(Save::tag("one").replace()),
    |world| world.store().remove("scope/b"),
    |world| world.commit(),
    |world| world.store().delete("two"),
    |world| world.get("scope/b", |get| get.shape([7]).initializer(init::constant(4.0))),
    |world| world.save("three"),
    |world| world.store().restore("one"),
    |world| world.variable("a")?.assign_add(&Array1::from_elem(3000, 0.5_f32)),
    |world| world.save("branch"),
    |world| world.fill("a", 99.0),
    |world| world.store().rollback(),
    |world| {
        let checkpoint = world.store().checkpoint("three")?;
        world.store().load(&checkpoint, &LoadOptions::strict().only(|name| name == "a" || name == "cut"))?;
        Ok(())
    },
    |world| world.commit(),
    |world| world.store().delete("three"),
    |world| world.store().rename("cut", "whole"),
    |world| world.save("four"),
    |world| world.store().delete("four"),
    World::open,
    |world| world.read_all(),
    |world| world.variable("a")?.update_rows::<f32>(0..1, |mut row| row[0] = -1.0),
    |world| world.variable("whole")?.update_rows::<f32>(9..10, |mut row| row.fill(-2.0)),
    |world| world.commit(),
    |world| world.store().restore("branch"),
    |world| world.save("last"),
    |world| world.save_beside_a_change("beside"),
    |world| world.commit(),
    |world| world.stream("streamed"),
    |world| world.prune(3),
    |world| world.store().set_retention(&Retention::keep_all().keep_last(2)),
    |world| world.fill("cut", 8.0),
    |world| world.save("final"),
];

/// What is on the disk after each step where nothing goes wrong.
pub(crate) fn undisturbed(path: &Path) -> Vec<Kept> {
    let mut world = World::new(path, varkeep::testing::NoTap::shared());
    SCRIPT
        .iter()
        .map(|step| {
            step(&mut world).unwrap();
            kept(path).unwrap()
        })
        .collect()
}
