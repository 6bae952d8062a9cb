//! How names of one side become names of the other.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};

/// How names are written on the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// As they are, whatever they hold.
    #[default]
    Keep,
    /// Dots become slashes: `layer.0.weight` becomes `layer/0/weight`.
    DotsToSlashes,
    /// Slashes become dots.
    SlashesToDots,
}

impl Names {
    fn of(self, name: &str) -> String {
        match self {
            Self::Keep => name.to_owned(),
            Self::DotsToSlashes => name.replace('.', "/"),
            Self::SlashesToDots => name.replace('/', "."),
        }
    }

    /// The names on the other side, each behind the prefix.
    ///
    /// # Errors
    /// `name_taken`, if two would meet.
    pub(crate) fn all<'a>(
        self,
        names: impl IntoIterator<Item = &'a str>,
        prefix: &str,
    ) -> Result<HashMap<&'a str, String>> {
        let mut all = HashMap::new();
        let mut origins: HashMap<String, &str> = HashMap::new();
        for name in names {
            let new = format!("{prefix}{}", self.of(name));
            if let Some(other) = origins.insert(new.clone(), name) {
                let what = format!("{other:?} and {name:?} would both be called {new:?}");
                return Err(Error::new(ErrorKind::NameTaken, what)
                    .of_variable(name)
                    .advise("keep the names as they are, or leave one of the two out"));
            }
            all.insert(name, new);
        }
        Ok(all)
    }
}
