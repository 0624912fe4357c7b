// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults as the kernel reports them: for people, and as JSON for the runner.

use core::fmt;

use abi::fault::{cap_fault, timeout, unknown_syscall, user_exception, vm_fault};
use abi::{FaultKind, Register, WORD_BITS};
use userland::{exception_name, is_store, time};

/// What happened, and the address of the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) ip: u64,
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Nothing is mapped at an address, or not so that the access is allowed.
    Page { address: u64, access: Access },
    /// An exception of the processor.
    Exception { vector: u64, code: u64 },
    /// A capability address of a system call did not resolve.
    Capability { address: u64 },
    /// A system call that does not exist.
    Syscall { number: i64 },
    /// The budget was used up.
    Budget { consumed_us: u64 },
    /// What was to become a row of the results is no JSON object of scalars.
    Row,
    /// A message that no kernel sends.
    Unknown { label: u64 },
}

/// How an address was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Execute,
}

/// The number that a word stands for.
fn signed(word: u64) -> i64 {
    let above = u64::BITS - WORD_BITS;
    (word << above).cast_signed() >> above
}

impl Fault {
    /// Reads a fault message; a timeout's does not hold the address of the instruction.
    pub(crate) fn decode(label: u64, word: impl Fn(usize) -> u64) -> Self {
        let (ip, what) = match FaultKind::from_word(label) {
            Some(FaultKind::VmFault) => {
                let access = match (word(vm_fault::IS_FETCH), is_store(word(vm_fault::CODE))) {
                    (1, _) => Access::Execute,
                    (_, false) => Access::Read,
                    (_, true) => Access::Write,
                };
                (word(vm_fault::IP), What::Page { address: word(vm_fault::ADDRESS), access })
            }
            Some(FaultKind::UserException) => {
                let (vector, code) = (word(user_exception::NUMBER), word(user_exception::CODE));
                (word(user_exception::IP), What::Exception { vector, code })
            }
            Some(FaultKind::CapFault) => {
                (word(cap_fault::IP), What::Capability { address: word(cap_fault::ADDRESS) })
            }
            Some(FaultKind::UnknownSyscall) => {
                let number = signed(word(unknown_syscall::NUMBER));
                (word(unknown_syscall::IP), What::Syscall { number })
            }
            Some(FaultKind::Timeout) => {
                (0, What::Budget { consumed_us: time(|index| word(timeout::CONSUMED + index)) })
            }
            None => (0, What::Unknown { label }),
        };
        Self { ip, what }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self.what, What::Budget { .. })
    }

    /// The members of a JSON object that describe it.
    pub(crate) fn json(&self) -> impl fmt::Display {
        struct Json(Fault);
        impl fmt::Display for Json {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0.what {
                    What::Page { address, access } => {
                        write!(f, "\"kind\":\"page\",\"address\":{address},\"access\":\"{access}\"")?;
                    }
                    What::Exception { vector, code } => {
                        write!(f, "\"kind\":\"exception\",\"vector\":{vector},\"code\":{code}")?;
                    }
                    What::Capability { address } => {
                        write!(f, "\"kind\":\"capability\",\"address\":{address}")?;
                    }
                    What::Syscall { number } => write!(f, "\"kind\":\"syscall\",\"number\":{number}")?,
                    What::Budget { consumed_us } => {
                        write!(f, "\"kind\":\"budget\",\"consumed_us\":{consumed_us}")?;
                    }
                    What::Row => write!(f, "\"kind\":\"row\"")?,
                    What::Unknown { label } => write!(f, "\"kind\":\"unknown\",\"label\":{label}")?,
                }
                write!(f, ",\"ip\":{}", self.0.ip)
            }
        }
        Json(*self)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Page { address, access } => write!(f, "page fault, {access} of {address:#x}")?,
            What::Exception { vector, code } => {
                write!(f, "exception {vector} ({}), code {code:#x}", exception_name(vector))?;
            }
            What::Capability { address } => write!(f, "no capability at {address:#x}")?,
            What::Syscall { number } => write!(f, "no system call {number}")?,
            What::Budget { consumed_us } => write!(f, "budget used up, {consumed_us} us")?,
            What::Row => {
                write!(f, "a row that is not one JSON object of texts, numbers, true, false or null")?
            }
            What::Unknown { label } => write!(f, "message with label {label}")?,
        }
        write!(f, " at ip {:#x}", self.ip)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        })
    }
}

/// Number of the first registers that hold the instruction pointer.
pub(crate) const REGISTERS_WITH_IP: usize = Register::IP.index() + 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// What the hardware says of a store.
    const STORE: u64 = if WORD_BITS == 64 { 6 } else { 0x805 };

    fn decode(kind: FaultKind, words: &[u64]) -> Fault {
        Fault::decode(kind.word(), |register| words.get(register).copied().unwrap_or_default())
    }

    #[test]
    fn a_page_fault_says_address_access_and_instruction() {
        let fault = decode(FaultKind::VmFault, &[0x40_1000, 0xdead_0000, 0, STORE]);
        assert_eq!(fault.to_string(), "page fault, write of 0xdead0000 at ip 0x401000");
        let json = fault.json().to_string();
        assert_eq!(json, "\"kind\":\"page\",\"address\":3735879680,\"access\":\"write\",\"ip\":4198400");
        let access = |is_fetch, code| decode(FaultKind::VmFault, &[0, 0, is_fetch, code]).what;
        assert_eq!(access(0, 4), What::Page { address: 0, access: Access::Read });
        assert_eq!(access(1, 0x14), What::Page { address: 0, access: Access::Execute });
    }

    #[test]
    fn every_kind_of_fault_has_its_words() {
        let exception = decode(FaultKind::UserException, &[0x40_0000, 0, 0, 99, 5]);
        assert_eq!(exception.to_string(), "exception 99 (other), code 0x5 at ip 0x400000");
        let capability = decode(FaultKind::CapFault, &[1, 99, 0, 2, 64]);
        assert_eq!(capability.to_string(), "no capability at 0x63 at ip 0x1");
        let mut words = [0; 19];
        (words[unknown_syscall::IP], words[unknown_syscall::NUMBER]) = (7, 500);
        assert_eq!(decode(FaultKind::UnknownSyscall, &words).to_string(), "no system call 500 at ip 0x7");
        let budget = decode(FaultKind::Timeout, &[0, 250]);
        assert_eq!(
            (budget.to_string(), budget.is_timeout()),
            ("budget used up, 250 us at ip 0x0".into(), true)
        );
        assert_eq!(Fault::decode(77, |_| 0).to_string(), "message with label 77 at ip 0x0");
    }

    #[test]
    fn the_members_of_every_kind_make_an_object() {
        for label in 0..8 {
            let json = format!("{{{}}}", Fault::decode(label, |_| u64::MAX).json());
            assert!(json.contains("\"kind\":") && json.contains("\"ip\":"), "{json}");
            assert_eq!(json.matches('"').count() % 2, 0, "{json}");
        }
    }
}
