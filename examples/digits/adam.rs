//! The Adam optimizer (Kingma and Ba, 2015). What it remembers lives in variables beside those that it trains.

use ndarray::{ArrayD, Zip};
use varkeep::init::{self, Initializer};
use varkeep::{Result, Scope, Variable};

const RATE: f32 = 0.001;
const DECAY_MEAN: f32 = 0.9;
const DECAY_SQUARE: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// A trainable variable with the running mean of its gradient, and that of the gradient's square.
pub(crate) struct Parameter {
    pub(crate) value: Variable,
    mean: Variable,
    square: Variable,
}

impl Parameter {
    /// Gets all three. The optimizer's two are saved as the value is, but they are not for training: `trainable(false)`.
    pub(crate) fn get(scope: &Scope<'_>, name: &str, shape: &[usize], initializer: Initializer) -> Result<Self> {
        let value = scope.get_variable(name).shape(shape).initializer(initializer).get()?;
        let adam = scope.scope("adam").initializer(init::zeros()).enter()?;
        let moment = |of| adam.get_variable(&format!("{name}_{of}")).shape(shape).trainable(false).get();
        Ok(Self { value, mean: moment("mean")?, square: moment("square")? })
    }

    /// Takes one step, the `step`-th, against the gradient. Every variable is updated in place, through a view.
    pub(crate) fn descend(&self, gradient: &ArrayD<f32>, step: u64) -> Result<()> {
        self.mean.update::<f32>(|mut mean| {
            mean.zip_mut_with(gradient, |m, g| *m += (1.0 - DECAY_MEAN) * (g - *m));
        })?;
        self.square.update::<f32>(|mut square| {
            square.zip_mut_with(gradient, |s, g| *s += (1.0 - DECAY_SQUARE) * (g * g - *s));
        })?;
        // Both began at zero and lean towards it: less and less with every step.
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let (lean_mean, lean_square) = (1.0 - DECAY_MEAN.powi(step), 1.0 - DECAY_SQUARE.powi(step));
        let (mean, square) = (self.mean.read::<f32>()?, self.square.read::<f32>()?);
        self.value.update::<f32>(|value| {
            Zip::from(value).and(&*mean).and(&*square).for_each(|v, m, s| {
                *v -= RATE * (m / lean_mean) / ((s / lean_square).sqrt() + EPSILON);
            });
        })
    }
}
