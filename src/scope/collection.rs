//! Collections: which ones a new variable joins, and how their members are selected by name.

use regex::{Regex, RegexBuilder};

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
pub struct CollectionFilter(Option<Regex>);

impl CollectionFilter {
    /// Selects everything.
    pub const fn all() -> Self {
        Self(None)
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
        Ok(Self(Some(regex)))
    }

    /// Selects what a scope's own `get_collection` does: its full name and a slash, taken as a pattern as it is, so that
    /// a dot matches any character. At the root that is everything.
    ///
    /// # Errors
    /// `invalid_argument`, if the name is ill-formed as a pattern, which no name of a scope is.
    pub fn of_scope(full_name: &str) -> Result<Self> {
        if full_name.is_empty() { Ok(Self::all()) } else { Self::new(&format!("{full_name}{SEPARATOR}")) }
    }

    /// Whether it selects the variable of this full name.
    pub fn selects_variable(&self, full_name: &str) -> bool {
        self.selects(&format!("{full_name}:0"))
    }

    /// Whether it selects the loss that a regularizer called `operation` adds for the variable of this full name.
    pub fn selects_loss(&self, full_name: &str, operation: &str) -> bool {
        self.selects(&format!("{full_name}/Regularizer/{operation}:0"))
    }

    fn selects(&self, name: &str) -> bool {
        // The leftmost match starts at 0 if any match does.
        self.0.as_ref().is_none_or(|regex| regex.find(name).is_some_and(|found| found.start() == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
