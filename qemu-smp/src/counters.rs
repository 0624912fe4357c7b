// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each kernel has counted: read from its status page in the machine's memory when the run ends.
//!
//! So no program has to take part, and kernels that failed are not left out.

use abi::status::{MAGIC, Word};
use serde::Serialize;
use serde_json::Value;

/// Bytes of a status page up to the last counter.
pub const BYTES: u64 = Word::UnownedInterrupts.offset() as u64 + 8;

/// The counters of one instance: docs/abi/chunk.md, "Status page".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counters {
    signals_sent: u64,
    ipis_sent: u64,
    elided_pending: u64,
    elided_masked: u64,
    elided_polling: u64,
    doorbells_taken: u64,
    spurious_doorbells: u64,
    lines_delivered: u64,
    unowned_interrupts: u64,
}

impl Counters {
    /// Reads them from a status page; nothing if it is none.
    pub fn read(page: &[u8]) -> Option<Self> {
        let word = |word: Word| {
            let bytes = page.get(word.offset()..word.offset() + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        if word(Word::Magic)? != MAGIC {
            return None;
        }
        Some(Counters {
            signals_sent: word(Word::SignalsSent)?,
            ipis_sent: word(Word::IpisSent)?,
            elided_pending: word(Word::ElidedPending)?,
            elided_masked: word(Word::ElidedMasked)?,
            elided_polling: word(Word::ElidedPolling)?,
            doorbells_taken: word(Word::DoorbellsTaken)?,
            spurious_doorbells: word(Word::SpuriousDoorbells)?,
            lines_delivered: word(Word::LinesDelivered)?,
            unowned_interrupts: word(Word::UnownedInterrupts)?,
        })
    }
}

/// Where the status pages of a plan's instances are.
pub fn status_pages(plan: &Value) -> Vec<u64> {
    let instances = plan["instances"].as_array().into_iter().flatten();
    instances.map_while(|instance| instance["status"]["start"].as_u64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(words: &[(Word, u64)]) -> Vec<u8> {
        let mut page = vec![0; BYTES as usize];
        for (word, value) in words {
            page[word.offset()..word.offset() + 8].copy_from_slice(&value.to_le_bytes());
        }
        page
    }

    #[test]
    fn every_counter_is_read_from_its_word() {
        let words = [
            (Word::Magic, MAGIC),
            (Word::DoorbellsTaken, 3),
            (Word::SpuriousDoorbells, 4),
            (Word::SignalsSent, 5),
            (Word::IpisSent, 6),
            (Word::ElidedPending, 7),
            (Word::ElidedMasked, 8),
            (Word::ElidedPolling, 9),
            (Word::LinesDelivered, 10),
            (Word::UnownedInterrupts, 11),
        ];
        let counters = serde_json::to_value(Counters::read(&page(&words))).expect("counters can be encoded");
        let expected = json!({
            "signals_sent": 5, "ipis_sent": 6, "elided_pending": 7, "elided_masked": 8, "elided_polling": 9,
            "doorbells_taken": 3, "spurious_doorbells": 4, "lines_delivered": 10, "unowned_interrupts": 11,
        });
        assert_eq!(counters, expected);
    }

    #[test]
    fn what_is_no_status_page_has_no_counters() {
        assert_eq!(Counters::read(&page(&[(Word::SignalsSent, 5)])), None);
        assert_eq!(Counters::read(&MAGIC.to_le_bytes()), None);
    }

    #[test]
    fn the_plan_says_where_the_pages_are() {
        let plan = json!({"instances": [{"status": {"start": 4096}}, {"status": {"start": 8192}}]});
        assert_eq!(status_pages(&plan), [4096, 8192]);
        assert_eq!(status_pages(&json!({"instances": []})), [0; 0]);
    }
}
