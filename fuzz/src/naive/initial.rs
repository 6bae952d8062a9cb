//! Section 5 of the specification: initializers.

use super::Word;
use crate::program::{Init, Kind, StaticShape};
use crate::value::{self, Bare, Cell, elements};

impl Init {
    /// Whether it is a value, that is no function.
    pub fn is_value(self) -> bool {
        matches!(self, Self::Tensor(..) | Self::Array(..) | Self::Literal(_))
    }

    pub fn is_function_of_place(self) -> bool {
        !self.is_value() && !matches!(self, Self::Nullary(..))
    }

    /// The dtype that a value has by itself.
    pub fn value_kind(self) -> Option<Kind> {
        match self {
            Self::Tensor(kind, ..) | Self::Array(kind, _) => Some(kind),
            Self::Literal(literal) => Some(literal.kind()),
            _ => None,
        }
    }

    pub fn pattern_of(kind: Kind, sizes: &[u64]) -> Vec<Cell> {
        value::pattern(kind, sizes, 0)
    }

    /// Kind, sizes and cells of a value.
    pub fn own(self) -> (Kind, Vec<u64>, Vec<Cell>) {
        match self {
            Self::Tensor(kind, sizes, _) | Self::Array(kind, sizes) => {
                (kind, sizes.get().to_vec(), Self::pattern_of(kind, sizes.get()))
            }
            Self::Literal(literal) => {
                let take = |bare: &Bare| bare.in_kind(literal.kind()).expect("it is its own kind");
                (literal.kind(), literal.sizes(), literal.bare().iter().map(take).collect())
            }
            function => unreachable!("{function:?} is no value"),
        }
    }

    /// What is known of a value's shape before it is looked at; `None` is nothing.
    pub fn static_shape(self) -> Option<Vec<Option<u64>>> {
        match self {
            Self::Tensor(_, _, StaticShape::Unknown) => None,
            Self::Tensor(_, sizes, StaticShape::Rank) => Some(vec![None; sizes.get().len()]),
            value => Some(super::known(&value.own().1)),
        }
    }

    pub fn knows_its_shape(self) -> bool {
        self.static_shape().is_some_and(|axes| !axes.contains(&None))
    }
}

/// Runs a function, or the default initializer, for a variable or slice. `None` is a value that is random.
pub fn run(
    function: Option<Init>,
    kind: Kind,
    full: &[u64],
    offset: &[u64],
    sizes: &[u64],
) -> Result<Option<Vec<Cell>>, Word> {
    let count = elements(sizes);
    let zeros = Some(vec![Cell::zero(kind); count]);
    match function {
        None if kind.is_floating() => Ok(None),
        None => Ok(zeros),
        Some(Init::Zeros) => Ok(zeros),
        Some(Init::Ones) => {
            let one = Bare::Bool(true).in_kind(kind).ok_or("initializer_dtype_unsupported")?;
            Ok(Some(vec![one; count]))
        }
        Some(Init::Constant(constant)) => {
            if count == 0 {
                return Ok(zeros);
            }
            let cells: Option<Vec<Cell>> = constant.bare().iter().map(|bare| bare.in_kind(kind)).collect();
            let mut cells = cells.ok_or("initializer_dtype_unsupported")?;
            if cells.len() > count {
                return Err("constant_too_many_elements");
            }
            let last = cells.last().expect("no constant of programs is empty").clone();
            cells.resize(count, last);
            Ok(Some(cells))
        }
        Some(Init::Orthogonal) if full.len() < 2 => Err("initializer_rank"),
        Some(Init::Glorot | Init::Orthogonal) if kind.is_floating() => Ok(None),
        Some(Init::UniformIntegers) if kind.is_floating() || matches!(kind, Kind::I32 | Kind::I64) => Ok(None),
        Some(Init::Glorot | Init::Orthogonal | Init::UniformIntegers) => Err("initializer_dtype_unsupported"),
        Some(Init::Identity) => {
            let &[rows, columns] = full else { return Err("initializer_rank") };
            if !kind.is_floating() && kind != Kind::Complex {
                return Err("initializer_dtype_unsupported");
            }
            let all: Vec<Cell> =
                (0..rows * columns).map(|i| Cell::Number(if i / columns == i % columns { 2.0 } else { 0.0 })).collect();
            Ok(Some(value::cut(&all, full, offset, sizes)))
        }
        Some(Init::Iota) => Ok(Some(value::iota(kind, full, offset, sizes))),
        Some(Init::Fails) => Err("user_function_failed"),
        Some(Init::FailsFurtherOn) if offset.iter().all(|at| *at == 0) => Ok(zeros),
        Some(Init::FailsFurtherOn) => Err("user_function_failed"),
        Some(other) => unreachable!("{other:?} is no function of a place"),
    }
}

/// An array or literal under a partitioner, converted to the dtype asked for.
pub fn converted(value: Init, kind: Kind) -> Result<Vec<Cell>, Word> {
    let cells: Option<Vec<Cell>> = match value {
        Init::Literal(literal) => literal.bare().iter().map(|bare| bare.in_kind(kind)).collect(),
        Init::Array(own, _) if (own == Kind::Text) != (kind == Kind::Text) => None,
        value => value.own().2.iter().map(|cell| value::astype(cell, kind)).collect(),
    };
    cells.ok_or("initializer_dtype_unsupported")
}
