// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replays what is kept in `corpus/`, and some random runs: each event is followed by all checks.

use std::path::Path;

use fuzz::decode::{self, Decoded};
use fuzz::input::Random;
use fuzz::{Summary, run};

/// Random runs that every test run makes, besides the corpus.
const SEEDS: u64 = 6;
const BYTES: usize = 4 << 10;

#[test]
fn the_corpus_of_event_lists_breaks_no_invariant() {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("corpus/events");
    let mut total = Summary::default();
    for entry in folder.read_dir().expect("the corpus is beside this test") {
        let path = entry.expect("the folder is readable").path();
        let bytes = std::fs::read(&path).expect("the file is readable");
        println!("{}", path.display());
        let Summary { events, frames, .. } = run(&bytes);
        total.events += events;
        total.frames += frames;
    }
    assert!(total.events > 1000 && total.frames > 0, "too little happened: {total:?}");
}

#[test]
fn messages_that_are_refused_change_nothing_but_the_answer() {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("corpus/decode");
    let files = folder.read_dir().expect("the corpus is beside this test");
    let kept = files.map(|entry| std::fs::read(entry.expect("the folder is readable").path()));
    let kept = kept.map(|bytes| bytes.expect("the file is readable"));
    let random = (1..=SEEDS).map(|seed| Random::new(seed).bytes(BYTES));
    let mut total = Decoded::default();
    for bytes in kept.chain(random) {
        let decoded = decode::run(&bytes);
        total.refused += decoded.refused;
        total.accepted += decoded.accepted;
    }
    assert!(total.refused > 100 && total.accepted > 10, "too little happened: {total:?}");
}

#[test]
fn random_events_break_no_invariant_and_fast_paths_do_what_slow_paths_do() {
    let mut total = Summary::default();
    for seed in 1..=SEEDS {
        let Summary { events, fast, .. } = run(&Random::new(seed).bytes(BYTES));
        total.events += events;
        total.fast += fast;
    }
    assert!(total.events > 500 && total.fast > 10, "too little happened: {total:?}");
}
