//! Which names the user means.

use globset::{GlobBuilder, GlobMatcher};

use crate::failure::{Failure, Outcome};

/// What makes a pattern of a name.
const SPECIAL: [char; 5] = ['*', '?', '[', '{', '\\'];

/// A pattern of names, or all of them.
#[derive(Debug)]
pub(crate) struct Filter(Kind);

#[derive(Debug)]
enum Kind {
    All,
    /// A variable, or a scope with all that is in it.
    Name(String),
    Glob {
        matcher: GlobMatcher,
        prefix: String,
    },
}

impl Filter {
    pub(crate) fn new(pattern: Option<&str>) -> Outcome<Self> {
        let Some(pattern) = pattern else { return Ok(Self(Kind::All)) };
        if !pattern.contains(SPECIAL) {
            return Ok(Self(Kind::Name(pattern.trim_end_matches('/').to_owned())));
        }
        let glob = GlobBuilder::new(pattern).literal_separator(false).build().map_err(|error| {
            Failure::usage(format!("{pattern:?} is not a pattern: {}", error.kind()))
                .hint("put a backslash before a bracket that is part of a name")
        })?;
        let prefix = pattern.split(SPECIAL).next().unwrap_or_default().to_owned();
        Ok(Self(Kind::Glob { matcher: glob.compile_matcher(), prefix }))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Name(wanted) => {
                name.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Kind::Glob { matcher, .. } => matcher.is_match(name),
        }
    }

    /// What every name that matches starts with.
    pub(crate) fn prefix(&self) -> &str {
        match &self.0 {
            Kind::All => "",
            Kind::Name(wanted) => wanted,
            Kind::Glob { prefix, .. } => prefix,
        }
    }
}

/// A pattern that matches nothing is a mistake; having none is not.
pub(crate) fn check_found(found: bool, pattern: Option<&str>, place: &str) -> Outcome<()> {
    let Some(pattern) = pattern.filter(|_| !found) else { return Ok(()) };
    Err(Failure::not_found(format!("no variable matches {pattern:?}, in {place}"))
        .hint("`varkeep inspect` without a pattern lists all names; `*` stands for any text, also across slashes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_mean_scopes_and_stars_cross_slashes() {
        for (pattern, yes, no) in [
            ("a", &["a", "a/b", "a/b/c"][..], &["ab", "x/a"][..]),
            ("a/", &["a", "a/b"], &["ab"]),
            ("*/Adam*", &["a/b/Adam", "x/Adam_1"], &["Adam", "adam"]),
            ("a?", &["ab", "a/"], &["a", "abc"]),
            ("{a,b}/w", &["a/w", "b/w"], &["c/w"]),
        ] {
            let filter = Filter::new(Some(pattern)).unwrap();
            assert!(yes.iter().all(|name| filter.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| filter.matches(name)), "{pattern}");
            assert!(yes.iter().all(|name| name.starts_with(filter.prefix())), "{pattern}");
        }
        assert_eq!(Filter::new(Some("a[")).unwrap_err().kind, "usage");
        assert!(Filter::new(None).unwrap().matches("anything"));
    }
}
