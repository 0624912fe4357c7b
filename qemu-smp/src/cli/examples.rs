// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `--help` shows behind the options of each command. A test tries every line.

pub(super) const RUN: &str = "\
Examples:
  ./x run                              boot system.toml where you are, else systems/ping-pong.toml
  ./x run --cpus 8                     8 instances, memory split equally, a ring of pings
  ./x run --arch aarch32               the same system on 32-bit Arm
  ./x run --icount --json out.json     count instructions, write the results to a file
  ./x run --report out.html            write plan, drawings and results as one page
  ./x run --root-task probe.elf        boot one seL4 root task that owns the machine
  ./x run --timeout 20 -- -d int       pass `-d int` on to QEMU";

pub(super) const TEST: &str = "\
Examples:
  ./x test                             everything
  ./x test --host-only                 what needs neither QEMU nor a bare-metal compiler
  ./x test --group gdb                 one group
  ./x test panic                       the tests with `panic` in their names
  ./x test --toolchain debian          with Debian's compiler
  ./x test --stress                    three times in a row on a busy host";

pub(super) const CHECK: &str = "\
Examples:
  ./x check                            what must hold before a push
  ./x check --quiet                    say only what does not";

pub(super) const IMAGE: &str = "\
Examples:
  ./x image                            out/boot.elf and out/system.img of systems/ping-pong.toml
  ./x image --arch aarch32             out/boot.bin and out/system-aarch32.img
  ./x image my-system.toml --profile release --out build";

pub(super) const BENCH: &str = "\
Examples:
  ./x bench --quick                      the paths that every change is judged by
  ./x bench --json new.json --html new.html
  ./x bench --quick --compare old.json   what moved
  ./x bench --arch aarch32               on 32-bit Arm";

pub(super) const SOAK: &str = "\
Examples:
  ./x soak                             ten million signals: hours
  ./x soak --signals 100000            some minutes
  ./x soak --arch aarch32              on 32-bit Arm";

pub(super) const NEW: &str = "\
Examples:
  ./x new ../beacon                    make the crate `beacon` beside this tree
  cd ../beacon && ./x run              compile it and boot its system.toml";

pub(super) const VALIDATE: &str = "\
Examples:
  ./x validate my-system.toml          all mistakes, each with its place
  ./x validate my-system.toml --cpus 8 --memory 2G
  ./x validate my-system.toml --arch aarch32";

pub(super) const REPORT: &str = "\
Examples:
  ./x report systems/ping-pong.toml              tables
  ./x report my-system.toml --html report.html   one page with drawings, needs nothing else
  ./x report my-system.toml --json - | jq .totals
  ./x report --schema                            what the fields of the JSON mean";

pub(super) const DEBUG: &str = "\
Examples:
  ./x debug                                   gdb in this terminal, at the kernel of core 0
  ./x debug --core 2 systems/ping-pong.toml   symbols of core 2: its kernel and its root task
  ./x debug --print                           commands for another terminal and for VS Code
  ./x debug --core 1 -- -ex continue          arguments for gdb
  ./x debug --command continue --command bt   a session without a person
  ./x debug --arch aarch32                    a core of 32-bit Arm, by gdb-multiarch

In gdb, cores are threads, counted from 1; `hbreak FUNCTION thread N` stops one core.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  ./x completions bash > ~/.local/share/bash-completion/completions/x
  ./x completions zsh > ~/.zfunc/_x
  ./x completions fish > ~/.config/fish/completions/x.fish";

pub(super) const DOCTOR: &str = "\
Examples:
  ./x doctor                           what is installed, what is missing and what it is needed for
  ./x doctor --no-install              the same, and nothing is installed before";
