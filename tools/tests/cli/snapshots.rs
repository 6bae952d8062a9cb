//! Every command's text and JSON, as files in `snapshots/`: what differs from run to run is replaced.
//!
//! `VARKEEP_UPDATE_SNAPSHOTS=1 cargo test -p varkeep-tools` writes them anew; look at what changed before committing.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::run::run;
use crate::sample;

/// Replaces times, ids, versions, and the sizes of files that hold times.
fn steady(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD HH:MM:SS"),
        (r"\b[0-9a-f]{32}\b", "ID"),
        (r"\b\d+ (s|min) ago", "just now"),
        (r"just now +", "just now  "),
        (r"[\d.]+ KiB read", "N KiB read"),
        (r"[\d.]+ KiB; open", "N KiB; open"),
        (r#"("bytes_(?:before|after)": )\d+"#, "${1}N"),
        (r#"("(?:bytes|count)": )\d+(,\s+"(?:checkpoints|kind)")"#, "${1}N$2"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
    }
    text
}

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots").join(name)
}

fn check(name: &str, found: &str, differing: &mut Vec<String>) {
    let path = path_of(name);
    if std::env::var_os("VARKEEP_UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    } else {
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            differing.push(format!("{name}: found\n{found}\nbut expected\n{expected}"));
        }
    }
}

#[test]
fn every_command_prints_what_its_snapshot_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    sample::reshape(&store);
    drop(store);
    let mut differing = Vec::new();
    for (name, args) in [
        ("log", &["log", "digits.varkeep", "--plot", "metrics.loss", "--columns", "step"][..]),
        ("inspect", &["inspect", "digits.varkeep@step-200"]),
        ("inspect-stats", &["inspect", "digits.varkeep@step-200", "--stats"]),
        ("inspect-tree", &["inspect", "digits.varkeep@step-200", "--tree", "--sort", "bytes"]),
        ("inspect-depth", &["inspect", "digits.varkeep@step-200", "--tree", "--depth", "1", "--stats"]),
        ("inspect-collection", &["inspect", "digits.varkeep@step-200", "--collection", "slots", "--slices"]),
        ("show", &["show", "digits.varkeep@step-200", "embedding"]),
        ("show-slice", &["show", "digits.varkeep@step-200", "hidden/w", "::16,-3:"]),
        ("diff", &["diff", "digits.varkeep@step-100", "digits.varkeep@other"]),
        ("diff-equal", &["diff", "digits.varkeep@step-100", "digits.varkeep@commit:2"]),
        ("restore-dry-run", &["restore", "digits.varkeep@step-0", "--dry-run"]),
        ("restore-only", &["restore", "digits.varkeep@step-0", "--only", "hidden/*", "--dry-run"]),
        ("restore-to", &["restore", "digits.varkeep@step-0", "--to", "copy", "--dry-run"]),
        ("stat", &["stat", "digits.varkeep@step-200"]),
        ("watch", &["watch", "digits.varkeep", "--until", "step-0", "--columns", "step"]),
        ("report", &["report", "digits.varkeep", "-o", "page.html", "--only", "hidden"]),
        ("prune-dry-run", &["prune", "digits.varkeep", "--keep-last", "1", "--keep-every", "200", "--dry-run"]),
        ("verify", &["verify", "digits.varkeep@step-0"]),
        ("error", &["show", "digits.varkeep", "hiden/w"]),
    ] {
        let ran = run(folder.path(), args);
        let told = format!("$ varkeep {}\n{}{}exit code {}\n", args.join(" "), ran.out, ran.err, ran.code);
        let told = told.replace(folder.path().to_str().unwrap(), "FOLDER");
        check(&format!("{name}.txt"), &steady(&told), &mut differing);
        let ran = run(folder.path(), &[args, &["--json"]].concat());
        let objects = ran.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let pretty: String = objects.map(|object| serde_json::to_string_pretty(&object).unwrap() + "\n").collect();
        let pretty = pretty.replace(folder.path().to_str().unwrap(), "FOLDER");
        check(&format!("{name}.json"), &steady(&pretty), &mut differing);
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// What is offered to shells and to `man` has every command and option.
#[test]
fn completions_and_manual_pages_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "log", "inspect", "show", "diff", "restore", "verify", "salvage", "prune", "import", "export", "report",
        "watch", "stat",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder.path(), &["completions", shell]);
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{shell}");
        assert!(commands.iter().all(|command| script.out.contains(command)), "{shell}");
        assert!(script.out.contains("allow-missing"), "{shell}");
    }
    let page = run(folder.path(), &["man"]);
    assert!(page.code == 0 && page.out.contains(".TH varkeep 1"), "{}", page.out);
    assert_eq!(run(folder.path(), &["man", "--to", "man1"]).code, 0);
    for command in commands {
        let page = std::fs::read_to_string(folder.path().join(format!("man1/varkeep-{command}.1"))).unwrap();
        assert!(page.contains("Examples:") && page.contains(&format!("varkeep {command} ")), "{page}");
    }
}
