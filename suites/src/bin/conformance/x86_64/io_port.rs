// SPDX-License-Identifier: MIT OR Apache-2.0
//! IO ports and their control. The ports of the PCI configuration mechanism are read and written, which every PC has.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{Env, invoke, kind};
use abi::{CapTag, Label, Rights};
use userland::object::Ports;
use userland::{Capability, Error, INIT_CNODE, INIT_TCB, IO_PORT_CONTROL, IoPort, Slot};

tests!(
    io_port_control_issue_checks_in_order,
    io_port_control_issue_gives_a_port_once,
    io_port_control_issue_takes_ports_modulo_their_number,
    io_port_control_revoke_deletes_ports,
    io_port_in8_and_its_kin_check_in_order,
    io_port_in8_reads_a_byte,
    io_port_in16_reads_two_bytes,
    io_port_in32_reads_four_bytes,
    io_port_out8_and_its_kin_check_in_order,
    io_port_out8_writes_a_byte,
    io_port_out16_writes_two_bytes,
    io_port_out32_writes_four_bytes,
    io_port_deleted_gives_its_range_back,
);

/// Ports that nothing listens to.
const FREE: Ports = Ports { first: 0x9000, last: 0x9007 };
/// Address and data of the PCI configuration; the address keeps what is written to it.
const PCI: Ports = Ports { first: 0xcf8, last: 0xcff };

fn issue(env: &mut Env, ports: Ports) -> Result<Result<IoPort, Error>, userland::AllocError> {
    let slot = env.slot()?;
    Ok(IO_PORT_CONTROL.issue(ports, slot.slot()).map(|()| IoPort(slot)))
}

fn io_port_control_issue_checks_in_order(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let (label, words) = (Label::IoPortControlIssue, [2, 1, slot.0, 65]);
    refused(invoke(IO_PORT_CONTROL, Label::IoPortIn8, &words, &[INIT_CNODE.0]), Error::IllegalOperation)?;
    refused(invoke(IO_PORT_CONTROL, label, &words[..3], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IO_PORT_CONTROL, label, &words, &[]), Error::TruncatedMessage)?;
    let nowhere = Slot { depth: 65, ..slot.slot() };
    let backwards = Ports { first: FREE.last, last: FREE.first };
    refused(IO_PORT_CONTROL.issue(backwards, nowhere), Error::InvalidArgument(1))?;
    let first = issue(env, FREE)?;
    if first == Err(Error::RevokeFirst) {
        // Another instance owns the ports.
        return Ok(());
    }
    first?;
    refused(IO_PORT_CONTROL.issue(FREE, nowhere), Error::RevokeFirst)?;
    let behind = Ports { first: FREE.last + 1, last: FREE.last + 1 };
    refused(IO_PORT_CONTROL.issue(behind, nowhere), Error::Range(1, 64))?;
    refused(IO_PORT_CONTROL.issue(behind, INIT_TCB.slot()), Error::DeleteFirst)?;
    IO_PORT_CONTROL.issue(behind, slot.slot())?;
    same(kind(slot), Some(CapTag::IoPort))
}

fn io_port_control_issue_gives_a_port_once(env: &mut Env) -> Outcome {
    if issue(env, FREE)?.is_err() {
        return Ok(());
    }
    for (first, last) in [(0x9007, 0x9010), (0x8ff0, 0x9000), (0x9003, 0x9003), (0x8000, 0xa000)] {
        refused(issue(env, Ports { first, last })?, Error::RevokeFirst)?;
    }
    Ok(())
}

fn io_port_control_issue_takes_ports_modulo_their_number(env: &mut Env) -> Outcome {
    let beyond = Ports { first: FREE.first | 0x5_0000, last: FREE.last | 0x3_0000 };
    let Ok(port) = issue(env, beyond)? else { return Ok(()) };
    port.in8(FREE.first as u16)?;
    port.in8(FREE.last as u16)?;
    Ok(())
}

fn io_port_control_revoke_deletes_ports(env: &mut Env) -> Outcome {
    let Ok(port) = issue(env, FREE)? else { return Ok(()) };
    let copy = env.copy(port, Rights::ALL)?;
    if env.boot.argument("console").is_some() {
        // The console's own port would go with them.
        return Ok(());
    }
    IO_PORT_CONTROL.slot().revoke()?;
    same([kind(port.0), kind(copy.0)], [Some(CapTag::Null); 2])
}

fn io_port_in8_and_its_kin_check_in_order(env: &mut Env) -> Outcome {
    let Ok(port) = issue(env, FREE)? else { return Ok(()) };
    refused(invoke(port, Label::IoPortControlIssue, &[0x9000; 4], &[INIT_CNODE.0]), Error::IllegalOperation)?;
    for (label, width) in [(Label::IoPortIn8, 1), (Label::IoPortIn16, 2), (Label::IoPortIn32, 4)] {
        refused(invoke(port, label, &[], &[]), Error::TruncatedMessage)?;
        refused(invoke(port, label, &[0x8fff], &[]), Error::IllegalOperation)?;
        refused(invoke(port, label, &[0x9008 - width + 1], &[]), Error::IllegalOperation)?;
        let reply = invoke(port, label, &[0x9008 - width], &[])?;
        same((reply.info.length(), reply.info.label()), (1, 0))?;
    }
    Ok(())
}

fn io_port_out8_and_its_kin_check_in_order(env: &mut Env) -> Outcome {
    let Ok(port) = issue(env, FREE)? else { return Ok(()) };
    for (label, width) in [(Label::IoPortOut8, 1), (Label::IoPortOut16, 2), (Label::IoPortOut32, 4)] {
        refused(invoke(port, label, &[0x9000], &[]), Error::TruncatedMessage)?;
        refused(invoke(port, label, &[0x8fff, 0], &[]), Error::IllegalOperation)?;
        refused(invoke(port, label, &[0x9008 - width + 1, 0], &[]), Error::IllegalOperation)?;
        same(invoke(port, label, &[0x9008 - width, 0], &[])?.info.word(), 0)?;
    }
    Ok(())
}

/// The ports of the PCI configuration, with the registers of the host bridge from `register` on behind the data port.
fn bridge(env: &mut Env, register: u32) -> Result<Option<IoPort>, crate::check::Failure> {
    let Ok(pci) = issue(env, PCI)? else { return Ok(None) };
    pci.out32(0xcf8, 0x8000_0000 | register)?;
    Ok(Some(pci))
}

/// The registers of vendor and device, which cannot be written.
const IDENTITY: u32 = 0;
/// The registers of the interrupt line, the first of which is plain memory.
const INTERRUPT: u32 = 0x3c;

fn io_port_in8_reads_a_byte(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, IDENTITY)? else { return Ok(()) };
    let bytes = [pci.in8(0xcfc)?, pci.in8(0xcfd)?];
    same(bytes[1] << 8 | bytes[0], pci.in16(0xcfc)?)
}

fn io_port_in16_reads_two_bytes(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, IDENTITY)? else { return Ok(()) };
    let both = pci.in32(0xcfc)?;
    same([pci.in16(0xcfc)?, pci.in16(0xcfe)?], [both & 0xffff, both >> 16])
}

fn io_port_in32_reads_four_bytes(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, IDENTITY)? else { return Ok(()) };
    same(pci.in32(0xcf8)?, 0x8000_0000)
}

fn io_port_out8_writes_a_byte(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, INTERRUPT)? else { return Ok(()) };
    let old = pci.in8(0xcfc)?;
    for byte in [0x5a, 0xa5] {
        // What exceeds a byte is cut off.
        invoke(pci, Label::IoPortOut8, &[0xcfc, 0xffff_ff00 | byte], &[])?;
        same(pci.in8(0xcfc)?, byte)?;
    }
    pci.out8(0xcfc, old as u8)?;
    Ok(())
}

fn io_port_out16_writes_two_bytes(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, INTERRUPT)? else { return Ok(()) };
    let old = pci.in16(0xcfc)?;
    // The upper byte cannot be written.
    invoke(pci, Label::IoPortOut16, &[0xcfc, 0xffff_0000 | old & 0xff00 | 0x77], &[])?;
    same(pci.in16(0xcfc)?, old & 0xff00 | 0x77)?;
    pci.out16(0xcfc, old as u16)?;
    Ok(())
}

fn io_port_out32_writes_four_bytes(env: &mut Env) -> Outcome {
    let Some(pci) = bridge(env, IDENTITY)? else { return Ok(()) };
    for address in [0x8000_0000, 0x8000_0004, 0x8000_f804] {
        pci.out32(0xcf8, address)?;
        same(pci.in32(0xcf8)?, u64::from(address))?;
    }
    invoke(pci, Label::IoPortOut32, &[0xcf8, 0xdead_0000_8000_0008], &[])?;
    same(pci.in32(0xcf8)?, 0x8000_0008)
}

fn io_port_deleted_gives_its_range_back(env: &mut Env) -> Outcome {
    let Ok(port) = issue(env, FREE)? else { return Ok(()) };
    let copy = env.copy(port, Rights::ALL)?;
    port.slot().delete()?;
    refused(issue(env, FREE)?, Error::RevokeFirst)?;
    copy.slot().delete()?;
    issue(env, FREE)??;
    Ok(())
}
