// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pins that several handlers were issued for, against two models: one of the hardware, which says which interrupts
//! reach the kernel, and one of the interface, which says which handler must be told.
//!
//! ```text
//! random step -> kernel -> effects -> Hardware -> interrupts -> kernel -> signals
//!      '-------------------------> Interface  -> expected signals  ==  '
//! ```

use std::collections::BTreeSet;

use super::*;
use crate::testing::Random;

const VECTORS_USED: usize = 4;
const PINS: usize = 3;
const CHIP: u8 = 1;

/// One entry of an IOAPIC's table and what it remembers.
#[derive(Clone, Copy, Default)]
struct Entry {
    vector: u8,
    unmasked: bool,
    is_level: bool,
    /// The input is active.
    line: bool,
    /// A level has interrupted and was not ended (remote IRR).
    waits_for_end: bool,
    /// An edge came while it was masked.
    edge: bool,
}

/// An IOAPIC and the local APIC behind it.
#[derive(Default)]
struct Hardware {
    entries: [Entry; PINS],
    requested: BTreeSet<u8>,
    in_service: Option<u8>,
}

impl Hardware {
    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::RoutePin(pin, route) => {
                let entry = &mut self.entries[usize::from(pin.input)];
                *entry = Entry {
                    vector: route.vector,
                    unmasked: true,
                    is_level: route.trigger == Trigger::Level,
                    waits_for_end: false,
                    ..*entry
                };
                entry.edge &= !entry.is_level;
            }
            Effect::MaskPin(pin, mask) => {
                self.entries[usize::from(pin.input)].unmasked = mask == PinMask::Unmasked;
            }
            Effect::EndOfInterrupt => {
                let ended = self.in_service.take();
                for entry in self.entries.iter_mut().filter(|entry| Some(entry.vector) == ended) {
                    entry.waits_for_end = false;
                }
            }
            other => panic!("{other:?} is none of an interrupt's"),
        }
        self.request();
    }

    fn set_line(&mut self, pin: usize, line: bool) {
        let entry = &mut self.entries[pin];
        entry.edge |= line && !entry.line && !entry.is_level;
        entry.line = line;
        self.request();
    }

    fn request(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.unmasked) {
            if entry.is_level && entry.line && !entry.waits_for_end {
                entry.waits_for_end = true;
                self.requested.insert(entry.vector);
            }
            if !entry.is_level && core::mem::take(&mut entry.edge) {
                self.requested.insert(entry.vector);
            }
        }
    }
}

/// What the interface promises about one pin.
#[derive(Clone, Copy, Default)]
struct PinPromise {
    /// The handler that was issued last, while it is there.
    owner: Option<usize>,
    /// It was acknowledged since the last interrupt.
    is_open: bool,
    is_level: bool,
    line: bool,
    edge: bool,
}

impl PinPromise {
    /// The handler that is told now, if one is.
    fn interrupt(&mut self) -> Option<usize> {
        let owner = self.owner?;
        let asks = if self.is_level { self.line } else { self.edge };
        if !self.is_open || !asks {
            return None;
        }
        self.is_open = false;
        self.edge = false;
        Some(owner)
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Issue {
        vector: usize,
        pin: usize,
        is_level: bool,
    },
    /// The line rises while the kernel is inside the call that issues.
    IssueWhileRising {
        vector: usize,
        pin: usize,
        is_level: bool,
    },
    IssueMessage {
        vector: usize,
    },
    Delete {
        vector: usize,
    },
    Ack {
        vector: usize,
    },
    Line {
        pin: usize,
        active: bool,
    },
    Message {
        vector: usize,
    },
}

struct Trial {
    caller: Caller,
    hardware: Hardware,
    pins: [PinPromise; PINS],
    issued: [bool; VECTORS_USED],
    notifications: Vec<ObjRef<Notification>>,
    unowned: u64,
}

fn handler(vector: usize) -> usize {
    20 + vector
}

impl Trial {
    fn new() -> Self {
        let mut caller = with_control();
        let notifications =
            (0..VECTORS_USED).map(|vector| notification(&mut caller, 40 + vector, 1)).collect();
        let (hardware, pins) = (Hardware::default(), [PinPromise::default(); PINS]);
        Self { caller, hardware, pins, issued: [false; VECTORS_USED], notifications, unowned: 0 }
    }

    fn call(&mut self, call: &Call) -> bool {
        let done = self.caller.invoke(call).is_ok();
        self.take_effects();
        done
    }

    fn take_effects(&mut self) {
        for effect in self.caller.test.kernel.machine.take_effects() {
            self.hardware.apply(effect);
        }
    }

    /// Lets the kernel take every interrupt; answers how many came at each vector.
    fn take_interrupts(&mut self) -> [usize; VECTORS_USED] {
        let mut taken = [0; VECTORS_USED];
        while let Some(vector) = self.hardware.requested.pop_first() {
            let index = usize::from(vector - FIRST_USER);
            taken[index] += 1;
            assert!(taken[index] < 3, "vector {index} interrupts again and again");
            self.hardware.in_service = Some(vector);
            self.caller.test.kernel.handle_interrupt(vector);
            self.take_effects();
        }
        taken
    }

    /// Which notifications were signalled since the last look.
    fn take_signals(&mut self) -> [bool; VECTORS_USED] {
        core::array::from_fn(|vector| {
            let notification = &mut self.caller.test.kernel.objs[self.notifications[vector]];
            let was_active = notification.is_active();
            notification.set_state(NotificationState::Idle);
            was_active
        })
    }

    fn issue(&mut self, vector: usize, call: &Call) -> bool {
        let done = self.call(call);
        assert_eq!(done, !self.issued[vector], "a vector is issued once");
        self.issued[vector] = true;
        done
    }

    fn issue_pin(&mut self, vector: usize, pin: usize, is_level: bool) {
        let slot = handler(vector) as u64;
        let words = [slot, Caller::DEPTH, CHIP.into(), pin as u64, is_level.into(), 0, vector as u64];
        let call = Call::new(CONTROL, Label::IrqControlGetIoApic, &words, &[Caller::ROOT]);
        if self.issue(vector, &call) {
            let promise = &mut self.pins[pin];
            *promise = PinPromise { owner: Some(vector), is_open: true, is_level, ..*promise };
            promise.edge &= !is_level;
        }
    }

    fn connect(&mut self, vector: usize) {
        let (slot, source) = (handler(vector), 40 + vector);
        assert!(self.call(&Call::new(slot, Label::IrqHandlerSetNotification, &[], &[source])));
    }

    fn set_line(&mut self, pin: usize, active: bool) {
        let promise = &mut self.pins[pin];
        promise.edge |= active && !promise.line && !promise.is_level;
        promise.line = active;
        self.hardware.set_line(pin, active);
    }

    /// Does a step and answers who has to be told of it.
    fn step(&mut self, step: Step) -> [bool; VECTORS_USED] {
        let mut told = [false; VECTORS_USED];
        match step {
            Step::Issue { vector, pin, is_level } | Step::IssueWhileRising { vector, pin, is_level } => {
                let is_new = !self.issued[vector];
                if matches!(step, Step::IssueWhileRising { .. }) {
                    self.set_line(pin, true);
                    if let Some(before) = self.pins[pin].interrupt() {
                        told[before] = true;
                    }
                }
                self.issue_pin(vector, pin, is_level);
                self.take_interrupts();
                if is_new {
                    // What comes before it is connected is for nobody, and is not acknowledged.
                    self.pins[pin].interrupt();
                    self.connect(vector);
                }
            }
            Step::IssueMessage { vector } => {
                let words = [handler(vector) as u64, Caller::DEPTH, 0, 0, 0, 0, vector as u64];
                if self.issue(vector, &Call::new(CONTROL, Label::IrqControlGetMsi, &words, &[Caller::ROOT])) {
                    self.connect(vector);
                }
            }
            Step::Delete { vector } => {
                self.caller.delete(handler(vector));
                self.take_effects();
                self.issued[vector] = false;
                for pin in self.pins.iter_mut().filter(|pin| pin.owner == Some(vector)) {
                    pin.owner = None;
                }
            }
            Step::Ack { vector } => {
                let done = self.call(&Call::new(handler(vector), Label::IrqHandlerAck, &[], &[]));
                assert_eq!(done, self.issued[vector]);
                for pin in self.pins.iter_mut().filter(|pin| pin.owner == Some(vector)) {
                    pin.is_open = true;
                }
            }
            Step::Line { pin, active } => self.set_line(pin, active),
            Step::Message { vector } => {
                self.hardware.requested.insert(FIRST_USER + vector as u8);
                if self.issued[vector] {
                    told[vector] = true;
                    // A device that sends the vector of a pin is heard there, and the pin waits for its Ack.
                    for pin in self.pins.iter_mut().filter(|pin| pin.owner == Some(vector)) {
                        pin.is_open = false;
                    }
                } else {
                    self.unowned += 1;
                }
            }
        }
        for pin in &mut self.pins {
            if let Some(owner) = pin.interrupt() {
                told[owner] = true;
            }
        }
        told
    }

    fn check(&mut self, step: Step, seed: u64) {
        let told = self.step(step);
        self.take_interrupts();
        assert_eq!(self.take_signals(), told, "seed {seed}: {step:?}");
        self.caller.test.kernel.check_irqs();
        for (number, entry) in self.hardware.entries.iter().enumerate() {
            let owner = self.pins[number].owner;
            let routed = owner.map(|vector| FIRST_USER + vector as u8);
            assert!(!entry.unmasked || routed == Some(entry.vector), "seed {seed}: {step:?}: pin {number}");
        }
        assert_eq!(unowned(&self.caller), self.unowned, "seed {seed}: {step:?}");
    }
}

fn random_step(random: &mut Random) -> Step {
    let (vector, pin) = (random.below(VECTORS_USED), random.below(PINS));
    let is_level = random.below(2) == 0;
    match random.below(12) {
        0 | 1 => Step::Issue { vector, pin, is_level },
        2 => Step::IssueWhileRising { vector, pin, is_level },
        3 => Step::IssueMessage { vector },
        4 | 5 => Step::Delete { vector },
        6 | 7 => Step::Ack { vector },
        8 => Step::Message { vector },
        _ => Step::Line { pin, active: random.below(3) > 0 },
    }
}

#[test]
fn a_pin_tells_the_handler_issued_last_and_waits_for_its_ack_in_every_order() {
    for seed in 1..=400 {
        let (mut random, mut trial) = (Random::new(seed), Trial::new());
        for _ in 0..250 {
            let step = random_step(&mut random);
            trial.check(step, seed);
        }
    }
}
