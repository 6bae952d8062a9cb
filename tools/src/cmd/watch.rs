//! `watch`: the checkpoints of a store that is being trained, as they come.

use std::thread;
use std::time::{Duration, SystemTime};

use crate::args;
use crate::cmd::log::{self, Log};
use crate::failure::{Failure, Outcome};

/// Looking more often would show nothing more.
const EVERY_MIN: Duration = Duration::from_millis(50);

/// Looks at the store again and again, and shows it; ends when `--until` is there, or with the process.
pub(crate) fn run(args: &args::Watch, show: &mut dyn FnMut(&View) -> Outcome<()>) -> Outcome<()> {
    let every = Duration::try_from_secs_f64(args.every)
        .map_err(|_| Failure::usage(format!("{} is no number of seconds", args.every)))?
        .max(EVERY_MIN);
    let mut seen: Option<u64> = None;
    loop {
        let log = look(args)?;
        let newest = log.as_ref().and_then(|log| log.rows.iter().map(|row| row.number).max());
        let view = View { log, seen, now: SystemTime::now() };
        show(&view)?;
        let is_there =
            |wanted: &String| view.log.iter().flat_map(|log| &log.rows).any(|row| row.tag.as_ref() == Some(wanted));
        if args.until.as_ref().is_some_and(is_there) {
            return Ok(());
        }
        seen = newest.or(seen);
        thread::sleep(every);
    }
}

/// A store at one moment.
#[derive(Debug)]
pub(crate) struct View {
    /// Nothing while there is no store yet.
    pub(crate) log: Option<Log>,
    /// The newest commit that was shown before.
    pub(crate) seen: Option<u64>,
    pub(crate) now: SystemTime,
}

/// The store as it is now. It need not be there yet: a trainer may be about to make it.
fn look(args: &args::Watch) -> Outcome<Option<Log>> {
    match log::of(&args.store) {
        Ok(log) => Ok(Some(Log { columns: args.columns.clone(), plots: args.plot.clone(), ..log })),
        Err(failure) if failure.kind == "store_not_found" => Ok(None),
        Err(failure) => Err(failure),
    }
}
