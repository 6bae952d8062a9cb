//! Child processes: what they say, and how they end.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rand::TryRng;
use rand::rngs::SysRng;

/// In a child process: the folder of the store it is to work on.
const STORE: &str = "VARKEEP_CHILD_STORE";

/// In a child process: which test it is to be, and a number that tells it from others.
const ROLE: &str = "VARKEEP_CHILD_ROLE";

/// The number that an environment variable holds, if it is set.
pub(crate) fn number_from(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// The seed of a test: printed, so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let seed = number_from("VARKEEP_KILL_SEED").unwrap_or_else(|| SysRng.try_next_u64().unwrap());
    println!("VARKEEP_KILL_SEED={seed}");
    seed
}

/// In a child process that is to be this test: its store and its number. `None` where nobody's child runs it.
pub(crate) fn role(test: &str) -> Option<(std::path::PathBuf, u64)> {
    let role = env::var(ROLE).ok()?;
    let number = role.strip_prefix(test)?.strip_prefix(' ')?.parse().expect("the parent gave a number");
    Some((env::var_os(STORE).expect("the parent gave a store").into(), number))
}

/// In a child process: says a line to the parent, whole or not at all if it is killed meanwhile.
pub(crate) fn say(line: &str) {
    // By stderr, because the test harness writes to stdout; by one write, which a pipe takes as a unit.
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// In a child process: a flag that is raised when the parent wants the end, or has itself ended.
pub(crate) fn wanted_end() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    thread::spawn(move || {
        let _bytes = std::io::stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::SeqCst);
    });
    ended
}

/// In a child process: a panic of any thread ends it at once, and not as a kill would.
pub(crate) fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        say(&format!("{panic}"));
        std::process::abort();
    }));
}

/// A child process, and what it says, line by line.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    pub(crate) said: Vec<String>,
}

impl Process {
    /// Begins a process that runs one test of this binary.
    pub(crate) fn begin(test: &str, store: &Path, number: u64) -> Self {
        let mut command = Command::new(env::current_exe().expect("this test runs"));
        command.args(["--exact", test, "--nocapture"]);
        command.env(STORE, store).env(ROLE, format!("{test} {number}"));
        Self::of(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()))
    }

    /// Begins a process of which stdout or stderr is piped.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("what is there can be run");
        let pipe: Box<dyn Read + Send> = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), _) => Box::new(stdout),
            (None, stderr) => Box::new(stderr.expect("one of both was piped")),
        };
        let (said, lines) = mpsc::channel();
        thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for the next line; `None` if there is none any more.
    pub(crate) fn listen(&mut self) -> Option<&str> {
        self.said.push(self.lines.recv().ok()?);
        self.said.last().map(String::as_str)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the child is ours").is_some()
    }

    /// Kills it by SIGKILL; `false` if it had come to its end before.
    pub(crate) fn kill(&mut self) -> bool {
        self.child.kill().expect("the child is ours");
        let status = self.wait();
        assert!(status.success() || status.signal() == Some(9), "it failed by itself:\n{}", self.tail());
        !status.success()
    }

    /// Lets it come to its end, and lets it know that this is wanted.
    pub(crate) fn end(&mut self) {
        drop(self.child.stdin.take());
        let status = self.wait();
        assert!(status.success(), "it failed: {status}\n{}", self.tail());
    }

    fn wait(&mut self) -> ExitStatus {
        // What it said lies in the pipe still.
        while self.listen().is_some() {}
        self.child.wait().expect("the child is ours")
    }

    /// All that a process said which has ended by itself.
    pub(crate) fn end_of_story(&mut self) -> String {
        let status = self.wait();
        format!("it has ended: {status}\n{}", self.tail())
    }

    /// The last that it said.
    fn tail(&self) -> String {
        self.said[self.said.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A failed assertion leaves no process behind.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
