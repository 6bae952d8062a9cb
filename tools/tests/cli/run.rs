//! Running the command.

use std::path::Path;
use std::process::{Command, Stdio};

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command, with nothing of the tester's surroundings.
pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_varkeep"));
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env("TZ", "UTC").env("TERM", "xterm");
    command
}

/// Runs the command in a folder.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Ran {
    let output = command(folder, args).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the command, which must answer with this code and say nothing besides.
#[track_caller]
pub(crate) fn answer(folder: &Path, args: &[&str], code: i32) -> String {
    let ran = run(folder, args);
    assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{}", ran.out);
    ran.out
}

/// Runs the command with `--json`.
#[track_caller]
pub(crate) fn json(folder: &Path, args: &[&str], code: i32) -> serde_json::Value {
    let out = answer(folder, &[args, &["--json"]].concat(), code);
    assert!(out.ends_with('\n') && out.trim_end().lines().count() == 1, "one object on one line: {out}");
    serde_json::from_str(&out).unwrap()
}

/// Replaces what differs from run to run: times, ids, numbers of bytes of files.
pub(crate) fn normalised(text: &str) -> String {
    let mut normal = String::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let digits = |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_date = word.len() == 10 && word.bytes().filter(|byte| *byte == b'-').count() == 2;
            let is_time = word.len() == 8 && word.bytes().filter(|byte| *byte == b':').count() == 2;
            match word {
                word if digits(word) => "ID".repeat(16),
                _ if is_date => "YYYY-MM-DD".to_owned(),
                _ if is_time => "HH:MM:SS".to_owned(),
                word => word.to_owned(),
            }
        });
        normal += &words.collect::<Vec<_>>().join(" ");
        normal.push('\n');
    }
    // Tests are quick, but not always within a second.
    for seconds in 1..60 {
        let (ago, now) = (format!("{seconds} s ago "), format!("just now{}", if seconds < 10 { "" } else { " " }));
        normal = normal.replace(&ago, &now);
    }
    normal
}

/// Compares text, whose margin is that of the `|` in front of every line expected.
#[track_caller]
pub(crate) fn assert_text(found: &str, expected: &str) {
    let expected: Vec<&str> =
        expected.lines().filter_map(|line| line.trim_start().strip_prefix('|')).map(str::trim_end).collect();
    let normal = normalised(found);
    let found: Vec<&str> = normal.lines().collect();
    assert!(found == expected, "found\n{}\nbut expected\n{}\n", found.join("\n"), expected.join("\n"));
}
