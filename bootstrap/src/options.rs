// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words of the kernel command line.
//!
//! Unknown words are left to others: upstream kernels accept command lines with words meant for programs.

use alloc::vec::Vec;

use kernel::handover::InjectEvent;

/// Planting a defect into one table right before the audit, so that a test sees the audit refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A kernel window entry of instance 0 that reaches another partition.
    ForeignPartition,
    /// A page that is both writable and executable in the kernel half.
    WritableText,
    /// A page of the MSI window open to user code.
    MsiWindow,
    /// An inbox of an instance that this one has no channel to.
    ForeignInbox,
}

impl Plant {
    /// The defects by their names on the command line.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("partition", Self::ForeignPartition),
        ("wx", Self::WritableText),
        ("msi", Self::MsiWindow),
        ("inbox", Self::ForeignInbox),
    ];

    fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, plant)| *plant)
    }
}

/// A fault that an instance's kernel raises in itself, for tests of failure handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inject {
    /// The instance.
    pub instance: usize,
    /// Kind as in the hand-over: 1 panic, 2 double fault, 3 NMI, 4 machine check.
    pub kind: u64,
    /// What it waits for.
    pub event: InjectEvent,
    /// How much of that: nanoseconds after the instance started, signals sent, or rows printed.
    pub count: u64,
}

/// How kernels write on a UART that is the only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uart {
    /// Plain text: the boot phase, then instance 0 alone.
    #[default]
    Plain,
    /// Plain text of the boot phase, then bytes that say whose they are, of all instances.
    Tagged,
}

/// What the command line asks of the boot image and of the instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Debug console port of instance 0; instance `i` has the `i`-th after it.
    pub console_base: Option<u16>,
    /// Debug console port of the boot phase: the one below the instances'.
    pub boot_console: Option<u16>,
    /// Port of the serial console of instance 0 when there is no debug console; 0 turns it off.
    pub serial_port: Option<u16>,
    /// How a UART is written that all instances would have to share.
    pub uart: Uart,
    /// Whether a runner reads the consoles: plan, audit and what becomes of instances are written for it as JSON, too.
    pub json: bool,
    /// The defect to plant before the audit.
    pub plant: Option<Plant>,
    /// Id of a core that is not started, so that a test sees it stay silent.
    pub silent: Option<u32>,
    /// Id of a core that is started although nobody wants it, so that a test sees it touch nothing.
    pub stray: Option<u32>,
    /// The faults that instances raise.
    pub inject: Vec<Inject>,
    /// Whether kernels say why they refuse invocations.
    pub explain: bool,
}

impl Options {
    /// Reads the words it knows.
    pub fn parse(command_line: &str) -> Self {
        let mut options = Self::default();
        let mut debug_port = None;
        for word in command_line.split_ascii_whitespace() {
            match word.split_once('=') {
                Some(("console", "pl011")) => options.uart = Uart::Plain,
                Some(("console", "tagged")) => options.uart = Uart::Tagged,
                Some(("console", value)) => {
                    options.console_base = value.strip_prefix("debugcon:").and_then(port);
                    options.boot_console = options.console_base.and_then(|base| base.checked_sub(1));
                }
                Some(("report", value)) => options.json = value == "json",
                Some(("console_port", value)) => options.serial_port = port(value),
                Some(("debug_port", value)) => debug_port = port(value),
                Some(("plant", name)) => options.plant = Plant::by_name(name),
                Some(("silent", id)) => options.silent = id.parse().ok(),
                Some(("stray", id)) => options.stray = id.parse().ok(),
                Some(("inject", value)) => options.inject.extend(inject(value)),
                None if word == "explain" => options.explain = true,
                _ => {}
            }
        }
        // Everything goes to one port here: a second one, or none, for debugging does not move the console.
        options.serial_port = options.serial_port.or(debug_port);
        options
    }
}

/// A port number, decimal or hexadecimal with `0x`.
fn port(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `KIND:INSTANCE@EVENT`; the event is a time with its unit, `signals=N`, or `row=N`.
fn inject(text: &str) -> Option<Inject> {
    let (kind, rest) = text.split_once(':')?;
    let (instance, event) = rest.split_once('@')?;
    let kind = match kind {
        "panic" => 1,
        "double-fault" => 2,
        "nmi" => 3,
        "machine-check" => 4,
        _ => return None,
    };
    let (event, count) = match event.split_once('=') {
        Some(("signals", count)) => (InjectEvent::Signals, count.parse().ok()?),
        Some(("row", count)) => (InjectEvent::Rows, count.parse().ok()?),
        Some(_) => return None,
        None => (InjectEvent::Time, nanoseconds(event)?),
    };
    Some(Inject { instance: instance.parse().ok()?, kind, event, count })
}

fn nanoseconds(text: &str) -> Option<u64> {
    let units = [("ns", 1), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)];
    let (digits, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    digits.parse::<u64>().ok()?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_to_inject_has_kind_instance_and_event() {
        let inject = |word: &str| Options::parse(word).inject;
        let panic = |event, count| vec![Inject { instance: 2, kind: 1, event, count }];
        assert_eq!(inject("inject=panic:2@500ms"), panic(InjectEvent::Time, 500_000_000));
        assert_eq!(inject("inject=panic:2@500000us"), panic(InjectEvent::Time, 500_000_000));
        assert_eq!(inject("inject=panic:2@70000ns"), panic(InjectEvent::Time, 70_000));
        assert_eq!(inject("inject=panic:2@signals=1000"), panic(InjectEvent::Signals, 1000));
        assert_eq!(inject("inject=panic:2@row=1"), panic(InjectEvent::Rows, 1));
        for wrong in ["panic:2@500", "laughter:2@1s", "panic:2@signals=", "panic:2@rows=1", "panic:2@row=-1"]
        {
            assert_eq!(inject(&format!("inject={wrong}")), [], "{wrong}");
        }
    }

    #[test]
    fn several_instances_may_have_a_fault_each() {
        let options = Options::parse("inject=panic:2@1s x inject=nmi:0@row=3");
        let which: Vec<_> = options.inject.iter().map(|inject| (inject.instance, inject.kind)).collect();
        assert_eq!(which, [(2, 1), (0, 3)]);
    }

    #[test]
    fn json_is_for_who_asks_for_it() {
        assert!(Options::parse("console=debugcon:0x8e00 report=json").json);
        assert!(!Options::parse("console=debugcon:0x8e00").json && !Options::parse("report=text").json);
    }

    #[test]
    fn the_boot_console_is_the_port_below_the_first_instance() {
        let options = Options::parse("quiet console=debugcon:0x8e00 plant=wx");
        assert_eq!(options.console_base, Some(0x8e00));
        assert_eq!(options.boot_console, Some(0x8dff));
        assert_eq!(options.plant, Some(Plant::WritableText));
    }

    #[test]
    fn kernels_explain_when_asked_to() {
        assert!(Options::parse("quiet explain").explain);
        assert!(!Options::parse("explain=1 explained").explain);
    }

    #[test]
    fn the_only_uart_is_written_in_plain_text_unless_the_reader_can_tell_whose_it_is() {
        assert_eq!(Options::parse("").uart, Uart::Plain);
        assert_eq!(Options::parse("console=tagged").uart, Uart::Tagged);
        assert_eq!(Options::parse("console=tagged console=pl011").uart, Uart::Plain);
    }

    #[test]
    fn words_of_others_and_malformed_values_change_nothing() {
        assert_eq!(
            Options::parse("console=serial debug=1 disable_iommu console=debugcon:zz"),
            Options::default()
        );
    }

    #[test]
    fn the_serial_port_is_named_as_upstream_names_it() {
        assert_eq!(Options::parse("console_port=0x3f8").serial_port, Some(0x3f8));
        assert_eq!(Options::parse("debug_port=0").serial_port, Some(0));
        assert_eq!(Options::parse("console_port=0x3f8 debug_port=0").serial_port, Some(0x3f8));
        assert_eq!(Options::parse("debug_port=0x2f8 console_port=0x3f8").serial_port, Some(0x3f8));
    }
}
