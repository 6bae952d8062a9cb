//! The digits: 1,797 grey images of 8 × 8 pixels, of which every fifth is held back.

use ndarray::{ArrayD, Axis, IxDyn};

const CSV: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.csv"));
pub(crate) const PIXELS: usize = 64;
const WHITE: f32 = 16.0;

pub(crate) struct Digits {
    pub(crate) training: Images,
    pub(crate) held_back: Images,
}

/// Images, one a row, and the digit that each shows.
pub(crate) struct Images {
    pub(crate) pixels: ArrayD<f32>,
    pub(crate) digits: Vec<usize>,
}

impl Digits {
    pub(crate) fn load() -> Self {
        let rows = CSV.lines().map(|line| {
            line.split(',').map(|cell| cell.parse::<u8>().expect("the file is part of this program")).collect()
        });
        let (mut training, mut held_back) = (Vec::new(), Vec::new());
        for (i, row) in rows.enumerate() {
            let part: &mut Vec<Vec<u8>> = if i % 5 == 0 { &mut held_back } else { &mut training };
            part.push(row);
        }
        Self { training: Images::new(&training), held_back: Images::new(&held_back) }
    }
}

impl Images {
    fn new(rows: &[Vec<u8>]) -> Self {
        let pixels = ArrayD::from_shape_fn(IxDyn(&[rows.len(), PIXELS]), |at| f32::from(rows[at[0]][at[1]]) / WHITE);
        Self { pixels, digits: rows.iter().map(|row| usize::from(row[PIXELS])).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Those with these numbers, in this order.
    pub(crate) fn select(&self, numbers: &[usize]) -> Self {
        let digits = numbers.iter().map(|number| self.digits[*number]).collect();
        Self { pixels: self.pixels.select(Axis(0), numbers), digits }
    }
}
