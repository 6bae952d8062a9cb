//! Putting a checkpoint back.

use varkeep::{Checkpoint, Store};

use crate::run::{answer, assert_text, json, run};
use crate::sample;

#[test]
fn a_checkpoint_becomes_the_newest_state_and_all_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample::digits(folder.path()));
    let at = "digits.varkeep@step-0";
    assert_text(
        &answer(folder.path(), &["restore", at, "--dry-run"], 0),
        "|would restore step-0: 3 variables changed, 3 unchanged
         |  changed:
         |    embedding
         |    hidden/w
         |    step
         |the newest state before stays as step-200",
    );
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep", "step"], 0), "200\n", "a dry run changes nothing");
    assert_text(
        &answer(folder.path(), &["restore", at], 0),
        "|restored step-0 as commit 4: 3 variables changed, 3 unchanged
         |the newest state before stays as step-200",
    );
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep", "step"], 0), "0\n");
    answer(folder.path(), &["diff", "digits.varkeep", at], 0);
    let log = answer(folder.path(), &["log", "digits.varkeep"], 0);
    assert!(log.contains("\n*  step-0 ") && log.contains("\n   step-200 ") && log.lines().count() == 4, "{log}");
    assert_text(&answer(folder.path(), &["restore", at], 0), "|nothing to restore: the newest state is step-0 already");
    // A program that opens the store goes on from there.
    let store = Store::open(folder.path().join("digits.varkeep")).unwrap();
    assert_eq!(*store.find("step").unwrap().unwrap().read::<i64>().unwrap(), ndarray::arr0(0).into_dyn());
}

#[test]
fn a_state_without_a_tag_is_not_lost_unawares() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    sample::train(&store, 300);
    store.commit().unwrap();
    drop(store);
    let args = ["restore", "digits.varkeep@step-0"];
    let with = |more: &[&'static str]| [&args[..], more].concat();
    for args in [with(&[]), with(&["--dry-run"])] {
        let refused = run(folder.path(), &args);
        assert_eq!(refused.code, 2);
        assert!(
            refused.err.contains("has no tag and would be lost") && refused.err.contains("--keep TAG"),
            "{refused:?}"
        );
    }
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep", "step"], 0), "300\n");
    assert_text(
        &answer(folder.path(), &with(&["--keep", "before"]), 0),
        "|restored step-0 as commit 6: 3 variables changed, 3 unchanged
         |the newest state before stays as before",
    );
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep@before", "step"], 0), "300\n");
    let store = Store::open(folder.path().join("digits.varkeep")).unwrap();
    sample::train(&store, 400);
    store.commit().unwrap();
    drop(store);
    let lost = json(folder.path(), &with(&["--force"]), 0);
    assert_eq!(lost["in_place"]["fate"], "lost");
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep", "step"], 0), "0\n");
}

#[test]
fn a_store_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let busy = json(folder.path(), &["restore", "digits.varkeep@step-0"], 2);
    assert_eq!(busy["error"]["kind"], "store_in_use");
    assert!(busy["error"]["hint"].as_str().unwrap().contains("--to DIR"), "{busy}");
    // A copy needs nobody's leave.
    assert_text(
        &answer(folder.path(), &["restore", "digits.varkeep@step-0", "--to", "new/copy"], 0),
        "|copied step-0 to new/copy: 6 variables, 16.1 KiB, tagged step-0",
    );
    let (from, to) = ("digits.varkeep@step-0", "new/copy@step-0");
    assert_eq!(answer(folder.path(), &["diff", from, to], 0), "equal: 6 variables, 16.1 KiB\n");
    let copy = Checkpoint::open(folder.path().join("new/copy"), "step-0").unwrap();
    assert_eq!(copy.variables("").count(), 10, "six variables, three slices, one alias");
    for dry_run in [&["--dry-run"][..], &[]] {
        let args = [&["restore", "digits.varkeep@step-100", "--to", "new/copy"], dry_run].concat();
        let taken = run(folder.path(), &args);
        assert!(taken.code == 2 && taken.err.contains("hint: give a path where nothing is yet"), "{taken:?}");
    }
    // The newest state without a tag gets one from its number.
    let copied = json(folder.path(), &["restore", "digits.varkeep@commit:2", "--to", "other", "--dry-run"], 0);
    assert_eq!((&copied["new_store"]["tag"], &copied["dry_run"]), (&"step-100".into(), &true.into()));
    assert!(!folder.path().join("other").exists());
}

/// Loading into the variables there are: a choice of them, under other names, into another store; and what it refuses.
#[test]
fn values_are_loaded_into_the_present_variables() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let at = "digits.varkeep@step-0";
    // A dry run needs no lock.
    let dry = answer(folder.path(), &["restore", at, "--only", "hidden", "--dry-run"], 0);
    assert_text(
        &dry,
        "|would load step-0 into 3 variables, 2 with the same value as before
         |  restored:
         |    hidden/b
         |    hidden/w
         |    hidden/w/Adam
         |the newest state before stays as step-200",
    );
    assert_eq!(json(folder.path(), &["restore", at, "--only", "hidden"], 2)["error"]["kind"], "store_in_use");
    drop(store);
    assert_text(
        &answer(folder.path(), &["restore", at, "--only", "hidden", "--only", "embedding"], 0),
        "|loaded step-0 into 4 variables, 2 with the same value as before, as commit 4
         |the newest state before stays as step-200",
    );
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep", "step"], 0), "200\n", "the others stay");
    answer(folder.path(), &["diff", "digits.varkeep", at, "{hidden*,embedding}"], 0);
    // Now that state has no tag.
    let args = ["restore", "digits.varkeep@step-200", "--only", "embedding"];
    assert_eq!(json(folder.path(), &args, 2)["error"]["kind"], "would_lose");
    let again = json(folder.path(), &[&args[..], &["--keep", "mixed"]].concat(), 0);
    assert_eq!((&again["loaded"]["fate"], &again["loaded"]["kept_as"]), (&"kept".into(), &"mixed".into()));

    // Into another store, where the variables have other names.
    let other = Store::open(folder.path().join("other.varkeep")).unwrap();
    {
        let root = other.root();
        let w = root.get_variable("net/hidden/w").shape([64, 32]);
        w.initializer(varkeep::init::zeros()).get().unwrap();
        root.get_variable("net/hidden/b").shape([5]).initializer(varkeep::init::zeros()).get().unwrap();
        root.get_variable("net/hidden/bias").shape([4]).initializer(varkeep::init::zeros()).get().unwrap();
    }
    other.save("new").unwrap();
    drop(other);
    let into = ["restore", at, "--into", "other.varkeep", "--rename", "^hidden/=net/hidden/"];
    let with = |more: &[&'static str]| [&into[..], more].concat();
    let refused = json(folder.path(), &with(&["--dry-run"]), 1);
    let loaded = &refused["loaded"];
    assert_eq!(loaded["restored"], serde_json::json!([{"name": "net/hidden/w", "from": "hidden/w"}]));
    assert_eq!(loaded["missing"][0]["name"], "net/hidden/bias");
    assert_eq!(loaded["missing"][0]["near"][0], "net/hidden/b");
    assert_eq!(
        loaded["mismatched"],
        serde_json::json!([{"name": "net/hidden/b", "how": "[5] here, [4] in the checkpoint"}])
    );
    assert_eq!(loaded["unexpected"], serde_json::json!(["embedding", "hidden/w/Adam", "labels", "step", "tied/w"]));
    assert!(loaded["refusal"].as_str().unwrap().contains("lacks \"net/hidden/bias\""), "{loaded}");
    for args in [with(&[]), with(&["--allow-missing"])] {
        let error = json(folder.path(), &args, 2);
        assert_eq!(error["error"]["kind"], "mismatch");
        assert!(error["error"]["hint"].as_str().unwrap().contains("--allow-m"), "{error}");
    }
    assert_text(
        &answer(folder.path(), &with(&["--allow-missing", "--allow-mismatched"]), 0),
        "|loaded step-0 into 1 variable, as commit 2
         |  missing:
         |    net/hidden/bias (near: net/hidden/b)
         |  mismatched:
         |    net/hidden/b: [5] here, [4] in the checkpoint
         |  unexpected:
         |    embedding
         |    hidden/w/Adam
         |    labels
         |    step
         |    tied/w
         |the newest state before stays as new",
    );
    let renamed = json(folder.path(), &["diff", at, "other.varkeep", "{hidden/w,net/hidden/w}"], 1);
    assert_eq!(renamed["renamed"][0]["b"]["name"], "net/hidden/w");
    for (args, message) in [
        (with(&["--rename", "^.*$=x"]), "both become"),
        (with(&["--rename", "("]), "not REGEX=REPLACEMENT"),
        (vec!["restore", "digits.varkeep", "--only", "x"], "from which checkpoint"),
        (vec!["restore", at, "--only", "zzz"], "matches `--only`"),
        (vec!["restore", at, "--allow-missing"], "as it is"),
    ] {
        let error = json(folder.path(), &args, 2);
        assert!(error["error"]["message"].as_str().unwrap().contains(message), "{error}");
    }
}

#[test]
fn checkpoints_that_no_rule_keeps_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let keep = ["prune", "digits.varkeep", "--keep-lowest", "metrics.loss", "--keep-every", "50"];
    let error = json(folder.path(), &keep, 2);
    assert_eq!(error["error"]["kind"], "store_in_use");
    drop(store);
    assert_eq!(json(folder.path(), &["prune", "digits.varkeep"], 2)["error"]["kind"], "usage");
    let dry = json(folder.path(), &["prune", "digits.varkeep", "--keep-last", "1", "--dry-run"], 0);
    assert_eq!(
        (&dry["deleted"], &dry["kept"]),
        (&serde_json::json!(["step-0", "step-100"]), &serde_json::json!(["step-200"]))
    );
    assert_eq!(answer(folder.path(), &["log", "digits.varkeep"], 0).lines().count(), 4, "a dry run changes nothing");
    let out = answer(folder.path(), &["prune", "digits.varkeep", "--keep-last", "1", "--from-now-on"], 0);
    assert!(out.starts_with("- step-0\n- step-100\ndeleted 2 checkpoints, 1 stay (kept: last 1); "), "{out}");
    assert!(out.contains(" freed, ") && out.contains("from now on"), "{out}");
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep@step-200", "step"], 0), "200\n");
    let gone = run(folder.path(), &["show", "digits.varkeep@step-0", "step"]);
    assert_eq!(gone.code, 2);
    let store = Store::open(folder.path().join("digits.varkeep")).unwrap();
    sample::train(&store, 300);
    store.save("step-300").unwrap();
    drop(store);
    assert!(run(folder.path(), &["show", "digits.varkeep@step-200", "step"]).code == 2, "the policy is in force");
}
