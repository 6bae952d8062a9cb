//! The arguments of programs as the library takes them.

use varkeep::scope::{Next, Partitioner, Regularizer, VariableRequest, partitioner, regularizer};
use varkeep::{Error, ErrorKind, GetVariable, PartialShape, Result, Scope, Tensor, Variable, init};

use crate::program::{
    ConstantArgument, Cut, Get, Getter, Init, Kind, LiteralArgument, Penalty, ShapeArgument, StaticShape,
};
use crate::value;

impl Init {
    pub fn real(self) -> init::Initializer {
        match self {
            Self::Zeros => init::zeros(),
            Self::Ones => init::ones(),
            Self::Constant(constant) => match constant {
                ConstantArgument::Int => init::constant(2),
                ConstantArgument::Float => init::constant(1.5),
                ConstantArgument::Bool => init::constant(true),
                ConstantArgument::Text => init::constant("c"),
                ConstantArgument::Ints => init::constant(vec![4, 5]),
            },
            Self::Glorot => init::glorot_normal().into(),
            Self::Orthogonal => init::orthogonal(1.0).into(),
            Self::UniformIntegers => init::random_uniform(-3, 4).into(),
            Self::Identity => init::identity(2.0),
            Self::Iota => init::function(|place| {
                let (kind, sizes) = (Kind::of(place.dtype), place.shape.sizes());
                let cells = value::iota(kind, place.full_shape.sizes(), place.offset, sizes);
                Ok(value::to_tensor(kind, sizes, &cells))
            }),
            Self::Nullary(kind, sizes) => {
                let value = value::to_tensor(kind, sizes.get(), &Self::pattern_of(kind, sizes.get()));
                init::nullary(move || Ok(value.clone()))
            }
            Self::Tensor(kind, sizes, known) => {
                let value = value::to_tensor(kind, sizes.get(), &Self::pattern_of(kind, sizes.get()));
                let known = match known {
                    StaticShape::Full => return init::tensor(value),
                    StaticShape::Rank => PartialShape::with_axes(vec![None; sizes.get().len()]),
                    StaticShape::Unknown => PartialShape::unknown(),
                };
                init::tensor_with_static_shape(value, known).expect("what is known is true")
            }
            Self::Array(kind, sizes) => {
                init::array(value::to_tensor(kind, sizes.get(), &Self::pattern_of(kind, sizes.get())))
            }
            Self::Literal(literal) => match literal {
                LiteralArgument::Int => init::literal(3),
                LiteralArgument::Float => init::literal(2.5),
                LiteralArgument::Bool => init::literal(true),
                LiteralArgument::Text => init::literal("l"),
                LiteralArgument::Ints => init::literal(vec![1, 2, 3]),
                LiteralArgument::Floats => init::literal(vec![0.5, 2.0]),
                LiteralArgument::Texts => init::literal(vec!["x", "yy"]),
            },
            Self::Fails => init::function(|_| Err(Error::new(ErrorKind::InvalidArgument, "it fails"))),
            Self::FailsFurtherOn => init::function(|place| {
                if place.offset.iter().any(|at| *at > 0) {
                    return Err(Error::new(ErrorKind::InvalidArgument, "it fails further on"));
                }
                Tensor::zeros(place.dtype, place.shape.clone())
            }),
        }
    }
}

impl Cut {
    pub fn real(self) -> Partitioner {
        match self {
            Self::Fixed { .. } => {
                let (shards, axis) = self.fixed();
                partitioner::fixed_size(shards, axis)
            }
            Self::Counts(counts) => Partitioner::new(move |_, _| Ok(counts.get().to_vec())),
            Self::ByBytes { .. } => {
                let (bytes, axis) = self.by_bytes();
                partitioner::variable_axis_size(bytes).axis(axis).build().expect("the sizes are positive")
            }
            Self::MinMax { .. } => {
                let (most, axis, bytes) = self.min_max();
                let min_max = partitioner::min_max(most).axis(axis).min_slice_size(bytes);
                min_max.build().expect("the sizes are positive")
            }
        }
    }
}

impl Penalty {
    pub fn real(self) -> Regularizer {
        match self {
            Self::L2 => regularizer::l2(0.5).expect("the scale is positive"),
            Self::ZeroL1 => regularizer::l1(0.0).expect("the scale is not negative"),
            Self::Nothing => regularizer::none(),
        }
    }
}

impl Getter {
    /// What it does as a custom getter.
    pub fn real(self) -> impl Fn(&mut Next<'_, Variable>, VariableRequest) -> Result<Variable> + Send + Sync + 'static {
        let refusal = || Err(Error::new(ErrorKind::InvalidArgument, "the getter refuses"));
        move |next, mut request| {
            match self {
                Self::Suffix => request.name.push_str("_g"),
                Self::DropPartitioner => request.partitioner = None,
                Self::AnyReuse => request.reuse = None,
                Self::Scalar => request.shape = Some(PartialShape::with_axes(Vec::new())),
                Self::Reuse(reuse) => request.reuse = Some(reuse.mode()),
                Self::Kind(kind) => request.dtype = kind.dtype(),
                Self::Initializer(initializer) => request.initializer = initializer.map(Init::real),
                Self::Cut(cut) => request.partitioner = Some(cut.real()),
                Self::Trainable => (request.collections, request.trainable) = (None, true),
                Self::Refuses => return refusal(),
                Self::FailsAfterwards => {
                    next.get(request)?;
                    return refusal();
                }
                Self::Twice => {
                    next.get(request.clone())?;
                }
                Self::OtherFirst => {
                    let _ = next.get(VariableRequest { name: "w".to_owned(), ..request.clone() });
                }
            }
            next.get(request)
        }
    }
}

impl Get {
    pub fn real<'s>(&self, scope: &'s Scope<'_>) -> GetVariable<'s> {
        let name = self.name.get();
        let mut get = if self.local { scope.get_local_variable(name) } else { scope.get_variable(name) };
        get = match self.shape {
            Some(ShapeArgument::Full(sizes)) if sizes.get().is_empty() => get.scalar(),
            Some(ShapeArgument::Full(sizes)) => get.shape(sizes.get()),
            Some(ShapeArgument::Partial(axes)) => get.partial_shape(PartialShape::with_axes(axes.get())),
            None => get,
        };
        if let Some(kind) = self.kind {
            get = get.dtype(kind.dtype());
        }
        if let Some(initializer) = self.initializer {
            get = get.initializer(initializer.real());
        }
        if let Some(penalty) = self.penalty {
            get = get.regularizer(penalty.real());
        }
        if let Some(trainable) = self.trainable {
            get = get.trainable(trainable);
        }
        if let Some(collections) = self.collections() {
            get = get.collections(collections);
        }
        if self.also {
            get = get.also_in("also");
        }
        if let Some(device) = self.device {
            get = get.caching_device(device.get());
        }
        if let Some(cut) = self.cut {
            get = get.partitioner(cut.real());
        }
        if let Some(validate_shape) = self.validate_shape {
            get = get.validate_shape(validate_shape);
        }
        if let Some(getter) = self.getter {
            get = get.custom_getter(getter.real());
        }
        get
    }
}
