//! Checkpoints of other formats, in and out.

use std::path::{Path, PathBuf};

use crate::run::{answer, assert_text, json, run};
use crate::sample;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

#[test]
fn a_store_goes_out_and_comes_in_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample::digits(folder.path()));
    // Byte strings are more than safetensors can hold.
    let refused = run(folder.path(), &["export", "digits.varkeep", "x.safetensors"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("\"labels\"") && refused.err.contains("--partial"), "{refused:?}");
    assert!(!folder.path().join("x.safetensors").exists());
    let ran = run(folder.path(), &["export", "digits.varkeep", "x.safetensors", "--partial"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("note: \"labels\": it was left out"), "{ran:?}");
    answer(folder.path(), &["import", "x.safetensors", "back.varkeep@step-200"], 0);
    let diff = json(folder.path(), &["diff", "digits.varkeep@step-200", "back.varkeep@step-200"], 1);
    assert_eq!(diff["counts"]["removed"], 1);
    assert_eq!((&diff["counts"]["changed"], &diff["counts"]["added"]), (&0.into(), &0.into()), "{diff}");
    // TensorFlow has strings and slices; what it has not is said.
    let ran = run(folder.path(), &["export", "digits.varkeep", "ckpt/digits-200", "--as", "tensorflow", "--list"]);
    assert!(ran.code == 0 && ran.err.contains("\"tied/w\": it stands for \"hidden/w\""), "{ran:?}");
    answer(folder.path(), &["import", "ckpt", "tf.varkeep"], 0);
    let diff = json(folder.path(), &["diff", "digits.varkeep", "tf.varkeep"], 1);
    assert_eq!((&diff["counts"]["changed"], &diff["counts"]["removed"]), (&0.into(), &1.into()), "{diff}");
    // One array alone, and from one format into another.
    let said = answer(folder.path(), &["export", "digits.varkeep", "b.npy", "--only", "hidden/b", "--quiet"], 0);
    assert!(said.starts_with("exported 1 variable of digits.varkeep as npy, 16 B:\n"), "{said}");
    answer(folder.path(), &["export", "b.npy", "b.safetensors"], 0);
}

#[test]
fn an_import_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture("npz/positional.npz");
    let from = from.to_str().unwrap();
    let said = answer(folder.path(), &["import", from, "m.varkeep@one", "--prefix", "net/"], 0);
    assert_text(
        &said.replace(from, "FROM"),
        "|imported 2 variables of FROM (npz) into m.varkeep as one, commit 1: 32 B now, 32 B written",
    );
    assert_eq!(answer(folder.path(), &["show", "m.varkeep@one", "net/arr_0"], 0), "[0 1]\n");
    for (args, code, said) in [
        (&["import", from, "m.varkeep@two", "--prefix", "net/"][..], "name_taken", "--replace"),
        (&["import", from, "m.varkeep@commit:3"], "usage", "give a tag"),
        (&["import", "nothing.npz", "m.varkeep@two"], "restore_no_checkpoint", "check the path"),
        (&["import", from, "new.varkeep", "--only", "x*"], "name_not_found", "no variable matches"),
        (&["export", "m.varkeep", "somewhere"], "usage", "--as tensorflow"),
    ] {
        let ran = run(folder.path(), args);
        assert!(ran.code == 2 && ran.err.contains(said), "{args:?}: {ran:?}");
        let told = run(folder.path(), &[args, &["--json"]].concat());
        assert!(told.out.contains(&format!("\"kind\":\"{code}\"")), "{args:?}: {told:?}");
    }
    assert!(!folder.path().join("new.varkeep").exists());
}
