//! Memory that saves in flight may cost beside what variables hold: a budget, and buffers that are used again.

use std::collections::HashMap;

use crate::memory::Memory;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The budget unless a store is opened with another one.
pub(crate) const BUDGET_BYTES: u64 = 192 << 20;

/// What values cost that only saves in flight still need, and memory of values that nobody needs any more.
///
/// Fresh memory is slow (the operating system clears it page by page), so that of replaced values serves again; both
/// together stay within the budget, but that one spare buffer is kept whatever its size.
#[derive(Debug)]
pub(crate) struct Reserve {
    budget_bytes: u64,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that saves in flight hold.
    charged: u64,
    /// Buffers by their length.
    spare: HashMap<usize, Vec<Memory>>,
    spare_bytes: u64,
    /// Counts whatever might let somebody go on who waits.
    moves: u64,
}

impl State {
    /// Lets spare buffers go until so many bytes more fit; says whether they do.
    fn make_room(&mut self, bytes: u64, budget_bytes: u64) -> bool {
        if self.charged.saturating_add(bytes) > budget_bytes {
            return false;
        }
        while self.charged + bytes + self.spare_bytes > budget_bytes {
            let Some(len) = self.spare.keys().next().copied() else { break };
            self.take_spare(len);
        }
        true
    }

    fn take_spare(&mut self, len: usize) -> Option<Memory> {
        let of_len = self.spare.get_mut(&len)?;
        let memory = of_len.pop();
        if of_len.is_empty() {
            self.spare.remove(&len);
        }
        if memory.is_some() {
            self.spare_bytes -= len as u64;
        }
        memory
    }
}

impl Reserve {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self { budget_bytes, state: Mutex::default(), moved: Condvar::new() }
    }

    pub(crate) fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges bytes to the budget, if they fit.
    pub(crate) fn charge(&self, bytes: u64) -> bool {
        let mut state = self.state();
        let fits = state.make_room(bytes, self.budget_bytes);
        if fits {
            state.charged += bytes;
        }
        fits
    }

    /// Gives charged bytes back.
    pub(crate) fn release(&self, bytes: u64) {
        self.state().charged -= bytes;
        self.notify();
    }

    /// Wakes those who wait for a save to come on.
    pub(crate) fn notify(&self) {
        self.state().moves += 1;
        self.moved.notify_all();
    }

    /// How much has moved so far: to be asked before trying what [`Reserve::wait`] is for.
    pub(crate) fn moves(&self) -> u64 {
        self.state().moves
    }

    /// Waits until something has moved since [`Reserve::moves`] said this.
    pub(crate) fn wait(&self, moves: u64) {
        let state = self.state();
        let _moved = self.moved.wait_while(state, |state| state.moves == moves).unwrap_or_else(PoisonError::into_inner);
    }

    /// Memory that holds a copy of these bytes.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Memory {
        let spare = self.state().take_spare(bytes.len());
        match spare {
            Some(mut memory) => {
                memory.bytes_mut().copy_from_slice(bytes);
                memory
            }
            None => Memory::copy_of(bytes),
        }
    }

    /// Keeps memory for [`Reserve::copy`], within the budget.
    pub(crate) fn recycle(&self, memory: Memory) {
        if !memory.takes_any_bytes() {
            return;
        }
        let len = memory.bytes().len();
        let mut state = self.state();
        if state.make_room(len as u64, self.budget_bytes) || state.spare.is_empty() {
            state.spare_bytes += len as u64;
            state.spare.entry(len).or_default().push(memory);
        }
    }
}

impl Default for Reserve {
    fn default() -> Self {
        Self::new(BUDGET_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charged_and_spare_bytes_stay_within_the_budget() {
        let reserve = Reserve::new(100);
        assert!(reserve.charge(60) && !reserve.charge(41));
        reserve.recycle(Memory::zeroed(30));
        assert_eq!(reserve.state().spare_bytes, 30);
        assert!(reserve.charge(20), "spare memory makes room");
        assert_eq!(reserve.state().charged, 80);
        assert_eq!(reserve.state().spare_bytes, 0);
        reserve.release(80);
        for _ in 0..9 {
            reserve.recycle(Memory::zeroed(40));
        }
        assert_eq!(reserve.state().spare_bytes, 80);
    }

    #[test]
    fn one_buffer_is_kept_however_large_and_serves_again() {
        let reserve = Reserve::new(10);
        let memory = Memory::copy_of(&[7; 64]);
        let address = memory.bytes().as_ptr();
        reserve.recycle(memory);
        let copy = reserve.copy(&[9; 64]);
        assert_eq!((copy.bytes().as_ptr(), copy.bytes()), (address, &[9; 64][..]));
    }
}
