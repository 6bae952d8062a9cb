//! Files of other formats, read where they lie, and compared with stores and with each other.

use std::path::{Path, PathBuf};

use ndarray::array;
use serde_json::json;
use varkeep::Store;

use crate::run::{answer, json, run};

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name).display().to_string()
}

/// A safetensors file of float32 vectors, written by hand.
fn safetensors(folder: &Path, name: &str, tensors: &[(&str, &[f32])]) -> PathBuf {
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::new());
    header.insert("__metadata__".to_owned(), json!({"made by": "hand"}));
    for (name, values) in tensors {
        let start = bytes.len();
        bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        let entry = json!({"dtype": "F32", "shape": [values.len()], "data_offsets": [start, bytes.len()]});
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], &header, &bytes].concat()).unwrap();
    path
}

#[test]
fn a_file_is_inspected_shown_and_compared_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    safetensors(folder.path(), "m.safetensors", &[("w", &[1.0, 2.0, 3.5]), ("old", &[0.5])]);
    let store = Store::open(folder.path().join("m.varkeep")).unwrap();
    {
        let root = store.root();
        root.get_variable("w").initializer(array![1.0_f32, 2.0, 3.0]).get().unwrap();
        root.get_variable("new").initializer(array![0.5_f32]).get().unwrap();
    }
    store.save("a").unwrap();
    let inspection = json(folder.path(), &["inspect", "m.safetensors", "--stats"], 0);
    assert_eq!(inspection["checkpoint"]["format"], "safetensors");
    assert_eq!(
        (&inspection["checkpoint"]["commit"], &inspection["words"]),
        (&json!(null), &json!({"made by": "hand"}))
    );
    assert_eq!(inspection["variables"][1]["stats"]["max"], json!(3.5));
    assert_eq!(inspection["variables"][1]["trainable"], json!(null));
    let out = answer(folder.path(), &["inspect", "m.safetensors"], 0);
    assert!(out.contains("2 variables, 4 elements, 16 B\n") && out.contains("made by: hand"), "{out}");
    assert_eq!(answer(folder.path(), &["show", "m.safetensors", "w", "::-1"], 0), "[3.5 2.  1. ]\n");
    let diff = json(folder.path(), &["diff", "m.varkeep@a", "m.safetensors"], 1);
    assert_eq!(diff["counts"], json!({"added": 0, "removed": 0, "renamed": 1, "changed": 1, "equal": 0}));
    assert_eq!((&diff["renamed"][0]["a"]["name"], &diff["renamed"][0]["b"]["name"]), (&json!("new"), &json!("old")));
    assert_eq!(diff["changed"][0]["values"]["max_delta"], json!(0.5));
    answer(folder.path(), &["diff", "m.varkeep@a", "m.safetensors", "w", "--atol", "0.5"], 0);
    answer(folder.path(), &["diff", "m.safetensors", "m.safetensors"], 0);
    let stat = json(folder.path(), &["stat", "m.safetensors"], 0);
    assert_eq!((&stat["store"], &stat["checkpoint"]["bytes"]), (&json!(null), &json!(16)));
    answer(folder.path(), &["report", "m.varkeep@a", "m.safetensors", "-o", "both.html", "-q"], 0);
    for (args, kind, said) in [
        (&["inspect", "m.safetensors@tag"][..], "usage", "has no tags"),
        (&["show", "m.safetensors", "W"], "name_not_found", "no variable"),
        (&["inspect", "nothing.safetensors"], "store_not_found", "no store here"),
    ] {
        let error = json(folder.path(), args, 2);
        assert_eq!(error["error"]["kind"], kind, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(said), "{error}");
    }
}

/// The fixtures of the readers: every one can be listed, with statistics, and equals itself.
#[test]
fn every_readable_fixture_is_listed_and_equals_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for kind in ["safetensors", "npz", "npy", "numpy"] {
        let Ok(entries) = std::fs::read_dir(fixture(kind)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path().display().to_string();
            let ran = run(folder.path(), &["inspect", &path, "--stats", "--json"]);
            if ran.code == 0 {
                let equal = json(folder.path(), &["diff", &path, &path], 0);
                assert_eq!(equal["equal"], true, "{path}");
                seen += 1;
            } else {
                assert_eq!(ran.code, 2, "{path}: {ran:?}");
            }
        }
    }
    assert!(seen > 3, "only {seen} fixtures could be read");
}
