//! What commands print with `--json` is what `docs/json-schema.json` says, field by field.
//!
//! The checker knows the words of JSON Schema that the file uses, and refuses others: a library for all of it would bring
//! sixty crates into the build of everyone who runs the tests.

use std::path::Path;

use serde_json::Value;

use crate::run::{json, run};
use crate::sample;

pub(crate) fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json-schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks a value against a schema; the place of what does not fit is told.
fn check(root: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let wrong = |why: String| Err(format!("{place}: {why}"));
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema" | "title" | "description" | "$defs" => {}
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(root, &root["$defs"][name], value, place)?;
            }
            "anyOf" => {
                let tried: Vec<String> =
                    rule.as_array().unwrap().iter().filter_map(|one| check(root, one, value, place).err()).collect();
                if tried.len() == rule.as_array().unwrap().len() {
                    return wrong(format!("nothing fits: {tried:#?}"));
                }
            }
            "const" if rule == value => {}
            "enum" if rule.as_array().unwrap().contains(value) => {}
            "const" | "enum" => return wrong(format!("{value} is not {rule}")),
            "type" => {
                let fits = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    other => panic!("an unknown type {other}"),
                };
                if !fits {
                    return wrong(format!("{value} is no {rule}"));
                }
            }
            "minimum" => {
                if value.as_f64() < rule.as_f64() {
                    return wrong(format!("{value} is below {rule}"));
                }
            }
            "minItems" | "maxItems" => {
                let Some(items) = value.as_array() else { continue };
                let (len, bound) = (items.len() as u64, rule.as_u64().unwrap());
                if (word == "minItems" && len < bound) || (word == "maxItems" && len > bound) {
                    return wrong(format!("{len} items"));
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{place}[{i}]"))?;
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        check(root, rule, inner, &format!("{place}.{name}"))?;
                    }
                }
            }
            "required" => {
                let missing = rule.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                if let Some(missing) = missing {
                    return wrong(format!("{missing} is missing"));
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if *rule == Value::Bool(false) {
                        return wrong(format!("{name} is not in the schema"));
                    }
                    check(root, rule, inner, &format!("{place}.{name}"))?;
                }
            }
            word => panic!("this checker does not know {word:?}"),
        }
    }
    Ok(())
}

/// Checks what a command printed against the part of the schema that it names.
#[track_caller]
pub(crate) fn assert_fits(output: &Value) {
    let schema = schema();
    let name = output["schema"].as_str().unwrap().strip_suffix("/1").unwrap();
    let part = schema["$defs"].get(name).unwrap_or_else(|| panic!("the schema has no part {name}"));
    check(&schema, part, output, name).unwrap();
}

#[test]
fn everything_that_is_printed_fits_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    sample::reshape(&store);
    drop(store);
    let at = |tag: &str| format!("digits.varkeep@{tag}");
    for (args, code) in [
        (vec!["log", "digits.varkeep"], 0),
        (vec!["inspect", &at("step-200"), "--stats", "--tree"], 0),
        (vec!["inspect", &at("step-200"), "embedding/part_0"], 0),
        (vec!["show", &at("step-200"), "embedding"], 0),
        (vec!["show", &at("step-200"), "step"], 0),
        (vec!["show", &at("step-200"), "hidden/w", "0:0"], 0),
        (vec!["diff", &at("step-100"), &at("other")], 1),
        (vec!["diff", &at("step-0"), &at("step-200")], 1),
        (vec!["restore", &at("step-100"), "--dry-run"], 0),
        (vec!["restore", &at("step-100"), "--to", "new"], 0),
        (vec!["restore", &at("other"), "--into", "new", "--dry-run"], 1),
        (vec!["verify", "digits.varkeep"], 0),
        (vec!["report", "digits.varkeep"], 0),
        (vec!["stat", "digits.varkeep"], 0),
        (vec!["export", &at("step-200"), "out", "--as", "tensorflow"], 0),
        (vec!["import", "out", "in.varkeep"], 0),
        (vec!["salvage", "digits.varkeep", "--to", "rescued"], 0),
        (vec!["prune", "digits.varkeep", "--keep-last", "2", "--dry-run"], 0),
        (vec!["stat", &at("step-0")], 0),
    ] {
        assert_fits(&json(folder.path(), &args, code));
    }
    let watched = run(folder.path(), &["watch", "digits.varkeep", "--until", "step-0", "--json"]);
    assert_eq!((watched.code, watched.out.lines().count()), (0, 4));
    watched.out.lines().for_each(|line| assert_fits(&serde_json::from_str(line).unwrap()));
    assert_fits(&serde_json::from_str(&run(folder.path(), &["log", "nowhere", "--json"]).out).unwrap());
}

#[test]
fn the_checker_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample::digits(folder.path()));
    let good = json(folder.path(), &["diff", "digits.varkeep@step-0", "digits.varkeep"], 1);
    let broken: [&dyn Fn(&mut Value); 6] = [
        &|value| value["equal"] = "no".into(),
        &|value| drop(value.as_object_mut().unwrap().remove("counts")),
        &|value| value["more"] = 1.into(),
        &|value| value["changed"][0]["how"][0] = "colour".into(),
        &|value| value["bytes_read"] = (-1).into(),
        &|value| value["a"]["time"] = 5.into(),
    ];
    let schema = schema();
    for (i, change) in broken.iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(check(&schema, &schema["$defs"]["varkeep.diff"], &bad, "").is_err(), "{i}");
    }
}
