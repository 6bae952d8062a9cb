//! `docs/JSON.md` names every field that is written, and no field that is not.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::run::{json, run};
use crate::sample;

/// Fields of an object, down to those of the objects in it. What the user's own metadata holds is not ours.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                if !matches!(key.as_str(), "metadata" | "collections" | "words") || !value.is_object() {
                    fields(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

/// The names in backquotes: of `error.kind`, both parts.
fn documented(section: &str) -> BTreeSet<&str> {
    section.split('`').skip(1).step_by(2).flat_map(|name| name.split('.')).filter(|part| !part.is_empty()).collect()
}

#[test]
fn every_field_is_documented_in_its_section() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/JSON.md")).unwrap();
    let (general, rest) = page.split_once("## A checkpoint").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    sample::reshape(&store);
    drop(store);
    let at = |tag: &str| format!("digits.varkeep@{tag}");
    let outputs = [
        json(folder.path(), &["log", "digits.varkeep"], 0),
        json(folder.path(), &["inspect", &at("step-200"), "--stats", "--tree"], 0),
        json(folder.path(), &["show", &at("step-200"), "hidden/b", ":2"], 0),
        json(folder.path(), &["diff", &at("step-100"), &at("other")], 1),
        json(folder.path(), &["restore", &at("step-100"), "--dry-run"], 0),
        json(folder.path(), &["restore", &at("step-100"), "--to", "new"], 0),
        json(folder.path(), &["restore", &at("step-100"), "--into", "new", "--rename", "hidden=hiden", "--dry-run"], 1),
        json(folder.path(), &["restore", &at("other"), "--into", "new", "--dry-run"], 1),
        json(folder.path(), &["verify", "digits.varkeep"], 0),
        json(folder.path(), &["report", "digits.varkeep"], 0),
        json(folder.path(), &["stat", "digits.varkeep"], 0),
        json(folder.path(), &["salvage", "digits.varkeep", "--to", "rescued"], 0),
        json(folder.path(), &["prune", "digits.varkeep", "--keep-last", "2", "--dry-run"], 0),
        json(folder.path(), &["export", &at("step-200"), "x", "--as", "tensorflow"], 0),
        json(folder.path(), &["import", "x", "in.varkeep"], 0),
        serde_json::from_str(&run(folder.path(), &["log", "nowhere", "--json"]).out).unwrap(),
    ];
    for output in &outputs {
        let schema = output["schema"].as_str().unwrap();
        let section = match page.split(&format!("`{schema}`")).last().unwrap().split("\n## ").next() {
            Some(section) if page.contains(&format!("`{schema}`\n")) => section,
            _ => panic!("docs/JSON.md has no section {schema}"),
        };
        let shared = rest.split("\n## ").next().unwrap();
        let known: BTreeSet<&str> = [section, shared, general].iter().flat_map(|section| documented(section)).collect();
        let mut found = BTreeSet::new();
        fields(output, &mut found);
        let missing: Vec<&String> = found.iter().filter(|field| !known.contains(field.as_str())).collect();
        assert!(missing.is_empty(), "{schema} has fields that docs/JSON.md does not name: {missing:?}");
    }
    // What the page puts in tables is written by some command.
    let mut all = BTreeSet::new();
    for output in &outputs {
        fields(output, &mut all);
    }
    let first_cells = page.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    for name in first_cells.flat_map(documented) {
        let only_sometimes = ["slice_of", "repeats", "advice", "what", "words", "refused", "why", "left"];
        assert!(all.contains(name) || only_sometimes.contains(&name), "no command writes the field {name:?}");
    }
}
