// SPDX-License-Identifier: MIT OR Apache-2.0
//! `include/skerry.h` says the same as this crate: numbers, sizes and offsets, checked by the C compiler of the
//! architecture that this test is compiled for.

use std::fmt::Display;
use std::io::Write;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::{Command, Stdio};

use abi::chunk::{ChunkId, skerry};
use abi::start::{self, Request};
use abi::{FaultKind, Label, Rights, Syscall, ipc_buffer, limits};

/// The C compiler: the host's, and on 32 bits the one that links these tests.
const COMPILER: &str = if cfg!(target_arch = "arm") { "arm-linux-gnueabihf-gcc" } else { "cc" };

/// Assertions in C.
#[derive(Default)]
struct Asserts(String);

impl Asserts {
    fn equal(&mut self, c: &str, rust: impl Display) {
        self.0 += &format!("_Static_assert(({c}) == ({rust}), \"{c}\");\n");
    }
}

macro_rules! layouts {
    ($asserts:ident: $($rust:ty as $c:ident { $($field:ident),+ })+) => {
        $(
            $asserts.equal(concat!("sizeof(struct ", stringify!($c), ")"), size_of::<$rust>());
            $(
                let field = concat!("offsetof(struct ", stringify!($c), ", ", stringify!($field), ")");
                $asserts.equal(field, offset_of!($rust, $field));
            )+
        )+
    };
}

/// The C compiler's complaints about the header followed by this text.
fn complaints(text: &str) -> String {
    let include = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("../include");
    let mut compiler = Command::new(COMPILER);
    compiler.args([
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-ffreestanding",
        "-O2", // some warnings are of optimisations
        "-S",
        "-o",
        "/dev/null",
        "-x",
        "c",
        "-",
    ]);
    compiler.arg("-I").arg(include).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut compiler = compiler.spawn().expect("a C compiler is a prerequisite");
    let source = format!("#include <skerry.h>\n{text}");
    compiler.stdin.take().expect("piped").write_all(source.as_bytes()).expect("the compiler reads");
    let output = compiler.wait_with_output().expect("the compiler ends");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn structures_have_the_same_layout() {
    let mut asserts = Asserts::default();
    layouts! { asserts:
        skerry::Table as skerry_table { offset, count }
        skerry::Peer as skerry_chunk_peer {
            instance, apic_id, name, tsc_offset, tsc_uncertainty, status_slot, control_slot
        }
        skerry::Channel as skerry_chunk_channel { peer, direction, lines, flags, name }
        skerry::Region as skerry_chunk_region {
            name, size, first_slot, slot_count, page_bits, rights, reserved
        }
        skerry::Device as skerry_chunk_device { kind, reserved, base, size, name }
        start::Head as skerry_info {
            buffer, tcb, magic, version, len, name, instance, service, events, starts, tsc_mhz, budget_us, period_us,
            arguments, regions, channels, interrupts, ports, registers, timeouts, timeout_endpoint, timeout_reply
        }
        start::Region as skerry_region { name, address, size, rights, reserved }
        start::Channel as skerry_channel {
            name, direction, lines, flags, peer, first_slot, first_event, reserved, status
        }
        start::Interrupt as skerry_interrupt { name, slot, event, message_data, message_address }
        start::Ports as skerry_ports { name, first, last, slot }
        start::Registers as skerry_registers { name, address, size }
        start::Timeout as skerry_timeout { name, number }
    }
    // The fixed part of the chunk follows its header.
    asserts.equal("offsetof(struct skerry_chunk, version)", abi::chunk::HEADER_LEN);
    asserts.equal("sizeof(struct skerry_chunk)", abi::chunk::HEADER_LEN + size_of::<skerry::Head>());
    let devices = abi::chunk::HEADER_LEN + offset_of!(skerry::Head, devices);
    asserts.equal("offsetof(struct skerry_chunk, devices)", devices);
    assert_eq!(complaints(&asserts.0), "");
}

#[test]
fn numbers_are_the_same() {
    let mut asserts = Asserts::default();
    for (c, rust) in [
        ("SKERRY_LABEL_ISSUE_LINE_SIGNAL", Label::IssueLineSignal.word()),
        ("SKERRY_LABEL_GET_LINE", Label::GetLine.word()),
        ("SKERRY_LABEL_INSTANCE_STOP", Label::InstanceStop.word()),
        ("SKERRY_LABEL_INSTANCE_START", Label::InstanceStart.word()),
        ("SKERRY_LABEL_TCB_FORBID_DEBUG", Label::TcbForbidDebug.word()),
        ("SKERRY_LABEL_ACK", Label::IrqHandlerAck.word()),
        ("SKERRY_CHUNK_ID", ChunkId::Skerry.word()),
        ("SKERRY_CHUNK_VERSION", skerry::VERSION.into()),
        ("SKERRY_CHANNEL_ACK", skerry::Channel::ACK.into()),
        ("SKERRY_RECEIVE", skerry::Direction::Receive.word()),
        ("SKERRY_SEND", skerry::Direction::Send.word()),
        ("SKERRY_MMIO", skerry::DeviceKind::Mmio.word()),
        ("SKERRY_IO_PORTS", skerry::DeviceKind::IoPorts.word()),
        ("SKERRY_IO_APIC", skerry::DeviceKind::IoApic.word()),
        ("SKERRY_RIGHT_WRITE", Rights::WRITE.word()),
        ("SKERRY_RIGHT_READ", Rights::READ.word()),
        ("SKERRY_INFO_ADDRESS", start::INFO),
        ("SKERRY_INFO_MAGIC", start::MAGIC),
        ("SKERRY_INFO_VERSION", start::VERSION.into()),
        ("SKERRY_REQUEST_PRINT", Request::Print.word()),
        ("SKERRY_REQUEST_ROW", Request::Row.word()),
        ("SKERRY_REQUEST_EXIT", Request::Exit.word()),
        ("SKERRY_REQUEST_GIVE_UP", Request::GiveUp.word()),
        ("SKERRY_REQUEST_SET_PRIORITY", Request::SetPriority.word()),
        ("SKERRY_FAULT_TIMEOUT", FaultKind::Timeout.word()),
        ("SKERRY_MAX_LINE", start::MAX_LINE as u64),
        ("SKERRY_NAME_SIZE", limits::MAX_NAME as u64),
        ("SKERRY_MAX_LENGTH", ipc_buffer::MAX_LENGTH as u64),
        ("SKERRY_BUFFER_MESSAGE * sizeof(skerry_word)", ipc_buffer::MSG_OFFSET as u64),
        ("SKERRY_BUFFER_CAPS * sizeof(skerry_word)", ipc_buffer::CAPS_OFFSET as u64),
    ] {
        asserts.equal(c, rust);
    }
    for (c, call) in [
        ("SKERRY_CALL", Syscall::Call),
        ("SKERRY_SEND_CALL", Syscall::Send),
        ("SKERRY_RECV_CALL", Syscall::Recv),
        ("SKERRY_WAIT_CALL", Syscall::Wait),
        ("SKERRY_NB_WAIT_CALL", Syscall::NBWait),
        ("SKERRY_YIELD_CALL", Syscall::Yield),
    ] {
        asserts.equal(c, call.word() as i64);
    }
    assert_eq!(complaints(&asserts.0), "");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn numbers_of_ports_are_the_same() {
    let mut asserts = Asserts::default();
    for (c, rust) in [
        ("SKERRY_LABEL_IN8", Label::IoPortIn8),
        ("SKERRY_LABEL_IN16", Label::IoPortIn16),
        ("SKERRY_LABEL_IN32", Label::IoPortIn32),
        ("SKERRY_LABEL_OUT8", Label::IoPortOut8),
        ("SKERRY_LABEL_OUT16", Label::IoPortOut16),
        ("SKERRY_LABEL_OUT32", Label::IoPortOut32),
    ] {
        asserts.equal(c, rust.word());
    }
    assert_eq!(complaints(&format!("#include <skerry-ports.h>\n{}", asserts.0)), "");
}

#[test]
fn a_program_that_looks_up_a_short_name_compiles_without_a_warning() {
    let program = "static int run(void)
        {
            const struct skerry_channel *here = skerry_channel(\"here\");
            while ((skerry_wait() & (skerry_word)1 << here->first_event) == 0) {
            }
            return 0;
        }
        SKERRY_PROGRAM(run);
        ";
    let complaints = complaints(program);
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn a_difference_is_a_complaint() {
    assert!(complaints("_Static_assert(SKERRY_CHUNK_ID == 1, \"wrong\");").contains("wrong"));
}
