//! Work on all processors, with results in order.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::failure::{Failure, Outcome};

/// More threads than this are only in each other's way: the disk is one.
const THREADS_MAX: usize = 8;

/// How many threads work at most.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

/// Runs `work` on every task; the results come in the order of the tasks. Each thread has a `Room` of its own, to keep
/// buffers in. `progress` is told of every task that is done. The first task that fails, in their order, is the failure.
pub(crate) fn map<T: Sync, R: Send, Room: Default>(
    threads: usize,
    tasks: &[T],
    work: impl Fn(&T, &mut Room) -> Outcome<R> + Sync,
    progress: &mut dyn FnMut(&T),
) -> Outcome<Vec<R>> {
    let threads = threads.min(tasks.len());
    if threads <= 1 {
        let mut room = Room::default();
        let run = |task| work(task, &mut room).inspect(|_| progress(task));
        return tasks.iter().map(run).collect();
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(tasks.len(), || None);
    let mut failure: Option<(usize, Failure)> = None;
    thread::scope(|scope| {
        // Few results wait: whoever is far ahead waits for the one who takes them.
        let (send, receive) = mpsc::sync_channel(4 * threads);
        for _ in 0..threads {
            let (send, next, stop, work) = (send.clone(), &next, &stop, &work);
            scope.spawn(move || {
                let mut room = Room::default();
                while !stop.load(Ordering::Relaxed) {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(i) else { return };
                    let result = work(task, &mut room);
                    stop.fetch_or(result.is_err(), Ordering::Relaxed);
                    if send.send((i, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (i, result) in receive {
            match result {
                Ok(result) => {
                    progress(&tasks[i]);
                    results[i] = Some(result);
                }
                Err(error) if failure.as_ref().is_none_or(|(first, _)| i < *first) => failure = Some((i, error)),
                Err(_) => {}
            }
        }
    });
    match failure {
        Some((_, failure)) => Err(failure),
        None => Ok(results.into_iter().map(|result| result.expect("every task has a result")).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_the_first_failure_counts() {
        let tasks: Vec<u64> = (0..1000).collect();
        for threads in [1, 4] {
            let mut seen = 0;
            let squares = map(threads, &tasks, |task, (): &mut ()| Ok(task * task), &mut |_| seen += 1).unwrap();
            assert!(squares.iter().zip(&tasks).all(|(square, task)| *square == task * task));
            assert_eq!(seen, 1000);
            let refused = |task: &u64, (): &mut ()| {
                if *task >= 7 { Err(Failure::usage(task.to_string())) } else { Ok(()) }
            };
            let failure = map(threads, &tasks, refused, &mut |_| {}).unwrap_err();
            assert_eq!(failure.message, "7");
        }
    }
}
