// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults that a kernel is asked to bring about, checked before anything boots: the boot code leaves words alone that it
//! does not know.

use crate::arch::Arch;
use crate::failure::Failure;

/// The kinds of faults that kernels of an architecture can bring about.
fn kinds(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["panic", "double-fault", "nmi", "machine-check"],
        // Of a kernel without a stack; there are no NMIs, and no broadcast.
        Arch::Aarch32 => &["panic", "double-fault"],
    }
}

/// Refuses what is no `KIND:INSTANCE@TIME`, and an instance that there is not.
pub fn check(spec: &str, arch: Arch, instances: usize) -> Result<(), Failure> {
    if is_valid(spec, arch, instances) {
        return Ok(());
    }
    let kinds = kinds(arch).join(", ");
    Err(Failure::bad_input(format!(
        "--inject {spec}: no such fault can be injected\n  expected: KIND:INSTANCE@TIME, as in panic:0@500ms; a kind of \
         {} ({kinds}), an instance below {instances}, a time in us, ms or s",
        arch.name()
    )))
}

fn is_valid(spec: &str, arch: Arch, instances: usize) -> bool {
    let Some((kind, (instance, time))) =
        spec.split_once(':').and_then(|(kind, rest)| Some((kind, rest.split_once('@')?)))
    else {
        return false;
    };
    let digits = ["us", "ms", "s"].iter().find_map(|unit| time.strip_suffix(unit));
    kinds(arch).contains(&kind)
        && instance.parse().is_ok_and(|instance: usize| instance < instances)
        && digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_a_kind_of_the_architecture_an_instance_and_a_time() {
        let is_accepted = |spec: &str, arch| check(spec, arch, 4).is_ok();
        for spec in ["panic:0@1ms", "panic:3@500000us", "double-fault:2@1s"] {
            assert!(Arch::ALL.iter().all(|&arch| is_accepted(spec, arch)), "{spec}");
        }
        assert!(is_accepted("nmi:1@1ms", Arch::X86_64) && !is_accepted("nmi:1@1ms", Arch::Aarch32));
        for spec in ["", "panic", "panic:4@1ms", "panic:1@5", "panic:1@xms", "laughter:1@1ms", "panic:-1@1s"]
        {
            assert!(!Arch::ALL.iter().any(|&arch| is_accepted(spec, arch)), "{spec}");
        }
    }

    #[test]
    fn the_message_names_the_kinds_and_the_instances() {
        let failure = check("nmi:7@1ms", Arch::Aarch32, 4).expect_err("there are no NMIs");
        assert_eq!(
            failure.message,
            "--inject nmi:7@1ms: no such fault can be injected\n  expected: KIND:INSTANCE@TIME, as in panic:0@500ms; a kind \
             of aarch32 (panic, double-fault), an instance below 4, a time in us, ms or s"
        );
    }
}
