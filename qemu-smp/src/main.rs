// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host tool: builds, boots, checks and measures Skerry. Started by `./x`.

use std::process::ExitCode;

use clap::Parser;

use qemu_smp::cli::{Cli, Command};
use qemu_smp::failure::{Exit, Failure};
use qemu_smp::{image_command, prerequisites, run, validate};

fn main() -> ExitCode {
    let cli = Cli::parse();
    dispatch(cli.command)
        .unwrap_or_else(|failure| {
            anstream::eprintln!("error: {failure}");
            failure.exit
        })
        .into()
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(options) => run::run(&options),
        Command::Image(options) => image_command::write(&options),
        Command::Doctor => Ok(prerequisites::doctor()),
        Command::Validate(options) => validate::validate(&options),
        Command::Test(_) | Command::Check | Command::Bench(_) => Err(Failure::bad_input("not there yet")),
    }
}
