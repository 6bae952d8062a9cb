//! Why a command could not be carried out, with what the user can do about it.

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use varkeep::ErrorKind;

/// The result of a step of a command.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// A failure, its [`Parts`] apart, so that it can be told to people and to programs.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

/// What is known of a failure.
#[derive(Debug)]
pub(crate) struct Parts {
    /// A word (`snake_case`) that programs can rely on.
    pub(crate) kind: &'static str,
    /// One sentence, with the variable, file and offset concerned if there are.
    pub(crate) message: String,
    pub(crate) variable: Option<String>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) offset_bytes: Option<u64>,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    closed_pipe: bool,
}

impl Deref for Failure {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            message: message.into(),
            variable: None,
            path: None,
            offset_bytes: None,
            causes: Vec::new(),
            hint: None,
            closed_pipe: false,
        }))
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", message)
    }

    /// A name or pattern given by the user stands for nothing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NameNotFound.as_str(), message)
    }

    /// What was asked would lose something; the user has to say so expressly.
    pub(crate) fn would_lose(message: impl Into<String>) -> Self {
        Self::new("would_lose", message)
    }

    /// A folder cannot be looked through.
    pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Self {
        let mut failure = Self::new("io", format!("cannot read {}", path.display()));
        failure.0.path = Some(path.to_owned());
        failure.0.causes = vec![error.to_string()];
        failure
    }

    /// A file of our own cannot be written.
    pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Self {
        let mut failure = Self::new("io", format!("cannot write {}", path.display()));
        failure.0.path = Some(path.to_owned());
        failure.0.causes = vec![error.to_string()];
        failure.hint("check that the folder is there and may be written to, or give another place")
    }

    /// What is to be loaded does not fit what is there.
    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self::new("mismatch", message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// What the parser of the command line said.
    pub(crate) fn usage_of(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let text = text.trim().strip_prefix("error: ").unwrap_or(&text);
        let what: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        Self::usage(what.join(" ")).hint("see `varkeep --help`")
    }

    /// Whether it only says that nobody reads our output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }
}

fn causes_of(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string).collect()
}

impl From<varkeep::Error> for Failure {
    fn from(error: varkeep::Error) -> Self {
        let mut message = error.what().to_owned();
        if let Some(name) = error.variable().filter(|name| !message.contains(*name)) {
            message = format!("{message}, variable {name:?}");
        }
        if let Some(path) = error.path() {
            message = format!("{message}, in {}", path.display());
        }
        if let Some(offset) = error.offset_bytes() {
            message = format!("{message} at byte {offset}");
        }
        Self(Box::new(Parts {
            kind: error.kind().as_str(),
            message,
            variable: error.variable().map(str::to_owned),
            path: error.path().map(ToOwned::to_owned),
            offset_bytes: error.offset_bytes(),
            causes: causes_of(&error),
            hint: error.advice().map(str::to_owned),
            closed_pipe: false,
        }))
    }
}

impl From<io::Error> for Failure {
    /// Only writing our own output ends here: files are the library's business.
    fn from(error: io::Error) -> Self {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        let mut failure = Self::new("io", "cannot write the output");
        failure.0.causes = vec![error.to_string()];
        failure.0.closed_pipe = closed_pipe;
        failure
    }
}
