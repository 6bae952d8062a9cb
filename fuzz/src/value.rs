//! Values as lists of cells, and what the specification says about making and converting them.

use varkeep::{Shape, Tensor};

use crate::program::{ConstantArgument, Kind, LiteralArgument};

/// One element. Numbers of every dtype are small enough to be exact; complex ones are real.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Number(f64),
    Truth(bool),
    Text(Vec<u8>),
}

impl Cell {
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    pub fn zero(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Truth(false),
            Kind::Text => Self::text(""),
            _ => Self::Number(0.0),
        }
    }
}

pub fn elements(sizes: &[u64]) -> usize {
    sizes.iter().product::<u64>() as usize
}

/// Cells that differ, so that values in the wrong place show.
pub fn pattern(kind: Kind, sizes: &[u64], seed: u8) -> Vec<Cell> {
    (0..elements(sizes))
        .map(|i| {
            let n = i + usize::from(seed % 16);
            match kind {
                Kind::F16 | Kind::F32 | Kind::F64 | Kind::Complex => Cell::Number(n as f64 * 0.75 - 1.0),
                Kind::I32 | Kind::I64 => Cell::Number(n as f64 - 1.0),
                Kind::Bool => Cell::Truth(n % 2 == 0),
                Kind::Text => Cell::Text(format!("t{n}").into_bytes()),
            }
        })
        .collect()
}

/// The row-major indices in the whole of the elements of a part.
pub fn iota(kind: Kind, full: &[u64], offset: &[u64], sizes: &[u64]) -> Vec<Cell> {
    let cell = |n: usize| match kind {
        Kind::Bool => Cell::Truth(n != 0),
        Kind::Text => Cell::Text(n.to_string().into_bytes()),
        _ => Cell::Number(n as f64),
    };
    places(full, offset, sizes).into_iter().map(cell).collect()
}

/// NumPy's `astype`; `None` between text and numbers.
pub fn astype(cell: &Cell, to: Kind) -> Option<Cell> {
    let number = match (cell, to) {
        (Cell::Text(text), Kind::Text) => return Some(Cell::Text(text.clone())),
        (Cell::Text(_), _) | (_, Kind::Text) => return None,
        (Cell::Number(number), _) => *number,
        (Cell::Truth(truth), _) => f64::from(u8::from(*truth)),
    };
    Some(match to {
        Kind::Bool => Cell::Truth(number != 0.0),
        Kind::I32 | Kind::I64 => Cell::Number(number.trunc()),
        _ => Cell::Number(number),
    })
}

/// A constant or literal, whose kind the dtype has to take.
#[derive(Clone, Debug)]
pub enum Bare {
    Int(i32),
    Float(f32),
    Bool(bool),
    Text(&'static str),
}

impl Bare {
    pub fn in_kind(&self, kind: Kind) -> Option<Cell> {
        Some(match (self, kind) {
            (Self::Text(text), Kind::Text) => Cell::text(text),
            (Self::Text(_), _) | (_, Kind::Text) => return None,
            (Self::Bool(truth), Kind::Bool) => Cell::Truth(*truth),
            (_, Kind::Bool) | (Self::Float(_), Kind::I32 | Kind::I64) => return None,
            (Self::Bool(truth), _) => Cell::Number(f64::from(u8::from(*truth))),
            (Self::Int(int), _) => Cell::Number(f64::from(*int)),
            (Self::Float(float), _) => Cell::Number(f64::from(*float)),
        })
    }
}

impl ConstantArgument {
    pub fn bare(self) -> Vec<Bare> {
        match self {
            Self::Int => vec![Bare::Int(2)],
            Self::Float => vec![Bare::Float(1.5)],
            Self::Bool => vec![Bare::Bool(true)],
            Self::Text => vec![Bare::Text("c")],
            Self::Ints => vec![Bare::Int(4), Bare::Int(5)],
        }
    }
}

impl LiteralArgument {
    pub fn bare(self) -> Vec<Bare> {
        match self {
            Self::Int => vec![Bare::Int(3)],
            Self::Float => vec![Bare::Float(2.5)],
            Self::Bool => vec![Bare::Bool(true)],
            Self::Text => vec![Bare::Text("l")],
            Self::Ints => vec![Bare::Int(1), Bare::Int(2), Bare::Int(3)],
            Self::Floats => vec![Bare::Float(0.5), Bare::Float(2.0)],
            Self::Texts => vec![Bare::Text("x"), Bare::Text("yy")],
        }
    }

    /// The dtype that it has by itself.
    pub fn kind(self) -> Kind {
        match self {
            Self::Int | Self::Ints => Kind::I32,
            Self::Float | Self::Floats => Kind::F32,
            Self::Bool => Kind::Bool,
            Self::Text | Self::Texts => Kind::Text,
        }
    }

    pub fn sizes(self) -> Vec<u64> {
        match self {
            Self::Ints | Self::Floats | Self::Texts => vec![self.bare().len() as u64],
            _ => Vec::new(),
        }
    }
}

/// Where in the row-major cells of `full` those of a part lie.
pub fn places(full: &[u64], offset: &[u64], sizes: &[u64]) -> Vec<usize> {
    let mut places = vec![0];
    for axis in 0..full.len() {
        places = places
            .iter()
            .flat_map(|place| (0..sizes[axis]).map(move |i| place * full[axis] as usize + (offset[axis] + i) as usize))
            .collect();
    }
    places
}

pub fn cut(cells: &[Cell], full: &[u64], offset: &[u64], sizes: &[u64]) -> Vec<Cell> {
    places(full, offset, sizes).into_iter().map(|place| cells[place].clone()).collect()
}

/// The slices of a shape along the axis that is cut, each with offset and sizes; `None` where it would start outside.
pub fn tiles(full: &[u64], counts: &[u64]) -> Vec<Option<(Vec<u64>, Vec<u64>)>> {
    let axis = counts.iter().position(|count| *count > 1).unwrap_or(0);
    let (n, m) = (full[axis], counts[axis]);
    let mut start = 0;
    (0..m)
        .map(|k| {
            let len = n / m + u64::from(k < n % m);
            let (mut offset, mut sizes) = (vec![0; full.len()], full.to_vec());
            (offset[axis], sizes[axis]) = (start, len);
            start += len;
            let starts_inside = offset.iter().zip(full).all(|(start, size)| start < size);
            starts_inside.then_some((offset, sizes))
        })
        .collect()
}

pub fn to_tensor(kind: Kind, sizes: &[u64], cells: &[Cell]) -> Tensor {
    let shape = Shape::new(sizes.to_vec()).expect("the shapes of programs are small");
    if kind == Kind::Text {
        let texts: Vec<&[u8]> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => text.as_slice(),
                other => unreachable!("{other:?} is no text"),
            })
            .collect();
        return Tensor::from_strings(shape, &texts).expect("there are as many as the shape says");
    }
    let mut bytes = Vec::new();
    for cell in cells {
        match (cell, kind) {
            (Cell::Truth(truth), Kind::Bool) => bytes.push(u8::from(*truth)),
            (Cell::Number(number), Kind::F16) => bytes.extend(half::f16::from_f64(*number).to_le_bytes()),
            (Cell::Number(number), Kind::F32) => bytes.extend((*number as f32).to_le_bytes()),
            (Cell::Number(number), Kind::F64) => bytes.extend(number.to_le_bytes()),
            (Cell::Number(number), Kind::I32) => bytes.extend((*number as i32).to_le_bytes()),
            (Cell::Number(number), Kind::I64) => bytes.extend((*number as i64).to_le_bytes()),
            (Cell::Number(number), Kind::Complex) => {
                bytes.extend((*number as f32).to_le_bytes());
                bytes.extend(0_f32.to_le_bytes());
            }
            (other, kind) => unreachable!("{other:?} is no {kind:?}"),
        }
    }
    Tensor::from_bytes(kind.dtype(), shape, &bytes).expect("there are as many as the shape says")
}

pub fn of_tensor(kind: Kind, tensor: &Tensor) -> Vec<Cell> {
    if kind == Kind::Text {
        let strings = tensor.strings().expect("the dtype was compared");
        return (0..strings.len()).map(|i| Cell::Text(strings.get(i).expect("it is inside").to_vec())).collect();
    }
    let bytes = tensor.bytes();
    match kind {
        Kind::F16 => bytes.as_chunks().0.iter().map(|x| Cell::Number(half::f16::from_le_bytes(*x).to_f64())).collect(),
        Kind::F32 => bytes.as_chunks().0.iter().map(|x| Cell::Number(f64::from(f32::from_le_bytes(*x)))).collect(),
        Kind::F64 => bytes.as_chunks().0.iter().map(|x| Cell::Number(f64::from_le_bytes(*x))).collect(),
        Kind::I32 => bytes.as_chunks().0.iter().map(|x| Cell::Number(f64::from(i32::from_le_bytes(*x)))).collect(),
        Kind::I64 => bytes.as_chunks().0.iter().map(|x| Cell::Number(i64::from_le_bytes(*x) as f64)).collect(),
        Kind::Bool => bytes.iter().map(|x| Cell::Truth(*x == 1)).collect(),
        Kind::Complex => bytes
            .chunks_exact(8)
            .map(|pair| {
                assert_eq!(pair[4..], [0; 4], "complex values in programs are real");
                Cell::Number(f64::from(f32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]])))
            })
            .collect(),
        Kind::Text => unreachable!("handled above"),
    }
}
