//! What the exit code says.

use std::process::ExitCode;

/// The answer of a command, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; equal; sound.
    Yes,
    /// The answer is no: different, or damaged.
    No,
    /// The command could not be carried out.
    Trouble,
}

impl Exit {
    pub(crate) fn answer(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Trouble => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
