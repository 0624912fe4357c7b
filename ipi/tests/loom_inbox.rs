// SPDX-License-Identifier: MIT OR Apache-2.0
//! No interleaving loses a wake-up, hides a write made before a signal, or rings a closed line.
#![cfg(loom)]

mod models;

use models::MODELS;

#[test]
fn no_interleaving_fails() {
    MODELS.iter().for_each(|model| model.check(model.preemptions));
}

/// Ten minutes. The models of two signals without a limit on preemptions; that of two senders stays limited.
#[test]
#[ignore = "takes ten minutes"]
fn no_interleaving_of_two_signals_fails() {
    MODELS.iter().filter(|model| model.name.starts_with("two signals")).for_each(|model| model.check(None));
}
