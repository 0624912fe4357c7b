// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine that QEMU is asked to be, and its command line.

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::arch::Arch;
use crate::console::{Line, Source};

/// Console port of the boot code.
pub(crate) const BOOT_PORT: u32 = 0x8dff;
/// Console port of instance 0; instance `i` has the `i`-th after it.
pub(crate) const CONSOLE_PORT: u32 = 0x8e00;
/// The ports of the serial line COM1.
pub(crate) const COM1: Range<u32> = 0x3f8..0x400;

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accelerator {
    /// KVM when /dev/kvm opens and the CPU has VMX or SVM, else TCG
    Auto,
    /// QEMU's translator: works everywhere
    Tcg,
    /// The host's CPU
    Kvm,
}

impl Accelerator {
    /// Replaces `Auto` by what this host has; instruction counting and another architecture need TCG.
    pub fn resolve(self, arch: Arch, icount: bool) -> Self {
        let kvm_opens = || std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
        let cpu_info = || std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let may_be_kvm = arch == Arch::X86_64 && !icount;
        match self {
            Accelerator::Auto if may_be_kvm && can_virtualise(&cpu_info()) && kvm_opens() => Accelerator::Kvm,
            Accelerator::Auto => Accelerator::Tcg,
            chosen => chosen,
        }
    }
}

fn can_virtualise(cpu_info: &str) -> bool {
    let flags = cpu_info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm")
}

/// What the numbers of a run are, so that nobody takes one for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instrument {
    /// Time stamps count guest instructions.
    Instructions,
    /// Time stamps are cycles of the host's CPU.
    Cycles,
    /// Time stamps are wall-clock ticks of an emulated machine: they compare nothing.
    EmulatedTicks,
    /// The same of the cycle counter of an emulated Arm core.
    EmulatedCycles,
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Instrument::Instructions => "instructions (icount)",
            Instrument::Cycles => "TSC cycles (KVM)",
            Instrument::EmulatedTicks => "TSC ticks (emulated, not comparable; use --icount)",
            Instrument::EmulatedCycles => "PMCCNTR cycles (emulated, not comparable; use --icount)",
        })
    }
}

/// One run's machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What it executes.
    pub arch: Arch,
    /// Number of processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// CPU model, as QEMU names it.
    pub cpu_model: String,
    /// TCG or KVM, resolved.
    pub accelerator: Accelerator,
    /// Whether virtual time counts instructions.
    pub icount: bool,
    /// The boot image.
    pub kernel: PathBuf,
    /// The system image or plain root task.
    pub module: PathBuf,
    /// Further words of the kernel command line.
    pub command_line: String,
    /// Number of instances that have a console.
    pub consoles: u32,
    /// The instance that owns COM1.
    pub serial_owner: u32,
    /// Arguments passed on to QEMU as they are.
    pub extra: Vec<String>,
}

impl Machine {
    /// What measures time in this machine.
    pub fn instrument(&self) -> Instrument {
        match (self.accelerator, self.icount) {
            (Accelerator::Kvm, _) => Instrument::Cycles,
            (_, true) => Instrument::Instructions,
            (_, false) if self.arch == Arch::Aarch32 => Instrument::EmulatedCycles,
            (_, false) => Instrument::EmulatedTicks,
        }
    }

    /// Every line, in the order in which QEMU connects to their sockets.
    pub fn lines(&self) -> Vec<Line> {
        self.arch.lines(self.consoles, self.serial_owner)
    }

    /// The socket of a line in `dir`.
    pub fn socket(dir: &Path, line: Line) -> PathBuf {
        dir.join(chardev(line))
    }

    /// The socket for QEMU's control protocol in `dir`.
    pub fn control_socket(dir: &Path) -> PathBuf {
        dir.join("control")
    }

    /// The whole command line of QEMU, whose sockets are in `dir`.
    pub fn arguments(&self, dir: &Path) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        let accelerator = if self.accelerator == Accelerator::Kvm { "kvm" } else { "tcg" };
        arguments.add("-M", self.arch.machine()).add("-accel", accelerator).add("-cpu", &self.cpu_model);
        arguments.add("-smp", self.cpus.to_string()).add("-m", format!("{}B", self.memory));
        arguments.flag("-nodefaults").flag("-no-reboot").add("-display", "none");
        if self.icount {
            arguments.add("-icount", "shift=0,sleep=off");
        }
        let control = Self::control_socket(dir);
        arguments.add("-qmp", format!("unix:{},server=off", option(&control)));
        for line in self.lines() {
            let id = chardev(line);
            let path = Self::socket(dir, line);
            arguments.add("-chardev", format!("socket,id={id},path={},server=off", option(&path)));
            match console_port(line) {
                Some(port) => arguments.add("-device", format!("isa-debugcon,iobase={port:#x},chardev={id}")),
                None => arguments.add("-serial", format!("chardev:{id}")),
            };
        }
        arguments.add("-kernel", &self.kernel).add("-initrd", &self.module);
        let words = format!("{} report=json {}", self.arch.console_word(), self.command_line);
        arguments.add("-append", words.trim_end());
        arguments.0.extend(self.extra.iter().map(OsString::from));
        arguments.0
    }
}

/// A path in a list of options, where a comma ends one unless it is written twice.
fn option(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn chardev(line: Line) -> String {
    match line {
        Line::Own(Source::Boot) => "boot".to_owned(),
        Line::Own(Source::Serial(_)) => "serial".to_owned(),
        Line::Own(Source::Core(core)) => format!("core-{core}"),
        Line::Tagged => "console".to_owned(),
    }
}

/// The debug port that a line is connected to; without one it is a serial line.
fn console_port(line: Line) -> Option<u32> {
    match line {
        Line::Own(Source::Boot) => Some(BOOT_PORT),
        Line::Own(Source::Core(core)) => Some(CONSOLE_PORT + core),
        Line::Own(Source::Serial(_)) | Line::Tagged => None,
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn flag(&mut self, name: &str) -> &mut Self {
        self.0.push(name.into());
        self
    }

    fn add(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.0.extend([name.into(), value.into()]);
        self
    }
}

/// Reads a size as QEMU writes it: a number with `K`, `M`, `G` or nothing behind it.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].trim_end_matches(['i', 'B']) {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        other => return Err(format!("unknown unit `{other}`; expected a number with K, M or G, as in 512M")),
    };
    let number = digits
        .parse::<u64>()
        .map_err(|_| format!("`{text}` is not a size; expected a number with K, M or G, as in 512M"))?;
    number.checked_mul(unit).ok_or_else(|| format!("`{text}` is too large; expected less than 2^64 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            arch: Arch::X86_64,
            cpus: 2,
            memory: 512 << 20,
            cpu_model: "max".to_owned(),
            accelerator: Accelerator::Tcg,
            icount: false,
            kernel: "boot.elf".into(),
            module: "system.img".into(),
            command_line: String::new(),
            consoles: 2,
            serial_owner: 0,
            extra: Vec::new(),
        }
    }

    fn command_line(machine: &Machine) -> String {
        let arguments = machine.arguments(Path::new("/tmp/s"));
        arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_console_has_a_port_of_its_own_and_com1_is_a_serial_line() {
        let line = command_line(&machine());
        for part in [
            "-device isa-debugcon,iobase=0x8dff,chardev=boot",
            "-device isa-debugcon,iobase=0x8e00,chardev=core-0",
            "-device isa-debugcon,iobase=0x8e01,chardev=core-1",
            "-chardev socket,id=serial,path=/tmp/s/serial,server=off -serial chardev:serial",
        ] {
            assert!(line.contains(part), "{part} is missing in {line}");
        }
    }

    #[test]
    fn an_arm_machine_has_one_serial_line_for_all() {
        let machine = Machine { arch: Arch::Aarch32, cpu_model: "cortex-a15".to_owned(), ..machine() };
        let line = command_line(&machine);
        for part in [
            "-M virt,gic-version=2 -accel tcg -cpu cortex-a15 -smp 2",
            "-chardev socket,id=console,path=/tmp/s/console,server=off -serial chardev:console",
            "-append console=tagged",
        ] {
            assert!(line.contains(part), "{part} is missing in {line}");
        }
        assert!(!line.contains("isa-debugcon"), "{line}");
        assert_eq!(machine.instrument(), Instrument::EmulatedCycles);
    }

    #[test]
    fn the_command_line_of_the_kernel_and_extra_arguments_are_passed_on() {
        let machine = Machine {
            command_line: "inject=panic:1@500ms".to_owned(),
            extra: vec!["-d".to_owned(), "int".to_owned()],
            ..machine()
        };
        let line = command_line(&machine);
        assert!(
            line.ends_with("-append console=debugcon:0x8e00 report=json inject=panic:1@500ms -d int"),
            "{line}"
        );
    }

    #[test]
    fn the_instrument_follows_the_accelerator_and_icount() {
        assert_eq!(machine().instrument(), Instrument::EmulatedTicks);
        assert_eq!(Machine { icount: true, ..machine() }.instrument(), Instrument::Instructions);
        assert_eq!(Machine { accelerator: Accelerator::Kvm, ..machine() }.instrument(), Instrument::Cycles);
        assert!(command_line(&Machine { icount: true, ..machine() }).contains("-icount shift=0,sleep=off"));
    }

    #[test]
    fn kvm_is_chosen_only_for_a_cpu_that_can_virtualise_and_never_under_icount_or_for_arm() {
        assert!(can_virtualise("model name : x\nflags\t\t: fpu vmx sse\n"));
        assert!(can_virtualise("flags : svm\n"));
        assert!(!can_virtualise("vmx flags\t: none\nflags\t: fpu sse\n"));
        assert_eq!(Accelerator::Auto.resolve(Arch::X86_64, true), Accelerator::Tcg);
        assert_eq!(Accelerator::Auto.resolve(Arch::Aarch32, false), Accelerator::Tcg);
        assert_eq!(Accelerator::Kvm.resolve(Arch::X86_64, false), Accelerator::Kvm);
    }

    #[test]
    fn sizes_are_read_with_and_without_unit() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("12T").is_err_and(|error| error.contains("unknown unit `T`")));
        assert!(parse_size("lots").is_err());
        assert!(parse_size("999999999999999G").is_err_and(|error| error.contains("is too large")));
        assert!(parse_size("99999999999G").is_err(), "more bytes than 64 bits count");
    }
}
