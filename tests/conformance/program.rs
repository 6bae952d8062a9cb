//! The programs of the corpus, and what it means to agree with one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use varkeep::Error;

use crate::values::{same, same_loss};

/// A script against the interface, with what TensorFlow answered.
pub(crate) struct Program {
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
    /// What a default saver would write at the end; null where the corpus does not say.
    pub(crate) saved: Json,
}

/// One step of a program.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) arguments: Json,
    pub(crate) expected: Json,
}

/// What a step came to, in the form of the corpus.
pub(crate) type Outcome = Result<Json, Error>;

/// All programs of the folder, which the environment variable `VARKEEP_CONFORMANCE` may name.
pub(crate) fn load() -> Vec<Program> {
    let folder = std::env::var_os("VARKEEP_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from);
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = listed.map(|entry| entry.expect("the folder is readable").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no programs", folder.display());
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Program> {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let programs: Vec<Json> =
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let program = |json: Json| {
        let list = |key: &str| json[key].as_array().unwrap_or_else(|| panic!("{key} is a list")).clone();
        let steps = list("steps").into_iter().zip(list("expect")).map(|(step, expected)| {
            let (name, arguments) = crate::arguments::form(&step);
            Step { name: name.to_owned(), arguments: arguments.clone(), expected }
        });
        Program { id: crate::values::text(&json["id"]), steps: steps.collect(), saved: json["saved"].clone() }
    };
    programs.into_iter().map(program).collect()
}

impl Step {
    pub(crate) fn expected_kind(&self) -> Option<&str> {
        self.expected["error"]["kind"].as_str()
    }

    /// Whether the step holds something that the interface's types do not let one say, so that any failure will do.
    pub(crate) fn is_untypable(&self) -> bool {
        let says = |what: &str| self.arguments.to_string().contains(what);
        match self.expected_kind() {
            Some(
                "invalid_reuse_value"
                | "scope_name_type"
                | "custom_getter_not_callable"
                | "partitioner_not_callable"
                | "collections_not_list"
                | "partitioner_not_sequence",
            ) => true,
            Some("partitioner_bad_argument" | "partitioner_nonpositive") => says(":-") || says("[-") || says(",-"),
            Some("regularizer_bad_argument") => has_integer_scale(&self.arguments),
            _ => false,
        }
    }

    /// How the outcome differs from the one expected, if it does.
    pub(crate) fn difference(&self, outcome: &Outcome) -> Option<String> {
        match (outcome, self.expected_kind()) {
            (Err(_), Some(_)) if self.is_untypable() => None,
            (Err(error), Some(kind)) if error.kind().as_str() == kind => None,
            (Err(error), _) => Some(format!("failed: {error:?}\n    expected {}", self.expected)),
            (Ok(ours), Some(_)) => Some(format!("succeeded: {ours}\n    expected {}", self.expected)),
            (Ok(ours), None) => differing_entry(ours, &self.expected["ok"]),
        }
    }
}

/// Whether a regularizer is built with an integer.
fn has_integer_scale(json: &Json) -> bool {
    let Json::Object(entries) = json else { return false };
    entries.iter().any(|(key, value)| match key.as_str() {
        "l1" | "l2" => value.is_i64(),
        "l1_l2" => value.as_array().is_some_and(|scales| scales.iter().any(Json::is_i64)),
        _ => has_integer_scale(value),
    })
}

/// The first entry that the corpus states and that is otherwise here.
fn differing_entry(ours: &Json, theirs: &Json) -> Option<String> {
    let entries = theirs.as_object().unwrap_or_else(|| panic!("{theirs} should be an object"));
    entries.iter().find_map(|(key, theirs)| {
        let ours = &ours[key];
        let agrees = match key.as_str() {
            "value" => theirs.is_null() || same(ours, theirs),
            "losses" => same_losses(ours, theirs),
            "saved" => return saved_difference(ours, theirs),
            _ => same(ours, theirs),
        };
        (!agrees).then(|| format!("{key} is {ours}, expected {theirs}"))
    })
}

fn same_losses(ours: &Json, theirs: &Json) -> bool {
    let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else { return false };
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| {
            ours["of"] == theirs["of"] && (theirs["loss"].is_null() || same_loss(&ours["loss"], &theirs["loss"]))
        })
}

/// How what is saved differs from what TensorFlow's saver would write, if it does.
pub(crate) fn saved_difference(ours: &Json, theirs: &Json) -> Option<String> {
    let (Some(our_list), Some(their_list)) = (ours.as_array(), theirs.as_array()) else {
        return theirs.is_array().then(|| format!("saved is {ours}, expected {theirs}"));
    };
    if our_list.len() != their_list.len() {
        return Some(format!("saved is {ours}, expected {theirs}"));
    }
    our_list.iter().zip(their_list).find_map(|(ours, theirs)| {
        differing_entry(ours, theirs).map(|difference| format!("what is saved for {}: {difference}", theirs["name"]))
    })
}
