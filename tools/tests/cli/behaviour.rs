//! Exit codes, errors with hints, pipes, colour, and other people at work on the same store.

use std::io::Read;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use varkeep::{Store, init};

use crate::run::{answer, command, json, run};
use crate::sample;

#[test]
fn errors_name_the_nearest_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (args, kind, error, hint) in [
        (&["inspect", "digits.varkeep@stp-100"][..], "tag_not_found", "stp-100", "did you mean \"step-100\""),
        (&["show", "digits.varkeep", "hiden/w"], "name_not_found", "hiden/w", "did you mean \"hidden/w\""),
        (&["inspect", "digits.varkeep@commit:9"], "tag_not_found", "commit 9", "the commits kept are 3, 2, 1"),
        (&["log", "nowhere"], "store_not_found", "no store here", "check the path"),
        (&["log", "digits.varkeep@step-0"], "store_not_found", "no store here", "leave out the `@`"),
        (&["inspect", "digits.varkeep@"], "usage", "no tag", "leave the `@` out"),
        (&["inspect", "digits.varkeep", "zzz*"], "name_not_found", "no variable matches", "lists all names"),
        (&["diff", "digits.varkeep", "digits.varkeep", "zzz"], "name_not_found", "no variable matches", "all names"),
        (&["inspect", "digits.varkeep", "a["], "usage", "not a pattern", "backslash"),
        (&["show", "digits.varkeep", "hidden/w", "x"], "usage", "neither an index", "as NumPy does"),
        (&["show", "digits.varkeep", "labels", "--format", "raw"], "usage", "no raw form", "--json"),
        (&["restore", "digits.varkeep"], "usage", "which checkpoint", "varkeep log digits.varkeep"),
    ] {
        let ran = run(folder.path(), args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        let [first, rest @ ..] = &*ran.err.lines().collect::<Vec<_>>() else { panic!("{args:?}") };
        assert!(first.starts_with("error: ") && first.contains(error), "{first}");
        assert!(rest.last().is_some_and(|last| last.starts_with("hint: ") && last.contains(hint)), "{}", ran.err);
        if !args.contains(&"raw") {
            let object = json(folder.path(), args, 2);
            assert_eq!(
                (object["schema"].as_str(), object["error"]["kind"].as_str()),
                (Some("varkeep.error/1"), Some(kind))
            );
        }
    }
    for args in [&["log", "file"][..], &["verify", "file"], &["inspect", "file"], &["restore", "file@x"]] {
        let ran = run(folder.path(), args);
        assert!(ran.code == 2 && ran.err.starts_with("error: "), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_wrong_command_line_is_trouble_and_help_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["frobnicate"][..], &[], &["log"], &["diff", "a"], &["log", "x", "-q", "-v"]] {
        let ran = run(folder.path(), args);
        assert!(ran.code == 2 && ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
    }
    let object = json(folder.path(), &["diff", "a"], 2);
    assert_eq!(object["error"]["kind"], "usage");
    assert!(object["error"]["message"].as_str().unwrap().contains("<B>"), "{object}");
    for command in [
        "log",
        "inspect",
        "show",
        "diff",
        "restore",
        "verify",
        "prune",
        "report",
        "watch",
        "stat",
        "completions",
        "man",
    ] {
        let help = answer(folder.path(), &[command, "--help"], 0);
        assert!(help.contains("Examples:") && help.contains(&format!("varkeep {command} ")), "{help}");
    }
    assert!(answer(folder.path(), &["--version"], 0).starts_with("varkeep "));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("s.varkeep")).unwrap();
    // More than any pipe holds.
    store.root().get_variable("w").shape([1 << 20]).initializer(init::ones()).get().unwrap();
    store.save("a").unwrap();
    for format in ["raw", "json"] {
        let mut show = command(folder.path(), &["show", "s.varkeep", "w", "--format", format]);
        let mut child = show.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let has_colour = |args: &[&str]| answer(folder.path(), args, 0).contains('\u{1b}');
    assert!(!has_colour(&["log", "digits.varkeep"]));
    assert!(has_colour(&["log", "digits.varkeep", "--color", "always"]));
    assert!(!has_colour(&["log", "digits.varkeep", "--color", "always", "--json"]));
    // What the user says on the command line goes before what the surroundings say.
    let mut told = command(folder.path(), &["log", "digits.varkeep", "--color=always"]);
    assert!(told.env("NO_COLOR", "1").output().unwrap().stdout.contains(&0x1b));
}

/// On a pseudo-terminal, by `script` of util-linux.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colour_and_its_width_and_no_color_is_heeded() {
    let folder = tempfile::tempdir().unwrap();
    let _store = sample::digits(folder.path());
    let varkeep = env!("CARGO_BIN_EXE_varkeep");
    let on_terminal = |before: &str| {
        let line = format!("stty rows 24 cols 80; {before} {varkeep} inspect digits.varkeep --stats");
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
        script.env_remove("NO_COLOR").env("TERM", "xterm");
        script.output().ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    // Not every machine has it.
    let Some(out) = on_terminal("") else { return };
    assert!(out.contains("\u{1b}[") && out.contains("no room for BYTES"), "{out}");
    assert!(!on_terminal("NO_COLOR=1").unwrap().contains('\u{1b}'));
}

/// What is shown takes the place of what was shown before: as many lines up as were printed.
#[cfg(target_os = "linux")]
#[test]
fn watch_stays_in_place_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let varkeep = env!("CARGO_BIN_EXE_varkeep");
    let watch = "watch digits.varkeep --plot metrics.loss --columns step,metrics.accuracy --every 0.05 --until last";
    let line = format!("stty rows 24 cols 60; {varkeep} {watch}");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
    // Not every machine has it.
    let Ok(child) = script.env("TERM", "xterm").stdout(Stdio::piped()).spawn() else { return };
    std::thread::sleep(std::time::Duration::from_millis(400));
    store.save("last").unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("last") && !out.contains("no room"), "{out}");
    // Each view begins by going up as many lines as the one before has.
    let views: Vec<&str> = out.split("F\u{1b}[J").collect();
    assert!(views.len() > 1, "{out}");
    for (before, after) in views.iter().zip(&views[1..]).take(1) {
        let (shown, up) = before.rsplit_once("\u{1b}[").unwrap();
        assert_eq!(shown.lines().count().to_string(), up, "{out}");
        assert!(after.contains("Ctrl-C ends"), "{out}");
    }
}

#[test]
fn names_from_files_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let root = store.root();
    let hostile = root.get_variable("x").shape([1]).collections(["variables", "\u{1b}[2Jgone"]);
    hostile.initializer(init::ones()).get().unwrap();
    store.save("x").unwrap();
    let out = answer(folder.path(), &["inspect", "digits.varkeep"], 0);
    assert!(out.contains("\\u{1b}[2Jgone 1") && !out.contains('\u{1b}'), "{out}");
}

#[test]
fn a_path_may_hold_an_at_sign() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("run@home");
    std::fs::create_dir_all(&inner).unwrap();
    drop(sample::digits(&inner));
    std::fs::rename(inner.join("digits.varkeep"), inner.join("a@b")).unwrap();
    assert_eq!(answer(&inner, &["show", "a@b@step-0", "step"], 0), "0\n");
    assert_eq!(answer(&inner, &["show", "a@b@commit:2", "step"], 0), "100\n");
    assert_eq!(answer(folder.path(), &["show", "run@home/a@b", "step"], 0), "200\n");
}

/// A trainer that holds the store open, changes it, saves and deletes, all the while.
#[test]
fn readers_work_while_a_trainer_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut step = 1000;
            while !done.load(Ordering::Relaxed) {
                sample::train(&store, step);
                store.save(format!("t-{step}")).unwrap();
                if step > 1002 {
                    store.delete(&format!("t-{}", step - 3)).unwrap();
                }
                step += 1;
            }
        });
        for _ in 0..5 {
            for args in [
                &["log", "digits.varkeep"][..],
                &["inspect", "digits.varkeep", "--stats"],
                &["show", "digits.varkeep", "hidden/w"],
                &["diff", "digits.varkeep@step-0", "digits.varkeep@commit:1"],
                &["verify", "digits.varkeep", "-q"],
            ] {
                let ran = run(folder.path(), args);
                assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
