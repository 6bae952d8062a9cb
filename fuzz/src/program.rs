//! Programs as data.

use std::fmt;
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use varkeep::DType;
use varkeep::scope::Reuse;

use crate::words::{
    Counts, DefaultWord, DeviceWord, FilterWord, KeyWord, PartialSizes, ScopeWord, Sizes, TagWord, VariableWord,
};

/// A program, to be run against a store that is empty.
#[derive(Clone, Debug)]
pub struct Program {
    /// Whether commits, and what goes back to them, are carried out: those wait for the disk.
    pub is_durable: bool,
    /// Whether everything is compared after every step, not only after failures. Looking at a variable of an earlier
    /// session makes it live, so programs that do not look are others.
    pub looks_often: bool,
    pub steps: Vec<Step>,
}

impl Program {
    /// Of how many programs one is durable.
    const DURABLE_SHARE: u64 = 32;
    /// If this variable is set, all are; then a temporary folder in memory is advisable.
    const ALL_DURABLE: &str = "VARKEEP_FUZZ_DURABLE";

    /// The program that a fuzzer's bytes stand for.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        static ALL_DURABLE: LazyLock<bool> = LazyLock::new(|| std::env::var_os(Program::ALL_DURABLE).is_some());
        let mut data = Unstructured::new(bytes);
        // By a hash of the bytes, not by one of them: what the disk adds to coverage is noise, and would make a fuzzer
        // prefer the slow programs.
        let hash = bytes.iter().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let is_durable = *ALL_DURABLE || hash % Self::DURABLE_SHARE == 0;
        let looks_often = data.arbitrary().ok()?;
        let steps = data.arbitrary_take_rest_iter().ok()?.map_while(Result::ok).take(Self::STEPS_MAX).collect();
        Some(Self { is_durable, looks_often, steps })
    }

    const STEPS_MAX: usize = 60;
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    Get(Box<Get>),
    Enter(Box<Enter>),
    Leave,
    Set(Setter),
    ReuseVariables,
    Collection {
        key: KeyWord,
        filter: FilterWord,
    },
    ScopeCollection {
        key: KeyWord,
    },
    Losses {
        filter: FilterWord,
    },
    ScopeLosses,
    /// Gives a variable that was named before another value.
    Assign {
        which: u8,
        seed: u8,
    },
    /// The same with a value of this shape, with or without leave to change the variable's.
    AssignShape {
        which: u8,
        sizes: Sizes,
        any_shape: bool,
    },
    Remove {
        which: u8,
    },
    Look,
    /// Goes on from a fresh root.
    Root,
    Rollback,
    Commit,
    Save {
        tag: TagWord,
        replace: bool,
    },
    Restore {
        tag: TagWord,
    },
    /// Loads the values of a checkpoint into the variables that there are.
    Load {
        tag: TagWord,
    },
    Reopen,
}

/// The dtypes that programs use.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    I32,
    Bool,
    Text,
    F64,
    I64,
    Complex,
    F16,
}

impl Kind {
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::I32 => DType::I32,
            Self::Bool => DType::Bool,
            Self::Text => DType::String,
            Self::F64 => DType::F64,
            Self::I64 => DType::I64,
            Self::Complex => DType::C64,
            Self::F16 => DType::F16,
        }
    }

    pub fn of(dtype: DType) -> Self {
        let all = [Self::F32, Self::I32, Self::Bool, Self::Text, Self::F64, Self::I64, Self::Complex, Self::F16];
        all.into_iter().find(|kind| kind.dtype() == dtype).expect("programs use no other dtype")
    }

    pub fn is_floating(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum ReuseArgument {
    Refuse,
    Require,
    Auto,
    Resume,
}

impl ReuseArgument {
    pub fn mode(self) -> Reuse {
        match self {
            Self::Refuse => Reuse::Refuse,
            Self::Require => Reuse::Require,
            Self::Auto => Reuse::Auto,
            Self::Resume => Reuse::Resume,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum ShapeArgument {
    Full(Sizes),
    Partial(PartialSizes),
}

impl ShapeArgument {
    pub fn axes(self) -> Vec<Option<u64>> {
        match self {
            Self::Full(sizes) => sizes.get().iter().copied().map(Some).collect(),
            Self::Partial(axes) => axes.get().to_vec(),
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Init {
    Zeros,
    Ones,
    Constant(ConstantArgument),
    /// A random function, for floating dtypes.
    Glorot,
    /// Another, for matrices and more.
    Orthogonal,
    /// Random integers, for int32, int64 and floating dtypes.
    UniformIntegers,
    Identity,
    /// A function that counts the elements of the whole variable.
    Iota,
    Nullary(Kind, Sizes),
    Tensor(Kind, Sizes, StaticShape),
    Array(Kind, Sizes),
    Literal(LiteralArgument),
    /// A function that always fails.
    Fails,
    /// A function that makes zeros of the first slice and fails for every other.
    FailsFurtherOn,
}

/// What is known of a tensor's shape beforehand.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticShape {
    Full,
    Rank,
    Unknown,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum ConstantArgument {
    Int,
    Float,
    Bool,
    Text,
    Ints,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum LiteralArgument {
    Int,
    Float,
    Bool,
    Text,
    Ints,
    Floats,
    Texts,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Cut {
    Fixed { shards: u8, axis: i8 },
    Counts(Counts),
    ByBytes { bytes: u8, axis: u8 },
    MinMax { partitions: u8, axis: u8, bytes: u8 },
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    L2,
    /// A scale of zero, which is no loss.
    ZeroL1,
    /// A regularizer that returns nothing: switches off what would be inherited.
    Nothing,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Getter {
    /// Appends to the name.
    Suffix,
    DropPartitioner,
    /// Hands on no reuse mode.
    AnyReuse,
    Scalar,
    Reuse(ReuseArgument),
    Kind(Kind),
    Initializer(Option<Init>),
    Cut(Cut),
    /// Takes the collections away and makes it trainable.
    Trainable,
    /// Fails without asking.
    Refuses,
    /// Fails with the variable in its hands.
    FailsAfterwards,
    Twice,
    /// Asks for another variable first, and does not mind if that fails.
    OtherFirst,
}

/// A get. Nothing of what is `None` is said.
#[derive(Arbitrary, Clone)]
pub struct Get {
    pub name: VariableWord,
    pub shape: Option<ShapeArgument>,
    pub initializer: Option<Init>,
    pub cut: Option<Cut>,
    pub kind: Option<Kind>,
    pub local: bool,
    collections: Option<u8>,
    pub trainable: Option<bool>,
    pub validate_shape: Option<bool>,
    pub also: bool,
    pub penalty: Option<Penalty>,
    pub device: Option<DeviceWord>,
    pub getter: Option<Getter>,
}

impl Get {
    pub fn collections(&self) -> Option<Vec<String>> {
        const KEYS: [&str; 5] = ["variables", "mine", "local_variables", "trainable_variables", "mine"];
        let bits = self.collections?;
        Some((0..KEYS.len()).filter(|i| bits >> i & 1 == 1).map(|i| KEYS[i].to_owned()).collect())
    }
}

impl fmt::Debug for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?}", if self.local { "local" } else { "get" }, self.name)?;
        let mut said = |what: &str, value: Option<&dyn fmt::Debug>| match value {
            Some(value) => write!(f, ", {what}={value:?}"),
            None => Ok(()),
        };
        said("shape", self.shape.as_ref().map(|x| x as _))?;
        said("dtype", self.kind.as_ref().map(|x| x as _))?;
        said("init", self.initializer.as_ref().map(|x| x as _))?;
        said("cut", self.cut.as_ref().map(|x| x as _))?;
        said("collections", self.collections().as_ref().map(|x| x as _))?;
        said("also", self.also.then_some(&self.also as _))?;
        said("trainable", self.trainable.as_ref().map(|x| x as _))?;
        said("validate_shape", self.validate_shape.as_ref().map(|x| x as _))?;
        said("penalty", self.penalty.as_ref().map(|x| x as _))?;
        said("device", self.device.as_ref().map(|x| x as _))?;
        said("getter", self.getter.as_ref().map(|x| x as _))?;
        f.write_str(")")
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Target {
    Name(ScopeWord),
    Default(DefaultWord),
    NameOrDefault(ScopeWord, DefaultWord),
    Neither,
    /// One of the scopes entered so far, or a root.
    Captured(u8),
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Enter {
    pub target: Target,
    pub reuse: Option<ReuseArgument>,
    pub initializer: Option<Init>,
    pub cut: Option<Cut>,
    pub kind: Option<Kind>,
    pub penalty: Option<Penalty>,
    pub device: Option<DeviceWord>,
    pub getter: Option<Getter>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Setter {
    Initializer(Option<Init>),
    Cut(Option<Cut>),
    Kind(Kind),
    Penalty(Option<Penalty>),
    Device(Option<DeviceWord>),
    Getter(Option<Getter>),
}
