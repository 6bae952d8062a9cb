//! A network of two layers, forwards and backwards.

use ndarray::linalg::Dot;
use ndarray::{ArrayD, Axis};
use varkeep::{Result, Scope, init};

use super::adam::Parameter;
use super::data::{Images, PIXELS};

pub(crate) const HIDDEN: usize = 256;
const DIGITS: usize = 10;

/// A layer: inputs · weights + bias.
struct Dense {
    weights: Parameter,
    bias: Parameter,
}

impl Dense {
    fn get(scope: &Scope<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        let layer = scope.scope(name).enter()?;
        Ok(Self {
            // Their seed follows from the store's and the variable's name.
            weights: Parameter::get(&layer, "weights", &[inputs, outputs], init::he_uniform().into())?,
            bias: Parameter::get(&layer, "bias", &[outputs], init::zeros())?,
        })
    }

    fn apply(&self, input: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        // What `read` gives is an ndarray, not a copy of one.
        Ok(input.dot(&*self.weights.value.read::<f32>()?) + &*self.bias.value.read::<f32>()?)
    }

    /// Learns from the gradient of the loss by this layer's output; gives the gradient by its input.
    fn learn(&self, input: &ArrayD<f32>, gradient: &ArrayD<f32>, step: u64) -> Result<ArrayD<f32>> {
        let by_input = gradient.dot(&self.weights.value.read::<f32>()?.t());
        self.weights.descend(&input.t().dot(gradient), step)?;
        self.bias.descend(&gradient.sum_axis(Axis(0)), step)?;
        Ok(by_input)
    }
}

pub(crate) struct Network {
    hidden: Dense,
    output: Dense,
}

/// How well a batch went.
pub(crate) struct Outcome {
    pub(crate) loss: f32,
    pub(crate) accuracy: f32,
}

impl Network {
    pub(crate) fn get(scope: &Scope<'_>) -> Result<Self> {
        let hidden = Dense::get(scope, "hidden", PIXELS, HIDDEN)?;
        Ok(Self { hidden, output: Dense::get(scope, "output", HIDDEN, DIGITS)? })
    }

    /// Learns from a batch. `dropout` is multiplied with the hidden layer.
    pub(crate) fn learn(&self, batch: &Images, dropout: &ArrayD<f32>, step: u64) -> Result<Outcome> {
        let sums = self.hidden.apply(&batch.pixels)?;
        let hidden = relu(&sums) * dropout;
        let mut guesses = softmax(self.output.apply(&hidden)?);
        let outcome =
            Outcome { loss: cross_entropy(&guesses, &batch.digits), accuracy: right(&guesses, &batch.digits) };

        // The loss is the mean of -ln(guess of the right digit), which makes its gradient this simple.
        for (row, digit) in batch.digits.iter().enumerate() {
            guesses[[row, *digit]] -= 1.0;
        }
        let by_output = guesses / batch.len() as f32;
        let by_hidden = self.output.learn(&hidden, &by_output, step)?;
        let by_sums = by_hidden * dropout * sums.mapv(|sum| if sum > 0.0 { 1.0 } else { 0.0 });
        self.hidden.learn(&batch.pixels, &by_sums, step)?;
        Ok(outcome)
    }

    /// The share of the images that it recognises.
    pub(crate) fn accuracy(&self, images: &Images) -> Result<f32> {
        let hidden = relu(&self.hidden.apply(&images.pixels)?);
        Ok(right(&self.output.apply(&hidden)?, &images.digits))
    }
}

fn relu(sums: &ArrayD<f32>) -> ArrayD<f32> {
    sums.mapv(|sum| sum.max(0.0))
}

/// Makes every row shares of one.
fn softmax(mut scores: ArrayD<f32>) -> ArrayD<f32> {
    for mut row in scores.rows_mut() {
        let greatest = row.fold(f32::MIN, |a, b| a.max(*b));
        row.mapv_inplace(|score| (score - greatest).exp());
        let sum = row.sum();
        row /= sum;
    }
    scores
}

fn cross_entropy(guesses: &ArrayD<f32>, digits: &[usize]) -> f32 {
    let losses = digits.iter().enumerate().map(|(row, digit)| -guesses[[row, *digit]].max(f32::MIN_POSITIVE).ln());
    losses.sum::<f32>() / digits.len() as f32
}

/// The share of rows whose greatest score is that of the right digit.
fn right(scores: &ArrayD<f32>, digits: &[usize]) -> f32 {
    let greatest = |row: &[f32]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
    let rows = scores.rows().into_iter().zip(digits);
    let right = rows.filter(|(row, digit)| row.as_slice().and_then(greatest) == Some(**digit)).count();
    right as f32 / digits.len() as f32
}
