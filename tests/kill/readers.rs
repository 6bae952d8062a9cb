//! Many readers beside one writer that saves, deletes, prunes, merges manifests and moves chunks, and is killed at times.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use varkeep::verify;

use crate::churn::LIFE;
use crate::process::{Process, number_from, seed};
use crate::reader::{Count, READER};

#[test]
fn readers_beside_a_writer_see_every_byte_they_were_promised() {
    let reading = Duration::from_secs(number_from("VARKEEP_READER_SECONDS").unwrap_or(10));
    let readers = number_from("VARKEEP_READERS").unwrap_or(4);
    let seed = seed();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut lives = 0;
    let mut writer = Process::begin(LIFE, &path, lives);
    while !writer.listen().expect("the writer goes on").starts_with("saved") {}
    let mut readers: Vec<Process> =
        (0..readers).map(|reader| Process::begin(READER, &path, seed.wrapping_add(reader) >> 1)).collect();
    let began = Instant::now();
    while began.elapsed() < reading {
        // A writer for a while, and then the next: readers do not care whether there is one.
        let until = Instant::now() + Duration::from_millis(random.random_range(500..20_000));
        while Instant::now() < until.min(began + reading) && writer.listen().is_some() {
            writer.said.clear();
        }
        if random.random_bool(0.5) {
            writer.kill();
        } else {
            writer.end();
        }
        lives += 1;
        writer = Process::begin(LIFE, &path, lives);
        assert!(!readers.iter_mut().any(Process::has_ended), "{}", ends(&mut readers));
    }
    let mut count = Count::default();
    for reader in &mut readers {
        reader.end();
        count.add(&reader.said.iter().find_map(|line| Count::of_line(line)).expect("a reader says what it did"));
    }
    writer.end();
    let report = verify(&path, None, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.damage);
    let Count { opened, values, outlived, gone, verified, reading } = count;
    println!("{:.2} reader-hours beside {lives} lives of a writer", reading.as_secs_f64() / 3600.0);
    println!(
        "{opened} checkpoints opened, {values} values compared, {outlived} of them after their checkpoint was gone"
    );
    println!("{gone} gone between listing and opening, {verified} verifications of the whole store");
    assert!(outlived > 0, "no checkpoint outlived its tag");
}

/// What readers said that have ended before they should.
fn ends(readers: &mut [Process]) -> String {
    let ended = readers.iter_mut().filter_map(|reader| reader.has_ended().then(|| reader.end_of_story()));
    ended.collect::<Vec<_>>().join("\n")
}
