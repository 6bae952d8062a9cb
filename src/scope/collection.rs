//! Collections: which ones a new variable joins, and how their members are selected by name.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::Extractor;

use crate::error::{Error, ErrorKind, Result};
use crate::name::SEPARATOR;
use crate::scope::request::VariableRequest;

/// The variables that are saved; where a variable goes unless told otherwise.
pub const GLOBAL_VARIABLES: &str = "variables";
/// The variables of this process alone.
pub const LOCAL_VARIABLES: &str = "local_variables";
/// The variables that an optimizer updates.
pub const TRAINABLE_VARIABLES: &str = "trainable_variables";
/// The variables of a model, where a library tells them from others.
pub const MODEL_VARIABLES: &str = "model_variables";
/// The variables of which moving averages are kept.
pub const MOVING_AVERAGE_VARIABLES: &str = "moving_average_variables";
/// The losses that regularizers add.
pub const REGULARIZATION_LOSSES: &str = "regularization_losses";

/// What filters see behind the full name of a variable.
const BEHIND_VARIABLE: &str = ":0";
/// What they see behind that of a variable that adds a loss, before the name of the operation.
const BEHIND_LOSS: &str = "/Regularizer/";

/// The memory that a compiled pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The collections that a variable created for this request joins, each once.
///
/// The trainable ones come last: being trainable is independent of the collections named.
pub fn joined_by(request: &VariableRequest) -> Vec<String> {
    let default = [GLOBAL_VARIABLES.to_owned()];
    let named = request.collections.as_deref().unwrap_or(&default);
    let trainable = request.trainable.then(|| TRAINABLE_VARIABLES.to_owned());
    let mut joined: Vec<String> = Vec::with_capacity(named.len() + 1);
    for key in named.iter().chain(&request.also_in).chain(&trainable) {
        if !joined.contains(key) {
            joined.push(key.clone());
        }
    }
    joined
}

/// Selects members of a collection by name.
///
/// The pattern is a regular expression that has to match at the beginning of the name: the full name of a variable and
/// `:0`. So `a` also selects `ab/v`, and `a/v$` selects nothing.
#[derive(Clone, Debug)]
pub struct CollectionFilter {
    regex: Option<Regex>,
    /// What every name that is selected starts with: where to look in a sorted list, and what tells most others.
    prefix: String,
}

impl CollectionFilter {
    /// Selects everything.
    pub const fn all() -> Self {
        Self { regex: None, prefix: String::new() }
    }

    /// Selects the names at whose beginning `pattern` matches.
    ///
    /// # Errors
    /// `invalid_argument`, if the pattern is ill-formed or too large.
    pub fn new(pattern: &str) -> Result<Self> {
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build().map_err(|error| {
            Error::new(ErrorKind::InvalidArgument, format!("{pattern:?} cannot select from a collection"))
                .advise("give a regular expression of the `regex` crate's syntax")
                .caused_by(error)
        })?;
        Ok(Self { regex: Some(regex), prefix: literal_prefix(pattern) })
    }

    /// Selects what a scope's own `get_collection` does: its full name and a slash, taken as a pattern as it is, so that
    /// a dot matches any character. At the root that is everything.
    ///
    /// # Errors
    /// `invalid_argument`, if the name is ill-formed as a pattern, which no name of a scope is.
    pub fn of_scope(full_name: &str) -> Result<Self> {
        if full_name.is_empty() { Ok(Self::all()) } else { Self::new(&format!("{full_name}{SEPARATOR}")) }
    }

    /// What the full names of all variables that it selects start with.
    pub fn prefix_of_variables(&self) -> &str {
        before(&self.prefix, BEHIND_VARIABLE)
    }

    /// What the full names of all variables start with of whose losses it selects some.
    pub fn prefix_of_losses(&self) -> &str {
        before(&self.prefix, BEHIND_LOSS)
    }

    /// Whether it selects the variable of this full name.
    pub fn selects_variable(&self, full_name: &str) -> bool {
        self.selects(full_name, &[BEHIND_VARIABLE])
    }

    /// Whether it selects the loss that a regularizer called `operation` adds for the variable of this full name.
    pub fn selects_loss(&self, full_name: &str, operation: &str) -> bool {
        self.selects(full_name, &[BEHIND_LOSS, operation, BEHIND_VARIABLE])
    }

    fn selects(&self, full_name: &str, behind: &[&str]) -> bool {
        let Some(regex) = &self.regex else { return true };
        if full_name.len() >= self.prefix.len() && !full_name.starts_with(&self.prefix) {
            return false;
        }
        let mut name = full_name.to_owned();
        name.extend(behind.iter().copied());
        // The leftmost match starts at 0 if any match does.
        regex.find(&name).is_some_and(|found| found.start() == 0)
    }
}

/// The part of `prefix` that lies in a name for certain, if behind the name comes `added`.
fn before<'p>(prefix: &'p str, added: &str) -> &'p str {
    let may_be_added = |(at, _): &(usize, char)| {
        let rest = &prefix[*at..];
        rest.starts_with(added) || added.starts_with(rest)
    };
    prefix.char_indices().find(may_be_added).map_or(prefix, |(at, _)| &prefix[..at])
}

/// What everything starts with that the pattern matches, as far as that is plain from the pattern.
fn literal_prefix(pattern: &str) -> String {
    let Ok(pattern) = regex_syntax::parse(pattern) else { return String::new() };
    let literals = Extractor::new().extract(&pattern);
    let prefix = literals.longest_common_prefix().unwrap_or_default();
    // It may end within a character.
    prefix.utf8_chunks().next().map_or_else(String::new, |chunk| chunk.valid().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::scope::{CallArguments, ScopeSettings};

    fn joined(arguments: CallArguments) -> Vec<String> {
        joined_by(&arguments.resolve(&ScopeSettings::<()>::root()).unwrap())
    }

    #[test]
    fn filters_match_at_the_beginning_of_the_suffixed_name() {
        let rows: [(&str, &str, bool); 12] = [
            ("a", "ab/v", true),
            ("a", "av", true),
            ("a", "b/a", false),
            ("a/v$", "a/v", false),
            ("a/v:0$", "a/v", true),
            ("", "anything", true),
            ("b|a", "a", true),
            ("x|a", "ya", false),
            (".*v", "a/v", true),
            ("(a|b)/v", "b/v", true),
            ("(?x) a # comment", "a", true),
            ("a)|(b", "a", false),
        ];
        for (pattern, name, selected) in rows {
            let selects = CollectionFilter::new(pattern).is_ok_and(|filter| filter.selects_variable(name));
            assert_eq!(selects, selected, "{pattern:?} on {name:?}");
        }
    }

    #[test]
    fn a_scope_selects_what_is_below_it_with_its_dots_as_wildcards() {
        let filter = CollectionFilter::of_scope("a.b").unwrap();
        assert!(filter.selects_variable("a.b/v") && filter.selects_variable("axb/v"));
        assert!(!filter.selects_variable("a.bc/v") && !filter.selects_variable("z/a.b/v"));
        assert!(CollectionFilter::of_scope("").unwrap().selects_variable("v"));
        assert!(CollectionFilter::of_scope("a").unwrap().selects_loss("a/v", "l2_regularizer"));
    }

    proptest! {
        #[test]
        fn prefixes_leave_out_nothing_that_is_selected(
            pattern in "(\\(\\?i\\))?(a|b|/|R|:0|\\.|ab|a\\*|b\\?|\\||\\$|\\(a\\|ab\\)|/Reg){0,5}",
            name in "[abR]{0,3}(/[abR]{1,3}){0,2}(/Reg)?",
        ) {
            let filter = CollectionFilter::new(&pattern).unwrap();
            let regex = Regex::new(&pattern).unwrap();
            let naive = |name: String| regex.find(&name).is_some_and(|found| found.start() == 0);
            let (variable, loss) = (naive(format!("{name}:0")), naive(format!("{name}/Regularizer/l2:0")));
            prop_assert_eq!(filter.selects_variable(&name), variable);
            prop_assert_eq!(filter.selects_loss(&name, "l2"), loss);
            prop_assert!(!variable || name.starts_with(filter.prefix_of_variables()));
            prop_assert!(!loss || name.starts_with(filter.prefix_of_losses()));
        }
    }

    #[test]
    fn the_prefix_of_a_scope_is_its_name() {
        let filter = CollectionFilter::of_scope("layer_1/b").unwrap();
        assert_eq!((filter.prefix_of_variables(), filter.prefix_of_losses()), ("layer_1/b/", "layer_1/b"));
        assert_eq!(CollectionFilter::new("a|b").unwrap().prefix_of_variables(), "");
    }

    #[test]
    fn ill_formed_and_oversized_patterns_are_refused() {
        for pattern in ["(", "a{1000}{1000}{1000}", "(?=a)"] {
            assert_eq!(CollectionFilter::new(pattern).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn membership_follows_the_arguments() {
        let list = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        let call = || CallArguments::new("v");
        assert_eq!(joined(call()), [GLOBAL_VARIABLES, TRAINABLE_VARIABLES]);
        assert_eq!(joined(CallArguments { collections: list(&[]), ..call() }), [TRAINABLE_VARIABLES]);
        let twice = CallArguments { collections: list(&["x", "x"]), trainable: Some(false), ..call() };
        assert_eq!(joined(twice), ["x"]);
        let named = CallArguments { collections: list(&[TRAINABLE_VARIABLES]), trainable: Some(false), ..call() };
        assert_eq!(joined(named), [TRAINABLE_VARIABLES]);
        let also = CallArguments { also_in: vec!["mine".to_owned()], ..call() };
        assert_eq!(joined(also), [GLOBAL_VARIABLES, "mine", TRAINABLE_VARIABLES]);

        let local = || CallArguments { trainable: Some(true), ..CallArguments::local("v") };
        assert_eq!(joined(local()), [LOCAL_VARIABLES]);
        assert_eq!(joined(CallArguments { collections: list(&[]), ..local() }), [LOCAL_VARIABLES]);
        let both = CallArguments { collections: list(&[GLOBAL_VARIABLES]), ..local() };
        assert_eq!(joined(both), [GLOBAL_VARIABLES, LOCAL_VARIABLES]);
    }
}
