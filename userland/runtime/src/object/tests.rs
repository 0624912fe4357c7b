// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each invocation sends, compared with the tables of `docs/abi/invocations.md`.

use super::*;
use crate::capability::*;
use crate::ipc_buffer::IpcBuffer;
use crate::syscall::record;
use abi::{GuardData, Label, ObjectType, Rights, Syscall, TIME_WORDS, VmAttributes, time_word};

/// The words and capabilities of the one Call that `work` makes, with the capability invoked and the label.
fn sent(work: impl FnOnce()) -> (u64, u64, Vec<u64>, Vec<u64>) {
    let entries = record(work);
    let [entry] = entries.as_slice() else { panic!("one call expected, not {entries:?}") };
    assert_eq!(entry.number, Syscall::Call);
    let buffer = IpcBuffer::current();
    let word = |register: usize| entry.words.get(register).copied().unwrap_or_else(|| buffer.word(register));
    let words = (0..entry.info.length()).map(word).collect();
    let caps = (0..entry.info.extra_caps()).map(|index| buffer.badge(index)).collect();
    (entry.dest, entry.info.label(), words, caps)
}

macro_rules! sends {
    ($work:expr => $dest:literal $label:ident [$($word:expr),*] [$($cap:expr),*]) => {
        let (dest, label, words, caps) = sent(|| assert!($work.is_ok()));
        assert_eq!((dest, label), ($dest, Label::$label.word()), "{}", stringify!($work));
        let (expected_words, expected_caps): (&[u64], &[u64]) = (&[$($word),*], &[$($cap),*]);
        assert_eq!((words.as_slice(), caps.as_slice()), (expected_words, expected_caps), "{}", stringify!($work));
    };
}

const TARGET: Slot = Slot { root: CNode(CPtr(30)), index: 31, depth: 32 };
const SOURCE: Slot = Slot { root: CNode(CPtr(40)), index: 41, depth: 42 };

#[test]
fn untyped_and_cnode_operations_send_the_words_of_the_table() {
    sends!(Untyped(CPtr(9)).retype(ObjectType::CNode, 4, CPtr(50), 3) => 9 UntypedRetype [4, 4, 0, 0, 50, 3] [2]);
    sends!(TARGET.copy_from(SOURCE, Rights::ALL) => 30 CNodeCopy [31, 32, 41, 42, 15] [40]);
    sends!(TARGET.mint_from(SOURCE, Rights::READ, 77) => 30 CNodeMint [31, 32, 41, 42, 2, 77] [40]);
    sends!(TARGET.move_from(SOURCE) => 30 CNodeMove [31, 32, 41, 42] [40]);
    sends!(TARGET.mutate_from(SOURCE, GuardData(5)) => 30 CNodeMutate [31, 32, 41, 42, 5] [40]);
    sends!(TARGET.delete() => 30 CNodeDelete [31, 32] []);
    sends!(TARGET.revoke() => 30 CNodeRevoke [31, 32] []);
    sends!(TARGET.cancel_badged_sends() => 30 CNodeCancelBadgedSends [31, 32] []);
    let pivot = Mutated { slot: Slot { root: CNode(CPtr(60)), index: 61, depth: 62 }, guard: GuardData(6) };
    let source = Mutated { slot: SOURCE, guard: GuardData(7) };
    sends!(rotate(TARGET, pivot, source) => 30 CNodeRotate [31, 32, 6, 61, 62, 7, 41, 42] [60, 40]);
}

#[test]
fn thread_operations_send_the_words_of_the_table() {
    let tcb = Tcb(CPtr(9));
    let space = Space { cspace: CNode(CPtr(2)), guard: GuardData(5), vspace: VSpace(CPtr(3)) };
    let frame = SmallPage(CPtr(10));
    sends!(tcb.read_registers(Flow::Change, &mut [0; 20]) => 9 TcbReadRegisters [1, 20] []);
    sends!(tcb.write_registers(Flow::Change, &[7, 8, 9]) => 9 TcbWriteRegisters [1, 3, 7, 8, 9] []);
    let copied = Copied { suspend_source: true, resume_target: true, frame: true, integer: true };
    sends!(tcb.copy_registers(INIT_TCB, copied) => 9 TcbCopyRegisters [15] [1]);
    sends!(tcb.configure(space, Some((0x1000, frame))) => 9 TcbConfigure [5, 0, 0x1000] [2, 3, 10]);
    sends!(tcb.set_priority(INIT_TCB, 100) => 9 TcbSetPriority [100] [1]);
    sends!(tcb.set_mc_priority(INIT_TCB, 101) => 9 TcbSetMcPriority [101] [1]);
    let params = SchedParams { mcp: 1, priority: 2, context: None, fault_handler: Some(Endpoint(CPtr(8))) };
    sends!(tcb.set_sched_params(INIT_TCB, params) => 9 TcbSetSchedParams [1, 2] [1, 0, 8]);
    sends!(tcb.set_timeout_endpoint(None) => 9 TcbSetTimeoutEndpoint [] [0]);
    sends!(tcb.set_ipc_buffer(0x2000, frame) => 9 TcbSetIpcBuffer [0x2000] [10]);
    sends!(tcb.set_space(None, space) => 9 TcbSetSpace [5, 0] [0, 2, 3]);
    sends!(tcb.suspend() => 9 TcbSuspend [] []);
    sends!(tcb.resume() => 9 TcbResume [] []);
    sends!(tcb.bind_notification(Notification(CPtr(4))) => 9 TcbBindNotification [] [4]);
    sends!(tcb.unbind_notification() => 9 TcbUnbindNotification [] []);
    sends!(tcb.set_tls_base(0x7000) => 9 TcbSetTlsBase [0x7000] []);
    sends!(tcb.set_flags(1, 0) => 9 TcbSetFlags [1, 0] []);
    sends!(tcb.forbid_debug() => 9 TcbForbidDebug [] []);
}

#[test]
fn scheduling_operations_send_the_words_of_the_table() {
    let context = SchedContext(CPtr(9));
    sends!(context.bind(INIT_TCB) => 9 SchedContextBind [] [1]);
    sends!(context.unbind() => 9 SchedContextUnbind [] []);
    sends!(context.unbind_object(Notification(CPtr(4))) => 9 SchedContextUnbindObject [] [4]);
    sends!(context.consumed() => 9 SchedContextConsumed [] []);
    sends!(context.yield_to() => 9 SchedContextYieldTo [] []);
    sends!(DOMAIN.set(0, INIT_TCB) => 11 DomainSetSet [0] [1]);
    sends!(DOMAIN.schedule_set_start(1) => 11 DomainScheduleSetStart [1] []);
}

/// Times as words of a message.
fn words_of(times: &[u64]) -> Vec<u64> {
    times.iter().flat_map(|&time| (0..TIME_WORDS).map(move |index| time_word(time, index))).collect()
}

#[test]
fn times_take_as_many_words_as_the_processor_needs() {
    const LONG: u64 = 0x1_0000_0002;
    let parameters = SchedParameters { budget_us: 1, period_us: LONG, extra_refills: 3, data: 4, flags: 5 };
    let (_, label, words, caps) = sent(|| {
        assert!(SchedControl(CPtr(16)).configure(SchedContext(CPtr(9)), parameters).is_ok());
    });
    assert_eq!((label, caps), (Label::SchedControlConfigureFlags.word(), vec![9]));
    assert_eq!(words, [words_of(&[1, LONG]), vec![3, 4, 5]].concat());
    let (_, label, words, _) = sent(|| assert!(IrqHandler(CPtr(9)).ack_lines(LONG).is_ok()));
    assert_eq!((label, words), (Label::IrqHandlerAckLines.word(), words_of(&[LONG])));
    let (_, label, words, _) = sent(|| assert!(DOMAIN.schedule_configure(1, 2, LONG).is_ok()));
    assert_eq!(label, Label::DomainScheduleConfigure.word());
    assert_eq!(words, [vec![1, 2], words_of(&[LONG])].concat());
}

#[test]
fn address_space_operations_send_the_words_of_the_table() {
    let attributes = VmAttributes::CACHE_DISABLED;
    sends!(Pdpt(CPtr(9)).map(INIT_VSPACE, 0x1000, attributes) => 9 PdptMap [0x1000, 2] [3]);
    sends!(Pdpt(CPtr(9)).unmap() => 9 PdptUnmap [] []);
    sends!(PageDirectory(CPtr(9)).map(INIT_VSPACE, 0x1000, attributes) => 9 PageDirectoryMap [0x1000, 2] [3]);
    sends!(PageDirectory(CPtr(9)).unmap() => 9 PageDirectoryUnmap [] []);
    sends!(PageTable(CPtr(9)).map(INIT_VSPACE, 0x1000, attributes) => 9 PageTableMap [0x1000, 2] [3]);
    sends!(PageTable(CPtr(9)).unmap() => 9 PageTableUnmap [] []);
    sends!(LargePage(CPtr(9)).map(INIT_VSPACE, 0x1000, Rights::READ, attributes) => 9 PageMap [0x1000, 2, 2] [3]);
    sends!(SmallPage(CPtr(9)).unmap() => 9 PageUnmap [] []);
    sends!(HugePage(CPtr(9)).get_address() => 9 PageGetAddress [] []);
    sends!(ASID_CONTROL.make_pool(Untyped(CPtr(8)), TARGET) => 5 AsidControlMakePool [31, 32] [8, 30]);
    sends!(INIT_ASID_POOL.assign(VSpace(CPtr(8))) => 6 AsidPoolAssign [] [8]);
}

#[test]
fn interrupt_and_port_operations_send_the_words_of_the_table() {
    let pin = Pin { ioapic: 1, pin: 2, level: 3, polarity: 4 };
    let msi = Msi { bus: 1, device: 2, function: 3, handle: 4 };
    sends!(IRQ_CONTROL.get(5, TARGET) => 4 IrqControlGet [5, 31, 32] [30]);
    sends!(IRQ_CONTROL.get_ioapic(TARGET, pin, 7) => 4 IrqControlGetIoApic [31, 32, 1, 2, 3, 4, 7] [30]);
    sends!(IRQ_CONTROL.get_msi(TARGET, msi, 7) => 4 IrqControlGetMsi [31, 32, 1, 2, 3, 4, 7] [30]);
    sends!(IRQ_CONTROL.get_line(6, 2, TARGET) => 4 GetLine [6, 2, 31, 32] [30]);
    sends!(IRQ_CONTROL.issue_line_signal(6, 2, TARGET) => 4 IssueLineSignal [6, 2, 31, 32] [30]);
    sends!(IrqHandler(CPtr(9)).ack() => 9 IrqHandlerAck [] []);
    sends!(IrqHandler(CPtr(9)).set_notification(Notification(CPtr(4))) => 9 IrqHandlerSetNotification [] [4]);
    sends!(IrqHandler(CPtr(9)).clear() => 9 IrqHandlerClear [] []);
    sends!(IO_PORT_CONTROL.issue(Ports { first: 1, last: 2 }, TARGET) => 7 IoPortControlIssue [1, 2, 31, 32] [30]);
    sends!(IoPort(CPtr(9)).in8(0x70) => 9 IoPortIn8 [0x70] []);
    sends!(IoPort(CPtr(9)).in16(0x70) => 9 IoPortIn16 [0x70] []);
    sends!(IoPort(CPtr(9)).in32(0x70) => 9 IoPortIn32 [0x70] []);
    sends!(IoPort(CPtr(9)).out8(0x70, 1) => 9 IoPortOut8 [0x70, 1] []);
    sends!(IoPort(CPtr(9)).out16(0x70, 2) => 9 IoPortOut16 [0x70, 2] []);
    sends!(IoPort(CPtr(9)).out32(0x70, 3) => 9 IoPortOut32 [0x70, 3] []);
    sends!(InstanceControl(CPtr(9)).stop() => 9 InstanceStop [] []);
    sends!(InstanceControl(CPtr(9)).start() => 9 InstanceStart [] []);
}
