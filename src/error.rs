//! The one error type: what went wrong, with what, where, and what the caller can do about it.
//!
//! [`Error::kind`] is the precise word (TensorFlow's rules have one word each, listed in `docs/TENSORFLOW.md`);
//! [`Error::class`] is coarse and says what the caller can do. The text is one sentence, followed by advice. A cause is
//! never repeated in the text: it is reached through [`std::error::Error::source`].

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The call itself is wrong: change the program.
    Usage,
    /// The call contradicts what exists: ask for something else, or change what exists.
    Conflict,
    /// Something named does not exist.
    Missing,
    /// Bytes on disk are not what was written: restore another checkpoint.
    Corrupt,
    /// Somebody else is using it: try again later.
    Busy,
    /// The operating system refused: mend the cause and try again; nothing was lost.
    Io,
    /// An earlier failure left the outcome unknown: open the store again.
    Latched,
    /// A function supplied by the caller failed.
    User,
}

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, $class:ident; )+) => {
        /// The precise kind of an [`Error`]; [`ErrorKind::as_str`] is its word, such as `shape_mismatch`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl ErrorKind {
            /// Every kind there is, in the order of the documentation.
            pub const ALL: &[ErrorKind] = &[$( ErrorKind::$variant, )+];

            /// The word for this kind in `snake_case`, stable across versions.
            pub const fn as_str(self) -> &'static str {
                match self { $( ErrorKind::$variant => $word, )+ }
            }

            /// What the caller can do about it.
            pub const fn class(self) -> Class {
                match self { $( ErrorKind::$variant => Class::$class, )+ }
            }
        }
    };
}

kinds! {
    // TensorFlow's rules, in the order of the specification's table.
    /// A scope was entered with neither a name nor a default name.
    ScopeNameRequired = "scope_name_required", Usage;
    /// A scope name is neither a string nor a scope.
    ScopeNameType = "scope_name_type", Usage;
    /// A reuse mode is not one of the known ones.
    InvalidReuseValue = "invalid_reuse_value", Usage;
    /// Reuse was asked of a scope that has only a default name.
    ReuseRequiresScopeName = "reuse_requires_scope_name", Usage;
    /// A variable or scope name is ill-formed.
    InvalidName = "invalid_name", Usage;
    /// A custom getter cannot be called.
    CustomGetterNotCallable = "custom_getter_not_callable", Usage;
    /// The dtype asked for is not that of the value given in the same call.
    InitializerDtypeMismatch = "initializer_dtype_mismatch", Usage;
    /// A value initializer was given together with a shape.
    ConstantInitializerWithShape = "constant_initializer_with_shape", Usage;
    /// The name is taken and reuse is refused.
    VariableExists = "variable_exists", Conflict;
    /// Reuse is required and there is no such variable.
    VariableNotFound = "variable_not_found", Missing;
    /// The variable found, or the slice to adopt, has another shape.
    ShapeMismatch = "shape_mismatch", Conflict;
    /// The variable found, or the slice to adopt, has another dtype.
    DtypeMismatch = "dtype_mismatch", Conflict;
    /// A partitioned variable of this name exists and reuse is refused.
    PartitionedVariableExists = "partitioned_variable_exists", Conflict;
    /// Reuse is required and there is no such partitioned variable.
    PartitionedVariableNotFound = "partitioned_variable_not_found", Missing;
    /// The partitioned variable found has another shape.
    PartitionedShapeMismatch = "partitioned_shape_mismatch", Conflict;
    /// The partitioned variable found has another dtype.
    PartitionedDtypeMismatch = "partitioned_dtype_mismatch", Conflict;
    /// The partitioned variable found is cut otherwise.
    PartitionsMismatch = "partitions_mismatch", Conflict;
    /// A partitioner is in force but the name is a single variable.
    UnpartitionedVariableExists = "unpartitioned_variable_exists", Conflict;
    /// The name was made with a partitioner and is asked for without one.
    PartitionerMissing = "partitioner_missing", Conflict;
    /// A variable to be created has neither shape nor initializer.
    ShapeRequired = "shape_required", Usage;
    /// A variable to be created needs a fully known shape.
    ShapeNotFullyDefined = "shape_not_fully_defined", Usage;
    /// A variable to be created has a dtype without default initializer.
    InitializerRequired = "initializer_required", Usage;
    /// The value given has no fully known shape.
    InitialValueShapeUnknown = "initial_value_shape_unknown", Usage;
    /// A partitioner is in force and the shape is not fully known.
    PartitionedShapeNotFullyDefined = "partitioned_shape_not_fully_defined", Usage;
    /// A partitioner is in force and the value is a scalar.
    PartitionedScalar = "partitioned_scalar", Usage;
    /// A partitioner cannot be called.
    PartitionerNotCallable = "partitioner_not_callable", Usage;
    /// A partitioner's answer is not a list.
    PartitionerNotSequence = "partitioner_not_sequence", Usage;
    /// A partitioner's answer has the wrong number of entries.
    PartitionerRankMismatch = "partitioner_rank_mismatch", Usage;
    /// A partitioner's answer has an entry below one.
    PartitionerNonpositive = "partitioner_nonpositive", Usage;
    /// A partitioner asked to split more than one axis.
    MultiAxisPartition = "multi_axis_partition", Usage;
    /// A partitioner asked for more slices than the axis has elements.
    TooManyPartitions = "too_many_partitions", Usage;
    /// The slices found end before the last one asked for.
    PartitionLayoutMissingShard = "partition_layout_missing_shard", Conflict;
    /// The slices found go on after the last one asked for.
    PartitionLayoutExtraShard = "partition_layout_extra_shard", Conflict;
    /// The value for a partitioned variable does not have its full shape.
    InitializerShapeMismatch = "initializer_shape_mismatch", Usage;
    /// An initializer function without parameters cannot be handed a shape.
    InitializerTakesNoArguments = "initializer_takes_no_arguments", Usage;
    /// A partitioner's axis lies beyond the rank.
    PartitionerAxisOutOfRange = "partitioner_axis_out_of_range", Usage;
    /// A partitioner was built with an argument that makes no sense.
    PartitionerBadArgument = "partitioner_bad_argument", Usage;
    /// A partitioner by bytes cannot size slices of a variable without elements.
    PartitionerZeroSize = "partitioner_zero_size", Usage;
    /// Collections were not given as a list.
    CollectionsNotList = "collections_not_list", Usage;
    /// A constant list is longer than the variable.
    ConstantTooManyElements = "constant_too_many_elements", Usage;
    /// The initializer cannot produce the dtype.
    InitializerDtypeUnsupported = "initializer_dtype_unsupported", Usage;
    /// The initializer does not take a shape of this rank.
    InitializerRank = "initializer_rank", Usage;
    /// A regularizer was built with an argument that makes no sense.
    RegularizerBadArgument = "regularizer_bad_argument", Usage;
    /// A regularizer cannot handle the variable's dtype.
    RegularizerUnsupportedDtype = "regularizer_unsupported_dtype", Usage;
    /// The value assigned has another shape.
    AssignShapeMismatch = "assign_shape_mismatch", Usage;
    /// A save was asked for and there is nothing to save.
    SaverNoVariables = "saver_no_variables", Missing;
    /// A variable to be loaded is not in the checkpoint.
    RestoreKeyNotFound = "restore_key_not_found", Missing;
    /// A variable to be loaded has another shape in the checkpoint.
    RestoreShapeMismatch = "restore_shape_mismatch", Conflict;
    /// A variable to be loaded has another dtype in the checkpoint.
    RestoreDtypeMismatch = "restore_dtype_mismatch", Conflict;
    /// There is no checkpoint at the path.
    RestoreNoCheckpoint = "restore_no_checkpoint", Missing;

    // Ours: variables and transactions.
    /// An initializer returned a value of another shape or dtype than it was asked for.
    InitializerWrongResult = "initializer_wrong_result", User;
    /// The handle's variable is no longer in the store.
    VariableDetached = "variable_detached", Conflict;
    /// Creations wait for each other in a circle.
    CreationCycle = "creation_cycle", Conflict;
    /// An update of a variable was started from inside an update of the same variable.
    UpdateReentered = "update_reentered", Conflict;
    /// The operation is not defined for the variable's dtype.
    DtypeUnsupported = "dtype_unsupported", Usage;
    /// A row or index lies outside the variable.
    IndexOutOfRange = "index_out_of_range", Usage;
    /// A shape has too many axes or too many elements to exist.
    ShapeTooLarge = "shape_too_large", Usage;
    /// A new name is taken already.
    NameTaken = "name_taken", Conflict;
    /// The operation is not possible on a slice of a partitioned variable.
    SliceOfWhole = "slice_of_whole", Conflict;
    /// A recorded regularizer function is not known to this process.
    RegularizerUnbound = "regularizer_unbound", Missing;
    /// A restore would meet a variable that is not durable.
    RestoreNameConflict = "restore_name_conflict", Conflict;
    /// A function supplied by the caller returned an error.
    UserFunctionFailed = "user_function_failed", User;
    /// An argument is outside what the function takes.
    InvalidArgument = "invalid_argument", Usage;

    // Ours: stores and checkpoints.
    /// The path does not hold a store.
    StoreNotFound = "store_not_found", Missing;
    /// The path holds something that is not a store.
    NotAStore = "not_a_store", Usage;
    /// The store is open for writing elsewhere.
    StoreInUse = "store_in_use", Busy;
    /// The file was written by a newer version, with features this one does not know.
    UnsupportedFormat = "unsupported_format", Usage;
    /// Bytes in a file are not what was written there.
    Corrupt = "corrupt", Corrupt;
    /// The operating system refused an operation on a file.
    Io = "io", Io;
    /// The last step of a commit failed: the commit may or may not be durable.
    OutcomeUnknown = "outcome_unknown", Latched;
    /// The store refuses to go on after an earlier failure.
    StoreLatched = "store_latched", Latched;
    /// A save was cancelled before its commit point.
    SaveCancelled = "save_cancelled", Busy;
    /// The variable is one that no save holds.
    NotDurable = "not_durable", Usage;
    /// The save before this one failed, and this one counted on it.
    EarlierSaveFailed = "earlier_save_failed", Io;
    /// A tag is ill-formed.
    InvalidTag = "invalid_tag", Usage;
    /// A checkpoint of this tag exists already.
    TagExists = "tag_exists", Conflict;
    /// There is no checkpoint of this tag.
    TagNotFound = "tag_not_found", Missing;
    /// There is no variable of this name.
    NameNotFound = "name_not_found", Missing;
    /// Metadata could not be turned into bytes or back.
    Metadata = "metadata", Usage;
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong.
///
/// The text of an error is one sentence without its cause, then, after a semicolon, what to do. The parts are also
/// available one by one, so that a tool can render them its own way.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    what: String,
    advice: Option<String>,
    variable: Option<String>,
    path: Option<PathBuf>,
    offset_bytes: Option<u64>,
    cause: Option<Cause>,
}

impl Error {
    /// An error of this kind; `what` is one lower-case sentence without a full stop.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                what: what.into(),
                advice: None,
                variable: None,
                path: None,
                offset_bytes: None,
                cause: None,
            }),
        }
    }

    /// Adds what the caller can do, as a lower-case clause.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.inner.advice = Some(advice.into());
        self
    }

    /// Names the variable concerned, unless one is named already.
    #[must_use]
    pub fn of_variable(mut self, name: impl Into<String>) -> Self {
        self.inner.variable.get_or_insert_with(|| name.into());
        self
    }

    /// Names the file concerned, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.inner.path.get_or_insert_with(|| path.into());
        self
    }

    /// States where in the file, in bytes from its start, unless that is stated already.
    #[must_use]
    pub fn at_offset(mut self, offset_bytes: u64) -> Self {
        self.inner.offset_bytes.get_or_insert(offset_bytes);
        self
    }

    /// Attaches the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.inner.cause = Some(cause.into());
        self
    }

    /// An operating-system error while doing `what` with the file at `path`.
    pub(crate) fn io(what: &str, path: &Path, cause: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("cannot {what}")).in_file(path).caused_by(cause)
    }

    /// Damaged bytes; add the file and offset where they are known.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, what)
    }

    /// The precise kind.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What the caller can do.
    pub fn class(&self) -> Class {
        self.inner.kind.class()
    }

    /// The sentence alone, without file, offset and advice.
    pub fn what(&self) -> &str {
        &self.inner.what
    }

    /// What to do, where there is something to do.
    pub fn advice(&self) -> Option<&str> {
        self.inner.advice.as_deref()
    }

    /// The variable concerned.
    pub fn variable(&self) -> Option<&str> {
        self.inner.variable.as_deref()
    }

    /// The file concerned.
    pub fn path(&self) -> Option<&Path> {
        self.inner.path.as_deref()
    }

    /// Where in the file, in bytes from its start.
    pub fn offset_bytes(&self) -> Option<u64> {
        self.inner.offset_bytes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { what, advice, variable, path, offset_bytes, .. } = &*self.inner;
        f.write_str(what)?;
        if let Some(name) = variable.as_deref().filter(|name| !what.contains(*name)) {
            write!(f, ", variable {name:?}")?;
        }
        if let Some(path) = path {
            write!(f, ", in {}", path.display())?;
        }
        if let Some(offset) = offset_bytes {
            write!(f, " at byte {offset}")?;
        }
        if let Some(advice) = advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a test's `unwrap` prints: the word, the text and the chain of causes.
        write!(f, "[{}] {self}", self.kind())?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.cause.as_ref().map(|cause| &**cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_variable_file_offset_and_advice_once() {
        let error = Error::corrupt("chunk 3 of variable \"a/w\" fails its checksum")
            .of_variable("a/w")
            .in_file("x.shard")
            .at_offset(4096)
            .advise("restore an older checkpoint");
        assert_eq!(
            error.to_string(),
            "chunk 3 of variable \"a/w\" fails its checksum, in x.shard at byte 4096; restore an older checkpoint"
        );
        let error = Error::corrupt("bad").of_variable("w").of_variable("other");
        assert_eq!(error.to_string(), "bad, variable \"w\"");
    }

    #[test]
    fn every_kind_has_its_own_snake_case_word() {
        let mut words: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert!(words.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
