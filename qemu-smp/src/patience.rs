// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long the others may go on once an instance has failed, as they may be waiting for it in vain.
//!
//! Measured in what the machine does, not in time: a host that is busy otherwise gives a machine little of its processors,
//! and what an instance still does must not depend on that.

use std::fs;
use std::time::{Duration, Instant};

/// Processor time that the others have to come to an end.
const ALL: Duration = Duration::from_secs(60);
/// A machine waits when it uses less than a twentieth of a processor for so long.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_SHARE: u32 = 20;
/// Clock ticks of Linux in a second, in `/proc`.
const TICKS: u64 = 100;

/// How often one should ask.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Patience with a machine.
#[derive(Debug)]
pub struct Patience {
    begun: Duration,
    /// Beginning of the window in which it must do something, and its processor time then.
    window: (Instant, Duration),
}

impl Patience {
    /// Begins with a machine that has used so much processor time.
    pub fn new(used: Duration, now: Instant) -> Self {
        Patience { begun: used, window: (now, used) }
    }

    /// Whether the machine waits, or has had its time.
    pub fn is_over(&mut self, used: Duration, now: Instant) -> bool {
        let (since, before) = self.window;
        if now.saturating_duration_since(since) >= IDLE {
            if used.saturating_sub(before) < IDLE / IDLE_SHARE {
                return true;
            }
            self.window = (now, used);
        }
        used.saturating_sub(self.begun) >= ALL
    }
}

/// Processor time that a process has used, all its threads together; nothing once it has ended.
pub fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything; the two numbers are the 14th and 15th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let numbers = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = numbers.filter_map(|number| number.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_machine_that_works_slowly_is_not_given_up_and_one_that_waits_is() {
        let start = Instant::now();
        let mut patience = Patience::new(SECOND, start);
        // A tenth of a processor, for two minutes.
        for second in 1..120 {
            assert!(!patience.is_over(SECOND + SECOND / 10 * second, start + SECOND * second), "{second}");
        }
        let used = SECOND * 13;
        assert!((120..140).any(|second| patience.is_over(used, start + SECOND * second)));
    }

    #[test]
    fn a_machine_that_never_rests_is_given_up_after_its_share_of_processor_time() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::ZERO, start);
        assert!(!patience.is_over(SECOND * 59, start + SECOND * 30));
        assert!(patience.is_over(SECOND * 60, start + SECOND * 31));
    }

    #[test]
    fn the_time_of_a_process_grows_and_that_of_none_is_zero() {
        let own = std::process::id();
        let before = processor_time(own);
        let mut sum = 0_u64;
        while processor_time(own) == before {
            sum = (0..1_000_000).fold(sum, |sum, number| std::hint::black_box(sum ^ number));
        }
        assert!(processor_time(own) > before, "{sum}");
        assert_eq!(processor_time(u32::MAX), Duration::ZERO);
    }
}
