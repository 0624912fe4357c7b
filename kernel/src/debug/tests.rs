// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/syscalls.md, "Debug and benchmark calls".

use abi::Syscall::*;
use abi::status::Word as StatusWord;
use abi::{CapTag, WORD_BYTES};
use arch::Effect;

use super::*;
use crate::Resume;
use crate::error::Fault;
use crate::ipc::testing::World;
use crate::object::tcb::ThreadState;

const ALL: Profile =
    Profile { printing: true, debug_calls: true, benchmarks: true, explains: false, has_runner: true };

fn world_with(profile: Profile) -> (World, ObjRef<Tcb>) {
    let mut world = World::new();
    world.kernel.config.profile = profile;
    let tcb = world.thread(5);
    world.put(1, Cap::Thread(tcb));
    (world, tcb)
}

fn console(world: &World) -> String {
    String::from_utf8_lossy(&world.kernel.machine.console).into_owned()
}

/// Puts `name` where DebugNameThread looks for it.
fn write_name(world: &mut World, tcb: ObjRef<Tcb>, name: &[u8]) {
    let buffer = world.buffer(tcb);
    for (index, word) in name.chunks(WORD_BYTES).enumerate() {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        buffer.write(&mut world.kernel.objs, MSG_OFFSET + index * WORD_BYTES, u64::from_le_bytes(bytes));
    }
}

#[test]
fn calls_exist_as_the_profile_says() {
    let none = Profile::from_word(0);
    let groups = [
        (Profile { printing: true, ..none }, vec![DebugPutChar, DebugDumpScheduler]),
        (
            Profile { debug_calls: true, ..none },
            vec![DebugHalt, DebugSnapshot, DebugCapIdentify, DebugNameThread],
        ),
        (
            Profile { benchmarks: true, ..none },
            vec![BenchmarkFlushCaches, BenchmarkResetLog, BenchmarkFinalizeLog, BenchmarkNullSyscall],
        ),
    ];
    for (profile, calls) in &groups {
        for call in groups.iter().flat_map(|(_, calls)| calls) {
            let (mut world, tcb) = world_with(*profile);
            world.run(tcb);
            let known = world.kernel.handle_debug_call(*call) == DebugCall::Done;
            assert_eq!(known, calls.contains(call), "{call:?} in {profile:?}");
        }
    }
}

#[test]
fn calls_of_other_builds_are_unknown_in_every_profile() {
    for call in [
        DebugSendIpi,
        DebugGetThreadAffinity,
        DebugRun,
        BenchmarkSetLogBuffer,
        BenchmarkGetThreadUtilisation,
        BenchmarkResetThreadUtilisation,
        BenchmarkDumpAllThreadsUtilisation,
        BenchmarkResetAllThreadsUtilisation,
        X86DangerousWrmsr,
        X86DangerousRdmsr,
        VmEnter,
    ] {
        let (mut world, tcb) = world_with(ALL);
        world.syscall(tcb, call, 0, 0);
        assert_eq!(world.state(tcb), ThreadState::Inactive, "{call:?}");
    }
}

#[test]
fn a_thread_without_debug_calls_finds_a_kernel_without_them() {
    for call in [
        DebugPutChar,
        DebugDumpScheduler,
        DebugHalt,
        DebugSnapshot,
        DebugCapIdentify,
        DebugNameThread,
        BenchmarkFlushCaches,
        BenchmarkResetLog,
    ] {
        let (mut world, tcb) = world_with(ALL);
        world.kernel.objs[tcb].debug_forbidden = 1;
        world.syscall(tcb, call, 0x41, 0);
        assert_eq!(world.state(tcb), ThreadState::Inactive, "{call:?} is no system call of this thread");
        assert!(!console(&world).starts_with('A') && world.kernel.stopped.is_none(), "{call:?}");
    }
    let (mut world, tcb) = world_with(ALL);
    world.kernel.objs[tcb].debug_forbidden = 1;
    assert_eq!(world.syscall(tcb, BenchmarkNullSyscall, 0, 0), Resume::Thread(tcb), "it has no effect");
}

#[test]
fn put_char_writes_the_low_byte_and_costs_nothing() {
    let (mut world, tcb) = world_with(ALL);
    world.kernel.machine.time = arch::Ticks(1 << 40);
    assert_eq!(world.syscall(tcb, DebugPutChar, 0x141, 0), Resume::Thread(tcb));
    assert_eq!((console(&world).as_str(), world.message_of(tcb).0), ("A", 0x141));
}

#[test]
fn cap_identify_answers_the_tag_or_zero() {
    let (mut world, tcb) = world_with(ALL);
    world.endpoint(2);
    for (cptr, tag) in [(1, CapTag::Tcb), (2, CapTag::Endpoint), (3, CapTag::Null), (1 << 31, CapTag::Null)] {
        world.syscall(tcb, DebugCapIdentify, cptr, 0);
        assert_eq!(world.message_of(tcb).0, tag.word());
    }
}

#[test]
fn a_thread_gets_its_name_cut_to_what_is_kept() {
    let (mut world, tcb) = world_with(ALL);
    write_name(&mut world, tcb, b"rowing boat\0");
    world.syscall(tcb, DebugNameThread, 1, 0);
    assert_eq!(name_of(&world.kernel.objs[tcb]).to_string(), "rowing boat");
    write_name(&mut world, tcb, &[[b'x'; 200].as_slice(), &[0]].concat());
    world.syscall(tcb, DebugNameThread, 1, 0);
    assert_eq!(name_of(&world.kernel.objs[tcb]).to_string(), "x".repeat(NAME_LENGTH));
}

#[test]
fn a_bad_name_is_reported_and_changes_nothing() {
    let (mut world, tcb) = world_with(ALL);
    write_name(&mut world, tcb, b"first\0");
    world.syscall(tcb, DebugNameThread, 1, 0);
    world.endpoint(2);
    assert_eq!(world.syscall(tcb, DebugNameThread, 2, 0), Resume::Thread(tcb));
    write_name(&mut world, tcb, &[b'x'; NAME_SIZE]);
    world.syscall(tcb, DebugNameThread, 1, 0);
    world.drop_buffer(tcb);
    world.syscall(tcb, DebugNameThread, 1, 0);
    assert_eq!(name_of(&world.kernel.objs[tcb]).to_string(), "first");
    assert_eq!(console(&world).lines().count(), 3);
}

#[test]
fn halt_stops_the_instance_for_good() {
    let (mut world, tcb) = world_with(ALL);
    let stopped = Resume::Stopped(StopReason::Halted);
    assert_eq!(world.syscall(tcb, DebugHalt, 0, 0), stopped);
    assert!(world.kernel.machine.effects.contains(&Effect::StopSelf(StopReason::Halted)));
    assert!(console(&world).contains("halted"));
}

#[test]
fn the_scheduler_dump_lists_every_thread_with_what_it_does() {
    let (mut world, tcb) = world_with(ALL);
    let threads = [tcb, world.thread(7), world.thread(200), world.thread(3)];
    for (thread, name) in threads.into_iter().zip([b"first", b"other", b"waits", b"still"]) {
        world.kernel.objs[thread].name[..5].copy_from_slice(name);
        world.kernel.list_thread(thread);
    }
    world.ready(threads[1]);
    let notification = world.notification(2);
    world.run(threads[2]);
    world.kernel.receive_signal(threads[2], notification, true);
    world.kernel.machine.stack_high_water = 1234;
    world.syscall(tcb, DebugDumpScheduler, 0, 0);
    let text = console(&world);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        "name state ip prio core",
        "still inactive 0x401000 3 0",
        "waits blocked on ntfn 0x401000 200 0",
        "other running 0x401000 7 0",
        "first running 0x401000 5 0",
        "kernel stack: 1234 bytes used at most",
    ];
    assert_eq!(rows, expected.map(|row| row.split(' ').collect::<Vec<_>>()), "{text}");
    assert!(text.lines().take(5).all(|line| line.len() == 66), "{text}");
    assert_eq!(world.kernel.counted(StatusWord::StackHighWater), 1234);
}

#[test]
fn a_thread_that_ends_is_not_listed_wherever_it_was() {
    for ended in 0..3 {
        let (mut world, tcb) = world_with(ALL);
        let threads = [tcb, world.thread(7), world.thread(9)];
        threads.iter().for_each(|&thread| world.kernel.list_thread(thread));
        world.kernel.forget_thread(threads[ended]);
        let mut listed = Vec::new();
        let mut next = world.kernel.threads;
        while let Some(thread) = next {
            assert_eq!(world.kernel.objs[thread].list_prev, listed.last().copied());
            listed.push(thread);
            next = world.kernel.objs[thread].list_next;
        }
        let left: Vec<_> = threads.into_iter().rev().filter(|&thread| thread != threads[ended]).collect();
        assert_eq!(listed, left);
    }
}

#[test]
fn the_message_about_a_fault_says_when_a_frame_was_invoked_by_a_label_that_elsewhere_means_map() {
    for (odd, lines) in [(false, 1), (true, 2)] {
        let (mut world, tcb) = world_with(ALL);
        world.kernel.has_odd_label = odd;
        world.fault(tcb, Fault::VmFault { address: 0x1000, code: 4 });
        assert_eq!(console(&world).lines().count(), lines);
        assert_eq!(console(&world).contains("GetAddress of a frame with the arguments of Map"), odd);
    }
}

#[test]
fn the_snapshot_lists_the_occupied_slots() {
    let (mut world, tcb) = world_with(ALL);
    world.endpoint(0x2a);
    world.syscall(tcb, DebugSnapshot, 0, 0);
    let text = console(&world);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("slot 0x2a: Endpoint"), "{text}");
}

#[test]
fn benchmark_calls_leave_the_registers_alone_but_for_the_reset() {
    let (mut world, tcb) = world_with(ALL);
    for (call, result) in [
        (BenchmarkFlushCaches, 9),
        (BenchmarkFinalizeLog, 9),
        (BenchmarkNullSyscall, 9),
        (BenchmarkResetLog, 0),
    ] {
        assert_eq!(world.syscall(tcb, call, 9, 0), Resume::Thread(tcb));
        assert_eq!(world.message_of(tcb).0, result, "{call:?}");
    }
}

#[test]
fn an_unhandled_fault_is_not_reported_where_nothing_is_printed() {
    let (mut world, tcb) = world_with(Profile { printing: false, ..ALL });
    world.fault(tcb, Fault::UserException { vector: 6, code: 0 });
    assert_eq!(console(&world), "");
}
