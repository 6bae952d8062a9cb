//! Text from files and folders that is made to do something to whoever looks at it.

use std::fs;
use std::path::Path;

use crate::run::run;
use crate::sample;

/// Colours, a title, a bell, a line that is overwritten, another direction of writing, and the end of a script.
const EVIL: &str = "w\u{1b}[31m\u{1b}]0;evil\u{7}\r\n\u{9b}2J\u{202e}\u{200b}</script><script>alert(1)</script>";

/// A file of safetensors with one variable of this name, and with it as metadata.
fn evil_file(path: &Path) {
    let name = serde_json::to_string(EVIL).unwrap();
    let header = format!(
        "{{\"__metadata__\":{{{name}:{name}}},{name}:{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}}}"
    );
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat();
    fs::write(path, bytes).unwrap();
}

/// Runs a command, which prints nothing that a terminal does not show as it is.
#[track_caller]
fn assert_plain(folder: &Path, args: &[&str]) -> String {
    let ran = run(folder, args);
    let steers = |c: char| {
        let turns = ('\u{200b}'..='\u{200f}').contains(&c) || ('\u{2028}'..='\u{202e}').contains(&c);
        (c.is_control() && c != '\n') || turns
    };
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(steers), "{args:?}: {text:?}");
    }
    assert!(ran.code <= 2, "{args:?}: {ran:?}");
    ran.out + &ran.err
}

#[test]
fn names_and_metadata_of_files_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    evil_file(&folder.join("evil.safetensors"));
    for args in [
        &["inspect", "evil.safetensors"][..],
        &["inspect", "evil.safetensors", "--stats", "--width", "60"],
        &["inspect", "evil.safetensors", "--tree"],
        &["stat", "evil.safetensors"],
        &["show", "evil.safetensors", "x"],
        &["import", "evil.safetensors", "s.varkeep@one"],
        &["log", "s.varkeep", "--columns", "x"],
        &["inspect", "s.varkeep"],
        &["inspect", "s.varkeep", "--tree"],
        &["verify", "s.varkeep", "-v"],
        &["diff", "s.varkeep", "evil.safetensors"],
        &["diff", "digits.varkeep", "evil.safetensors"],
        &["restore", "s.varkeep@one", "--dry-run"],
        &["salvage", "s.varkeep", "--to", "rescued.varkeep"],
        &["export", "s.varkeep", "out.npz"],
    ] {
        let _store = (!folder.join("digits.varkeep").exists()).then(|| sample::digits(folder));
        assert_plain(folder, args);
    }
    assert!(assert_plain(folder, &["inspect", "evil.safetensors"]).contains("w\\u{1b}[31m"));
}

#[test]
fn names_of_files_and_folders_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(sample::digits(folder));
    let evil = "x\u{1b}[31m\u{202e}\u{7}";
    let moved = format!("{evil}.varkeep");
    fs::rename(folder.join("digits.varkeep"), folder.join(&moved)).unwrap();
    fs::write(folder.join(&moved).join(evil), "").unwrap();
    fs::write(folder.join(&moved).join("shards").join(evil), "").unwrap();
    let shard = fs::read_dir(folder.join(&moved).join("shards")).unwrap().map(|entry| entry.unwrap().path());
    let shard = shard.filter(|path| path.extension().is_some()).min().unwrap();
    let mut bytes = fs::read(&shard).unwrap();
    bytes[4096] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let tag = format!("{moved}@{evil}");
    for args in [
        &["log", &moved][..],
        &["verify", &moved],
        &["verify", &moved, "-v"],
        &["stat", &moved],
        &["inspect", &tag],
        &["show", &moved, evil],
        &["diff", &moved, &moved],
        &["salvage", &moved, "--to", evil],
        &["restore", &moved, "--to", &tag],
        &["prune", &moved, "--keep-last", "1"],
        &["import", evil, &moved],
        &["export", &moved, evil],
        &["report", &moved],
    ] {
        assert_plain(folder, args);
    }
}

#[test]
fn a_name_in_a_report_is_text_and_no_script() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    evil_file(&folder.join("evil.safetensors"));
    assert_plain(folder, &["import", "evil.safetensors", "s.varkeep@one"]);
    assert_plain(folder, &["report", "s.varkeep"]);
    let page = fs::read_to_string(folder.join("s.html")).unwrap();
    assert!(page.contains("alert(1)") && !page.contains("<script>alert(1)"), "the name ends the page's own script");
}
