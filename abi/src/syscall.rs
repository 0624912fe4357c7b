// SPDX-License-Identifier: MIT OR Apache-2.0
//! System-call numbers.

numbered! {
    /// The number a program puts in RDX, on AArch32 in R7: a negative word, sign-extended.
    ///
    /// Numbers are fixed: a call that a build leaves out leaves a hole, which raises an UnknownSyscall fault.
    Syscall: i64 {
        /// Sends and waits for the reply.
        Call = -1,
        /// Replies through a reply object, then receives.
        ReplyRecv = -2,
        /// Sends without blocking, then receives with a reply object.
        NBSendRecv = -3,
        /// Sends without blocking, then receives without a reply object.
        NBSendWait = -4,
        /// Sends, blocking until a receiver comes.
        Send = -5,
        /// Sends only if a receiver waits.
        NBSend = -6,
        /// Receives with a reply object.
        Recv = -7,
        /// Receives with a reply object if a sender waits.
        NBRecv = -8,
        /// Receives without a reply object.
        Wait = -9,
        /// Receives without a reply object if a sender waits.
        NBWait = -10,
        /// Gives up the rest of the current refill.
        Yield = -11,
        /// Writes one character to the debug console.
        DebugPutChar = -12,
        /// Prints the threads.
        DebugDumpScheduler = -13,
        /// Halts this instance.
        DebugHalt = -14,
        /// Returns the type tag of a capability.
        DebugCapIdentify = -15,
        /// Prints the capabilities.
        DebugSnapshot = -16,
        /// Names a thread in debug output.
        DebugNameThread = -17,
        /// Sends an interrupt to another core of the same kernel.
        DebugSendIpi = -18,
        /// Returns the core a thread is on.
        DebugGetThreadAffinity = -19,
        /// Runs a user function in the kernel.
        DebugRun = -20,
        /// Writes back and invalidates the caches.
        BenchmarkFlushCaches = -21,
        /// Starts counting.
        BenchmarkResetLog = -22,
        /// Stops counting.
        BenchmarkFinalizeLog = -23,
        /// Sets the page that takes the log.
        BenchmarkSetLogBuffer = -24,
        /// Enters the kernel and returns.
        BenchmarkNullSyscall = -25,
        /// Reads the counters of a thread.
        BenchmarkGetThreadUtilisation = -26,
        /// Clears the counters of a thread.
        BenchmarkResetThreadUtilisation = -27,
        /// Prints the counters of all threads.
        BenchmarkDumpAllThreadsUtilisation = -28,
        /// Clears the counters of all threads.
        BenchmarkResetAllThreadsUtilisation = -29,
        /// Writes any model-specific register.
        X86DangerousWrmsr = -30,
        /// Reads any model-specific register.
        X86DangerousRdmsr = -31,
        /// Enters a virtual machine.
        VmEnter = -32,
        /// Sets the caller's TLS pointer: FS base, on AArch32 TPIDRURO.
        SetTLSBase = -33,
    }
}

impl Syscall {
    /// Is this one of the eleven calls that send, receive or yield?
    #[inline]
    pub const fn is_api(self) -> bool {
        self as i64 >= Self::Yield as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_full_sign_extended_word_is_a_call() {
        assert_eq!(Syscall::from_word(u64::MAX), Some(Syscall::Call));
        assert_eq!(Syscall::from_word(0xffff_ffff), None);
        assert_eq!(Syscall::from_word(0), None);
        assert_eq!(Syscall::from_word(1), None);
    }

    #[test]
    fn numbers_run_from_minus_one_to_minus_thirty_three_without_a_hole() {
        assert_eq!(Syscall::ALL.len(), 33);
        for (index, &call) in Syscall::ALL.iter().enumerate() {
            assert_eq!(call as i64, -1 - index as i64);
            assert_eq!(Syscall::from_word(call.word()), Some(call));
        }
    }

    #[test]
    fn eleven_calls_belong_to_the_api() {
        assert_eq!(Syscall::ALL.iter().filter(|call| call.is_api()).count(), 11);
        assert!(Syscall::Yield.is_api());
        assert!(!Syscall::DebugPutChar.is_api());
    }
}
