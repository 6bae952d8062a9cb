//! Damage: found, told, and the way back.

use std::path::{Path, PathBuf};

use varkeep::Checkpoint;

use crate::run::{answer, json, run};
use crate::sample;

/// Changes one byte of the value of a variable, and says which file that is.
fn damage(folder: &Path, tag: &str, name: &str) -> PathBuf {
    let store = folder.join("digits.varkeep");
    let checkpoint = Checkpoint::open(&store, tag).unwrap();
    let place = checkpoint.get(name).unwrap().placements().remove(0);
    let path = store.join("shards").join(format!("{}.shard", place.shard));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[place.offset_bytes as usize] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn damage_is_told_with_file_offset_variables_checkpoints_and_the_way_back() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample::digits(folder.path()));
    let out = answer(folder.path(), &["verify", "digits.varkeep"], 0);
    assert!(out.starts_with("sound: 3 checkpoints, "), "{out}");
    assert_eq!(json(folder.path(), &["verify", "digits.varkeep"], 0)["sound"], true);
    let path = damage(folder.path(), "step-200", "hidden/w");
    let report = json(folder.path(), &["verify", "digits.varkeep"], 1);
    assert_eq!(report["sound"], false);
    let hurt = report["damage"].as_array().unwrap().iter().find(|one| one["path"] == path.to_str().unwrap()).unwrap();
    assert_eq!((&hurt["commits"], hurt["offset_bytes"].is_u64()), (&serde_json::json!([3]), true));
    assert!(hurt["variables"].as_array().unwrap().contains(&"hidden/w".into()), "{hurt}");
    let out = answer(folder.path(), &["verify", "digits.varkeep"], 1);
    for told in ["damaged: ", " at byte ", "variables: hidden/w", "checkpoints: step-200", "damaged in "] {
        assert!(out.contains(told), "{told} is missing in\n{out}");
    }
    let state = |tag: &str| out.lines().find(|line| line.starts_with(tag)).unwrap_or_default().to_owned();
    assert!(state("step-100").ends_with("sound") && state("step-200").contains("all but hidden/w"), "{out}");
    assert!(out.contains("step-100 is sound; `varkeep restore digits.varkeep@step-100 --to NEW`"), "{out}");
    answer(folder.path(), &["verify", "digits.varkeep@step-100", "-q"], 0);
    assert_eq!(answer(folder.path(), &["verify", "digits.varkeep@step-200", "-q"], 1), "");
    // The damaged value is refused wherever it is read, and the others are not.
    for args in [
        &["show", "digits.varkeep", "hidden/w"][..],
        &["inspect", "digits.varkeep", "--stats"],
        &["diff", "digits.varkeep@step-100", "digits.varkeep"],
        &["restore", "digits.varkeep", "--to", "copy"],
    ] {
        let ran = run(folder.path(), args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains("fails its checksum") && ran.err.contains("varkeep verify"), "{}", ran.err);
        assert!(ran.err.contains("hidden/w") && ran.err.contains(path.to_str().unwrap()), "{}", ran.err);
    }
    assert!(!folder.path().join("copy").exists());
    answer(folder.path(), &["show", "digits.varkeep", "hidden/b"], 0);
    // What is whole comes out, with its tags and all that it shares.
    let ran = run(folder.path(), &["salvage", "digits.varkeep", "--to", "rescued.varkeep"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.starts_with("+ step-0\n+ step-100\n- step-200: "), "{ran:?}");
    assert!(
        ran.out.contains("copied 2 checkpoints to rescued.varkeep, ") && ran.err.contains("still reads"),
        "{ran:?}"
    );
    answer(folder.path(), &["verify", "rescued.varkeep", "-q"], 0);
    answer(folder.path(), &["diff", "digits.varkeep@step-100", "rescued.varkeep@step-100"], 0);
    assert_eq!(
        json(folder.path(), &["salvage", "digits.varkeep", "--to", "rescued.varkeep"], 2)["error"]["kind"],
        "invalid_argument"
    );
}

#[test]
fn a_damaged_newest_commit_is_named_with_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample::digits(folder.path()));
    let path = folder.path().join("digits.varkeep/commits/00000000000000000003.commit");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let ran = run(folder.path(), &["log", "digits.varkeep"]);
    assert!(ran.code == 2 && ran.err.contains("STORE@commit:2"), "{ran:?}");
    assert_eq!(answer(folder.path(), &["show", "digits.varkeep@commit:2", "step"], 0), "100\n");
    let out = answer(folder.path(), &["verify", "digits.varkeep"], 1);
    assert!(out.contains("cannot be opened") && out.contains("is sound; `varkeep restore"), "{out}");
}
