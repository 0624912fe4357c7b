// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

mod examples;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use regex::Regex;

use crate::arch::Arch;
use crate::compile::Profile;
use crate::machine::{Accelerator, parse_size};
use crate::test::groups::Group;
use crate::toolchain::chosen::Choice;

/// Boots, checks and measures Skerry: one small seL4-compatible kernel per CPU core.
#[derive(Debug, Parser)]
#[command(name = "./x", bin_name = "./x", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// Refuse to install missing prerequisites (acted on by ./x itself)
    #[arg(long, global = true)]
    pub no_install: bool,
    /// Show results and errors only: no log, no progress
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Which Rust compiles, where there are several; also SKERRY_TOOLCHAIN [default: the one on the PATH]
    #[arg(long, global = true, value_enum, hide_possible_values = true, value_name = "debian|rustup")]
    pub toolchain: Option<Choice>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0 success   1 a root task, test or check failed   2 bad usage or description   3 timeout   4 a kernel failed";

/// Seconds until a run is given up.
const DEFAULT_TIMEOUT: u64 = 120;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot a system in QEMU and show the merged log of its cores
    #[command(after_help = examples::RUN, args_override_self = true)]
    Run(Box<RunOptions>),
    /// Run everything: host tests, doc tests, boot tests
    #[command(after_help = examples::TEST)]
    Test(TestOptions),
    /// Check format, lints, documentation, unsafe code, file sizes and licences
    #[command(after_help = examples::CHECK)]
    Check,
    /// Write the bootable pair of files: boot.elf and system.img (boot.bin and system-aarch32.img for aarch32)
    #[command(after_help = examples::IMAGE)]
    Image(ImageOptions),
    /// Count instructions of kernel paths
    #[command(after_help = examples::BENCH)]
    Bench(BenchOptions),
    /// Send signals by the million and prove that no wake-up is lost
    #[command(after_help = examples::SOAK)]
    Soak(SoakOptions),
    /// Make a crate for a workload of your own, with a system description that boots it
    #[command(after_help = examples::NEW)]
    New(NewOptions),
    /// Check a system description without booting it
    #[command(after_help = examples::VALIDATE)]
    Validate(ValidateOptions),
    /// Tell who owns what: memory, lines, regions, devices
    #[command(after_help = examples::REPORT, args_override_self = true)]
    Report(ReportOptions),
    /// Boot a system that waits for gdb, which starts with the symbols of one core
    #[command(after_help = examples::DEBUG, args_override_self = true)]
    Debug(DebugOptions),
    /// Print what a shell needs to complete these commands
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsOptions),
    /// List prerequisites with the version found
    #[command(after_help = examples::DOCTOR)]
    Doctor,
}

/// What is to be booted.
#[derive(Debug, Clone, Default, Args)]
pub struct SystemOptions {
    /// System description [default: system.toml where you are, else systems/ping-pong.toml]
    #[arg(value_name = "SYSTEM.toml")]
    pub system: Option<PathBuf>,
    /// What it is built for
    #[arg(long, value_enum, default_value = "x86_64")]
    pub arch: Arch,
    /// Number of CPUs; where there is no description, of as many instances in a ring
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=255))]
    pub cpus: Option<u32>,
    /// Boot this seL4 root task instead of a description; with --cpus on each of N instances
    #[arg(long, value_name = "FILE", conflicts_with = "system")]
    pub root_task: Option<PathBuf>,
    /// Memory of the machine [default: 512M, more for many instances]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// What the kernel is built for
    #[arg(long, value_enum, default_value = "debug")]
    pub profile: Profile,
    /// Build of seL4 that the root tasks were made for, where the description names none: a name such as
    /// microkit-2.3-debug, or the gen_config.json of that build [default: the one beside --root-task, else sel4]
    #[arg(long, value_name = "NAME|FILE")]
    pub abi: Option<String>,
    /// Slots of the root CNode of --root-task, as a power of two [default: that of the ABI variant]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(9..=20), requires = "root_task")]
    pub cnode_bits: Option<u8>,
}

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// What to boot
    #[command(flatten)]
    pub what: SystemOptions,
    /// What executes the guest
    #[arg(long, value_enum, default_value = "auto")]
    pub accel: Accelerator,
    /// CPU model, as QEMU names it [default: max, cortex-a15 on aarch32]
    #[arg(long, value_name = "MODEL")]
    pub cpu: Option<String>,
    /// Count instructions: virtual time is their number
    #[arg(long)]
    pub icount: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIMEOUT)]
    pub timeout: u64,
    /// Write core-N.log (raw bytes), boot.log and merged.log into this directory
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// Write results, plan and ending to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write plan, drawings and results as one page to this file
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// End successfully when a line of the merged log matches
    #[arg(long, value_name = "REGEX")]
    pub until: Option<Regex>,
    /// Fail when a line of the merged log matches
    #[arg(long, value_name = "REGEX")]
    pub fail_on: Option<Regex>,
    /// Collect the JSON printed between a line MARKER and a line `END MARKER`, then end successfully
    #[arg(long, value_name = "MARKER")]
    pub collect: Option<String>,
    /// The instance that prints it
    #[arg(long, value_name = "INSTANCE", default_value_t = 0, requires = "collect")]
    pub collect_from: u32,
    /// Boot this image instead of compiling one
    #[arg(long, value_name = "FILE")]
    pub boot_image: Option<PathBuf>,
    /// Pass this file to the boot code as it is, instead of making an image
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Inject a fault, one for each instance at most: panic:2@500ms (instance 2, half a second after boot),
    /// nmi:1@signals=1000 (once it has sent so many), panic:0@row=1 (once it has printed so many rows of results),
    /// panic:3@instructions=70000 (with --icount)
    #[arg(long, value_name = "KIND:INSTANCE@EVENT")]
    pub inject: Vec<String>,
    /// Print a line for every invocation that a kernel refuses: who, where, which argument, what was expected
    #[arg(long)]
    pub explain: bool,
    /// Further words for the kernel command line
    #[arg(long, value_name = "WORDS")]
    pub append: Option<String>,
    /// Arguments for QEMU
    #[arg(last = true, value_name = "QEMU ARGUMENTS")]
    pub extra: Vec<String>,
}

impl RunOptions {
    /// The defaults, as the command line has them.
    pub fn new(what: SystemOptions) -> Self {
        RunOptions {
            what,
            accel: Accelerator::Auto,
            cpu: None,
            icount: false,
            timeout: DEFAULT_TIMEOUT,
            log_dir: None,
            json: None,
            report: None,
            until: None,
            fail_on: None,
            collect: None,
            collect_from: 0,
            boot_image: None,
            module: None,
            inject: Vec::new(),
            explain: false,
            append: None,
            extra: Vec::new(),
        }
    }
}

/// Options of `image`.
#[derive(Debug, Clone, Args)]
pub struct ImageOptions {
    /// What to boot
    #[command(flatten)]
    pub what: SystemOptions,
    /// Where to write them
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
}

/// Options of `test`.
#[derive(Debug, Clone, Args)]
pub struct TestOptions {
    /// Leave out what needs QEMU
    #[arg(long)]
    pub host_only: bool,
    /// Only this group; several times for several
    #[arg(long = "group", value_name = "GROUP", value_enum)]
    pub groups: Vec<Group>,
    /// With the tests that take minutes each
    #[arg(long)]
    pub long: bool,
    /// Three times in a row beside four busy loops: verdicts must not depend on the pace of the host
    #[arg(long)]
    pub stress: bool,
    /// Only tests whose names contain one of these
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Options of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchOptions {
    /// Only the paths that every change is judged by
    #[arg(long)]
    pub quick: bool,
    /// What is measured
    #[arg(long, value_enum, default_value = "x86_64")]
    pub arch: Arch,
    /// What executes the guest; without KVM instructions are counted
    #[arg(long, value_enum, default_value = "auto")]
    pub accel: Accelerator,
    /// Write the report to this file, all samples included
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one line for each path to this file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write a page with tables and plots to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Show what moved since the report in this file
    #[arg(long, value_name = "OLD.json")]
    pub compare: Option<PathBuf>,
    /// Write the figures of the compiler in use into benches/baseline.json, which `./x test` compares with; those of aarch32
    /// into benches/baseline-aarch32.json
    #[arg(long)]
    pub update_baseline: bool,
    /// The same for every toolchain and every architecture that there is here
    #[arg(long, conflicts_with_all = ["update_baseline", "arch", "json", "csv", "html", "compare"])]
    pub update_baselines: bool,
}

/// Options of `soak`.
#[derive(Debug, Clone, Args)]
pub struct SoakOptions {
    /// Signals among instances that sleep; among instances that poll or mwait a tenth of it
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    pub signals: u64,
    /// What signals
    #[arg(long, value_enum, default_value = "x86_64")]
    pub arch: Arch,
}

/// Options of `new`.
#[derive(Debug, Clone, Args)]
pub struct NewOptions {
    /// Directory to make; its last part is the name of the crate
    #[arg(value_name = "NAME")]
    pub path: PathBuf,
}

/// Options of `validate`.
#[derive(Debug, Clone, Args)]
pub struct ValidateOptions {
    /// System description
    #[arg(value_name = "SYSTEM.toml")]
    pub system: PathBuf,
    /// What it would be built for
    #[arg(long, value_enum, default_value = "x86_64")]
    pub arch: Arch,
    /// Number of CPUs of the machine it is for [default: as many as it needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=255))]
    pub cpus: Option<u32>,
    /// Memory of the machine it is for [default: 512M, more for many instances]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
}

/// Options of `debug`.
#[derive(Debug, Clone, Args)]
pub struct DebugOptions {
    /// What to boot
    #[command(flatten)]
    pub what: SystemOptions,
    /// The core to look at
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub core: u32,
    /// Symbols of this program that init starts, instead of those of the root task
    #[arg(long, value_name = "NAME")]
    pub program: Option<String>,
    /// TCP port of this machine that gdb connects to, 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 1234)]
    pub port: u16,
    /// Do not start gdb: wait, and print the commands that do
    #[arg(long, conflicts_with = "commands")]
    pub print: bool,
    /// Let gdb carry out this command, and all that are given in this way one after another, and end; the first that fails
    /// ends it (exit code 1)
    #[arg(long = "command", value_name = "COMMAND")]
    pub commands: Vec<String>,
    /// Seconds that one of these commands may take (exit code 3)
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIMEOUT)]
    pub timeout: u64,
    /// Arguments for gdb
    #[arg(last = true, value_name = "GDB ARGUMENTS")]
    pub gdb: Vec<String>,
}

/// Options of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsOptions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportOptions {
    /// What would be booted
    #[command(flatten)]
    pub what: SystemOptions,
    /// Write the report as JSON to this file, `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with drawings to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print the schema of the JSON and nothing else
    #[arg(long)]
    pub schema: bool,
}

/// What a shell needs to complete the commands of `x`.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "x", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_names_what_people_type() {
        let refused =
            Cli::try_parse_from(["target/debug/qemu-smp", "validate"]).expect_err("a file is missing");
        assert!(refused.to_string().contains("Usage: ./x validate <SYSTEM.toml>"), "{refused}");
    }

    #[test]
    fn arguments_behind_two_dashes_are_for_qemu() {
        let cli = Cli::try_parse_from(["x", "run", "--cpus", "2", "--", "-d", "int"]).expect("it is valid");
        let Command::Run(options) = cli.command else { panic!("run expected") };
        assert_eq!(options.extra, ["-d", "int"]);
        assert_eq!(options.what.cpus, Some(2));
    }

    #[test]
    fn faults_of_several_instances_are_given_one_by_one() {
        let arguments =
            ["x", "run", "--inject", "panic:0@1s", "--inject", "nmi:1@row=2", "--cpus", "1", "--cpus", "2"];
        let cli = Cli::try_parse_from(arguments).expect("it is valid");
        let Command::Run(options) = cli.command else { panic!("run expected") };
        assert_eq!(options.inject, ["panic:0@1s", "nmi:1@row=2"]);
        assert_eq!(options.what.cpus, Some(2), "of other options the last one counts");
    }

    #[test]
    fn the_defaults_of_a_run_are_those_of_the_command_line() {
        let cli = Cli::try_parse_from(["x", "run"]).expect("it is valid");
        let Command::Run(options) = cli.command else { panic!("run expected") };
        let expected = RunOptions::new(options.what.clone());
        assert_eq!(format!("{options:?}"), format!("{expected:?}"));
    }

    #[test]
    fn values_outside_their_limits_are_refused() {
        for arguments in [
            ["x", "run", "--cpus", "0"],
            ["x", "run", "--cpus", "256"],
            ["x", "run", "--memory", "much"],
            ["x", "run", "--until", "("],
            ["x", "run", "--profile", "fast"],
            ["x", "run", "--arch", "aarch64"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn every_command_has_examples_that_are_valid() {
        let mut tried = 0;
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n"), "{} has none", command.get_name());
            for line in help.lines().filter_map(|line| line.strip_prefix("  ./")) {
                // Two spaces set the comment apart.
                let words =
                    line.split("  ").next().unwrap_or_default().split(['|', '>']).next().unwrap_or_default();
                let parsed = Cli::try_parse_from(words.split_whitespace());
                assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
                tried += 1;
            }
        }
        assert!(tried > 20, "{tried} examples");
    }

    #[test]
    fn every_command_can_be_quiet() {
        for command in Cli::command().get_subcommands() {
            let mut arguments = vec!["x", command.get_name(), "--quiet"];
            arguments.extend(match command.get_name() {
                "new" => Some("crate"),
                "validate" => Some("system.toml"),
                "completions" => Some("bash"),
                _ => None,
            });
            let cli = Cli::try_parse_from(&arguments);
            assert!(cli.is_ok_and(|cli| cli.quiet), "{arguments:?}");
        }
    }

    #[test]
    fn every_command_takes_a_toolchain() {
        for arguments in [&["x", "test", "--toolchain", "debian"][..], &["x", "--toolchain", "debian", "run"]]
        {
            let cli = Cli::try_parse_from(arguments);
            assert!(cli.is_ok_and(|cli| cli.toolchain == Some(Choice::Debian)), "{arguments:?}");
        }
    }

    #[test]
    fn shells_complete_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
