//! Under which names a checkpoint's variables are to be loaded.

use std::collections::HashMap;

use regex::Regex;

use crate::failure::{Failure, Outcome};

/// Replacements, one after another, of what matches in a name.
#[derive(Debug)]
pub(super) struct Renames(Vec<(Regex, String)>);

impl Renames {
    /// Reads `REGEX=REPLACEMENT`s; the last `=` divides.
    pub(super) fn parse(texts: &[String]) -> Outcome<Self> {
        let rules = texts.iter().map(|text| {
            let (pattern, replacement) = text.rsplit_once('=').ok_or_else(|| {
                Failure::usage(format!("{text:?} is not REGEX=REPLACEMENT"))
                    .hint("for example `--rename '^encoder/=model/encoder/'`")
            })?;
            let regex = Regex::new(pattern).map_err(|error| {
                // What the expression looks like is the last line.
                let why = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Failure::usage(format!("{pattern:?} is not a regular expression: {why}"))
            })?;
            Ok((regex, replacement.to_owned()))
        });
        Ok(Self(rules.collect::<Outcome<_>>()?))
    }

    fn apply(&self, name: &str) -> String {
        self.0.iter().fold(name.to_owned(), |name, (regex, to)| regex.replace_all(&name, to).into_owned())
    }

    /// The names after the replacements, each with the one before. Two may not become one.
    pub(super) fn of(&self, names: impl Iterator<Item = String>) -> Outcome<HashMap<String, String>> {
        let mut renamed = HashMap::new();
        for name in names {
            let to = self.apply(&name);
            if let Some(other) = renamed.insert(to.clone(), name.clone()) {
                return Err(Failure::usage(format!("{other:?} and {name:?} would both become {to:?}"))
                    .hint("make the expression match one of them only, for example with `^` and `$`"));
            }
        }
        Ok(renamed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(rules: &[&str], names: &[&str]) -> Outcome<Vec<(String, String)>> {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let mut all: Vec<_> = Renames::parse(&rules)?.of(names.iter().map(ToString::to_string))?.into_iter().collect();
        all.sort();
        Ok(all)
    }

    #[test]
    fn rules_apply_one_after_another_and_names_do_not_meet() {
        let pairs = renamed(&["^a/=b/", "^b/(.*)=c/$1"], &["a/w", "x"]).unwrap();
        assert_eq!(pairs, [("c/w".to_owned(), "a/w".to_owned()), ("x".to_owned(), "x".to_owned())]);
        assert!(renamed(&["^.*$=w"], &["a", "b"]).unwrap_err().message.contains("both become"));
        assert_eq!(renamed(&["none"], &[]).unwrap_err().kind, "usage");
        assert_eq!(renamed(&["(=x"], &[]).unwrap_err().kind, "usage");
    }
}
