// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host tool: builds, boots, checks and measures Skerry. Started by `./x`.

use std::process::ExitCode;

use clap::Parser;

use qemu_smp::cli::{Cli, Command, completions};
use qemu_smp::failure::{Exit, Failure};
use qemu_smp::toolchain::chosen;
use qemu_smp::{
    bench, check, debug, image_command, log, new, prerequisites, progress, report, run, soak, terminal, test,
    validate,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    progress::set_quiet(cli.quiet);
    let ended =
        chosen::use_it(cli.toolchain).and_then(|()| dispatch(cli.command)).unwrap_or_else(|failure| {
            anstream::eprintln!("error: {}", terminal::styled(&failure.message));
            failure.exit
        });
    ended.into()
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::test(&options),
        Command::Check => check::check(),
        Command::Image(options) => image_command::write(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::Soak(options) => soak::soak(&options),
        Command::New(options) => new::new(&options),
        Command::Validate(options) => validate::validate(&options),
        Command::Report(options) => report::report(&options),
        Command::Debug(options) => debug::debug(&options),
        Command::Completions(options) => log::print(&completions(options.shell)).map(|()| Exit::Success),
        Command::Doctor => Ok(prerequisites::doctor()),
    }
}
