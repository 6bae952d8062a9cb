//! The training: all of its state is variables of one store, so that one save covers it and one open brings it back.

use std::cell::RefCell;

use ndarray::{Array1, ArrayD, IxDyn};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use varkeep::{DType, Error, ErrorKind, Result, Save, Store, Variable, init};

use super::data::Digits;
use super::metrics::Mean;
use super::network::{HIDDEN, Network};
use super::options::Options;

const BATCH: usize = 32;
/// The share of the hidden layer that takes part in a step.
const TAKES_PART: f64 = 0.8;

pub(crate) struct Training<'a> {
    store: &'a Store,
    digits: &'a Digits,
    options: &'a Options,
    network: Network,
    /// How many steps were taken: with the length of an epoch, also the place in `order`.
    step: Variable,
    /// The training images in this epoch's order.
    order: Variable,
    /// How many words were drawn from `generator`.
    drawn: Variable,
    generator: RefCell<ChaCha8Rng>,
    loss: Mean,
    accuracy: Mean,
}

/// What `varkeep log` can say of a checkpoint.
#[derive(Serialize)]
struct Metadata {
    step: u64,
    epoch: u64,
    loss: f32,
    accuracy: f32,
}

impl<'a> Training<'a> {
    /// Gets every variable. `resume` makes that one program for both cases: what an earlier process saved is found, what
    /// is new is created, and a name that is used twice by mistake is still an error.
    pub(crate) fn resume(store: &'a Store, digits: &'a Digits, options: &'a Options) -> Result<Self> {
        let root = store.root();
        let network = Network::get(&root.scope("model").resume().enter()?)?;

        let scope = root.scope("training").resume().dtype(DType::U64).initializer(init::zeros()).enter()?;
        let counter = |name| scope.get_variable(name).scalar().trainable(false);
        let seed = counter("seed").initializer(init::constant(options.seed)).get()?.item::<u64>()?;
        let (step, drawn) = (counter("step").get()?, counter("drawn").get()?);
        let images = digits.training.len();
        let order = scope.get_variable("order").shape([images]).dtype(DType::U32).trainable(false).get()?;
        if seed != options.seed {
            let what = format!("this training was begun with --seed {seed}, not {}", options.seed);
            return Err(Error::new(ErrorKind::InvalidArgument, what)
                .in_file(store.path())
                .advise("give that seed, or another --store"));
        }
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_word_pos(drawn.item::<u64>()?.into());

        let metrics = root.scope("metrics").enter()?;
        let (loss, accuracy) = (Mean::get(&metrics, "loss")?, Mean::get(&metrics, "accuracy")?);
        let generator = RefCell::new(generator);
        Ok(Self { store, digits, options, network, step, order, drawn, generator, loss, accuracy })
    }

    fn epoch_steps(&self) -> u64 {
        self.digits.training.len().div_ceil(BATCH) as u64
    }

    pub(crate) fn steps_all(&self) -> u64 {
        self.options.epochs * self.epoch_steps()
    }

    pub(crate) fn steps_done(&self) -> Result<u64> {
        self.step.item()
    }

    /// Where the training stands, in words.
    pub(crate) fn standing(&self) -> Result<String> {
        let (done, all) = (self.steps_done()?, self.steps_all());
        let epoch = done / self.epoch_steps() + 1;
        Ok(match done {
            0 => format!("training from the start, {all} steps"),
            _ if done < all => format!("resuming after step {done} of {all}, in epoch {epoch}"),
            _ => format!("training is complete, {done} steps"),
        })
    }

    /// One step. While the guard lives, a save from another thread would wait: none ever holds half a step.
    pub(crate) fn step(&self) -> Result<()> {
        let _whole = self.store.step();
        let done = self.steps_done()?;
        let place = (done % self.epoch_steps()) as usize * BATCH;
        if place == 0 {
            self.begin_epoch()?;
        }
        let order = self.order.read_rows::<u32>(place..(place + BATCH).min(self.digits.training.len()))?;
        let numbers: Vec<usize> = order.iter().map(|number| *number as usize).collect();
        let dropout = self.draw_dropout(numbers.len());
        let outcome = self.network.learn(&self.digits.training.select(&numbers), &dropout, done + 1)?;
        self.loss.add(outcome.loss)?;
        self.accuracy.add(outcome.accuracy)?;
        self.drawn.assign(self.generator.borrow().get_word_pos() as u64)?;
        self.step.assign(done + 1)
    }

    fn begin_epoch(&self) -> Result<()> {
        let mut order: Vec<u32> = (0..).take(self.digits.training.len()).collect();
        order.shuffle(&mut *self.generator.borrow_mut());
        self.order.assign(Array1::from(order))?;
        self.loss.reset()?;
        self.accuracy.reset()
    }

    /// Leaves a share of the hidden layer out, and makes up for that in the rest.
    fn draw_dropout(&self, rows: usize) -> ArrayD<f32> {
        let mut generator = self.generator.borrow_mut();
        let weight = (1.0 / TAKES_PART) as f32;
        let draw = || if generator.random_bool(TAKES_PART) { weight } else { 0.0 };
        ArrayD::from_shape_simple_fn(IxDyn(&[rows, HIDDEN]), draw)
    }

    /// Saves after the last step, and every so many; gives the tag. Everything that was assigned up to here is durable,
    /// as one unit, when this returns.
    pub(crate) fn save_if_due(&self) -> Result<Option<String>> {
        let step = self.steps_done()?;
        let is_last = step == self.steps_all();
        if !is_last && step % self.options.save_every != 0 {
            return Ok(None);
        }
        let tag = if is_last { "final".to_owned() } else { format!("step-{step:06}") };
        let epoch = step.div_ceil(self.epoch_steps());
        let metadata = Metadata { step, epoch, loss: self.loss.value()?, accuracy: self.accuracy()? };
        // Replacing, because who went back to an older checkpoint comes by this tag again.
        self.store.save(Save::tag(&tag).metadata(&metadata).replace())?;
        Ok(Some(tag))
    }

    pub(crate) fn summary(&self) -> Result<String> {
        Ok(format!("loss {:.4}, {:.1} % right", self.loss.value()?, 100.0 * self.accuracy.value()?))
    }

    /// The share of the digits held back that are recognised.
    pub(crate) fn accuracy(&self) -> Result<f32> {
        self.network.accuracy(&self.digits.held_back)
    }
}
