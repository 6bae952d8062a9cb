//! Random orthogonal matrices, by Householder reflections.
//!
//! The matrix is the Q of the QR decomposition of a matrix of normal values, with the signs chosen such that R has a
//! positive diagonal: then every orthogonal matrix is equally likely. The decomposition itself need not be computed.
//! What a reflection leaves of the following columns is again normal and independent, so the vector of each
//! reflection is drawn afresh (Stewart, 1980).

use super::float::Float;
use super::normal::quantile;
use super::random::{Law, Random};
use super::stream::Stream;
use crate::shape::Shape;

/// A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`; every such matrix equally likely.
///
/// More than two axes are flattened to (product of the leading sizes) × last. A slice is orthogonal by itself. For
/// floats.
///
/// # Errors
/// When run: `initializer_rank`, for fewer than two axes; then `initializer_dtype_unsupported`; `invalid_argument`, if the
/// gain is not finite.
pub fn orthogonal(gain: f64) -> Random {
    Law::Orthogonal { gain }.into()
}

/// Columns that are reflected together, so that each reflection is read once for all of them.
const PANEL: usize = 16;

/// Fills the elements of `shape`, of at least two axes, with an orthogonal matrix times `gain`.
pub(super) fn fill<T: Float>(gain: f64, shape: &Shape, elements: &mut [T], stream: &mut Stream) {
    let Some((columns, leading)) = shape.sizes().split_last() else { return };
    let (rows, columns) = (leading.iter().product::<u64>() as usize, *columns as usize);
    if rows == 0 || columns == 0 {
        return;
    }
    let is_tall = rows >= columns;
    let (long, short) = if is_tall { (rows, columns) } else { (columns, rows) };
    let reflections = Reflections::draw(long, short, stream);
    let mut panel = vec![[0.0; PANEL]; long];
    for first in (0..short).step_by(PANEL) {
        let width = PANEL.min(short - first);
        reflections.columns(first, width, &mut panel);
        for (i, row) in panel.iter().enumerate() {
            for (j, value) in (first..).zip(&row[..width]) {
                // A wide matrix is the transpose of a tall one.
                let at = if is_tall { i * columns + j } else { j * columns + i };
                elements[at] = T::nearest(gain * value);
            }
        }
    }
}

/// The reflections I - v·vᵀ whose product is the orthogonal matrix.
struct Reflections {
    /// The vectors, one after the other; the k-th has zeros for its first k elements, which are left out.
    vectors: Vec<f64>,
    /// Where each vector starts, and the sign of its column.
    starts: Vec<(usize, f64)>,
    long: usize,
}

impl Reflections {
    fn draw(long: usize, short: usize, stream: &mut Stream) -> Self {
        let mut starts = Vec::with_capacity(short);
        let mut len = 0;
        for k in 0..short {
            starts.push((len, 1.0));
            len += long - k;
        }
        let mut vectors = vec![0.0; len];
        stream.fill(&mut vectors, quantile);
        for (k, (start, sign)) in starts.iter_mut().enumerate() {
            let vector = &mut vectors[*start..*start + long - k];
            // No draw is zero, so neither is the norm.
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            let first = vector[0];
            *sign = -1.0_f64.copysign(first);
            vector[0] += norm.copysign(first);
            let scale = 1.0 / (norm * (norm + first.abs())).sqrt();
            for x in vector {
                *x *= scale;
            }
        }
        Self { vectors, starts, long }
    }

    /// Computes `width` columns of the product, from the `first`.
    fn columns(&self, first: usize, width: usize, panel: &mut [[f64; PANEL]]) {
        panel.fill([0.0; PANEL]);
        for j in 0..width {
            let (_, sign) = self.starts[first + j];
            panel[first + j][j] = sign;
        }
        // Later reflections leave these columns, which are still zero there, as they are.
        for (k, (start, _)) in self.starts[..first + width].iter().enumerate().rev() {
            let vector = &self.vectors[*start..*start + self.long - k];
            let mut products = [0.0; PANEL];
            for (x, row) in vector.iter().zip(&panel[k..]) {
                for (product, value) in products.iter_mut().zip(row) {
                    *product += x * value;
                }
            }
            for (x, row) in vector.iter().zip(&mut panel[k..]) {
                for (value, product) in row.iter_mut().zip(&products) {
                    *value -= x * product;
                }
            }
        }
    }
}
