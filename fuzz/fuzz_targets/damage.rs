//! One file of a good store damaged in any way, then everything that can be done with a store: an error or an answer, never
//! a panic. Checksums of structure hold by themselves here, so that what lies behind them is reached.

#![no_main]

use libfuzzer_sys::fuzz_target;
use varkeep_fuzz::damage::{Damage, try_everything};

fuzz_target!(|damage: Damage| try_everything(&damage));
