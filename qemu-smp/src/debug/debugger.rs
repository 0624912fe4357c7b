// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which gdb debugs an architecture.

use std::process::Command;

use crate::arch::Arch;

/// The debuggers of an architecture, the one for it first: some systems have one gdb for all, on others `gdb` knows only
/// the host.
fn candidates(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["gdb"],
        Arch::Aarch32 => &["gdb-multiarch", "arm-none-eabi-gdb", "gdb"],
    }
}

/// gdb's name of an architecture.
pub(super) fn name_of(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "i386:x86-64",
        Arch::Aarch32 => "arm",
    }
}

/// The first debugger here that knows the architecture.
pub fn find(arch: Arch) -> Option<&'static str> {
    candidates(arch).iter().copied().find(|program| knows(program, arch))
}

/// The debugger to recommend where there is none; the Debian package has its name.
pub fn recommended(arch: Arch) -> &'static str {
    candidates(arch)[0]
}

fn knows(program: &str, arch: Arch) -> bool {
    let choose = format!("set architecture {}", name_of(arch));
    let output = Command::new(program).args(["-nx", "-batch", "-ex", &choose]).output();
    output.is_ok_and(|output| output.status.success() && output.stderr.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_or_no_debugger_is_not_chosen() {
        assert!(!knows("no-such-debugger", Arch::Aarch32));
        assert!(!knows("false", Arch::Aarch32));
        assert!(Arch::ALL.iter().all(|&arch| candidates(arch).contains(&recommended(arch))));
    }
}
