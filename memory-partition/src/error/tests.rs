// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::string::ToString;

use super::*;

const RANGE: MemoryRange = MemoryRange { start: 0x1000, end: 0x3000 };
const OTHER: MemoryRange = MemoryRange { start: 0x2000, end: 0x4000 };

fn texts(cases: impl IntoIterator<Item = (PlanError, &'static str)>) {
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
        assert!(expected.contains("; "), "it says what to do: {expected}");
    }
}

#[test]
fn texts_about_cores_and_firmware() {
    let (core, firmware) = (PlanError::Core, PlanError::Firmware);
    let instance = || "a".into();
    texts([
        (
            PlanError::FootprintCount { instances: 3, footprints: 2 },
            "2 footprints for 3 instances; give one for each",
        ),
        (
            core(CoreError::BootCoreMissing { apic_id: 7 }),
            "ACPI table MADT: no enabled core with APIC id 7, on which the boot runs; check the firmware",
        ),
        (
            core(CoreError::NoSuchCore { instance: instance(), core: 4, cores: 4 }),
            "instance `a`, core: there is no core 4, the machine has 4, counted from 0; leave the core out to take a \
             free one",
        ),
        (
            firmware(FirmwareError::NoUsableMemory { ranges: 1 }),
            "memory map: 1 usable ranges, none with a page from 1 MiB up; give the machine more memory, or check that the \
             boot loader passes a memory map",
        ),
        (
            firmware(FirmwareError::LoadedOutside { what: Loaded::BootImage, range: RANGE }),
            "boot image at 0x1000..0x3000 is outside the memory the firmware calls usable; load it elsewhere",
        ),
        (
            firmware(FirmwareError::LoadedTwice {
                what: Loaded::Module(1),
                range: RANGE,
                other: Loaded::BootImage,
                other_range: OTHER,
            }),
            "module 1 at 0x1000..0x3000 overlaps boot image at 0x2000..0x4000; check the boot loader",
        ),
        (
            firmware(FirmwareError::NoTrampoline),
            "memory map: no free page in 0x1000..0xa0000 to start other cores in; keep modules above 1 MiB, or run \
             one instance",
        ),
    ]);
}

#[test]
fn texts_about_sizes() {
    let instance = || "a".into();
    let cases = [
        (
            SizeError::Region { region: "r".into(), wanted: 3 << 30, largest: 5 << 20 },
            "region `r`, size: 3 GiB wanted in one piece, the largest free range is 5 MiB; make it smaller or give \
             the machine more memory",
        ),
        (
            SizeError::Pages { instance: instance(), what: Bookkeeping::Log, wanted: 64 << 10, largest: 0 },
            "instance `a`: 64 KiB wanted for its log ring, the largest free range is 0 bytes; make regions smaller or \
             give the machine more memory",
        ),
        (
            SizeError::Partition { instance: instance(), wanted: 1 << 30, available: 513 },
            "instance `a`, memory: 1 GiB wanted, 513 bytes left; lower it or use \"rest\"",
        ),
        (
            SizeError::Reserve { instance: instance(), wanted: 2 << 20, largest: 1 << 20 },
            "instance `a`, memory: kernel and root task need 2 MiB in one piece, the largest piece is 1 MiB; give the \
             instance or the machine more memory",
        ),
        (
            SizeError::CNode { instance: instance(), wanted: 600, slots: 512 },
            "instance `a`, cnode_bits: 600 slots may be needed, the root CNode has 512; raise it, or make the sizes of \
             its regions multiples of 2 MiB",
        ),
    ];
    texts(cases.map(|(error, text)| (PlanError::Size(error), text)));
}

#[test]
fn texts_about_devices() {
    let device = || "d".into();
    let taken = |taken| DeviceError::RegistersTaken { device: device(), range: RANGE, taken, by: OTHER };
    let cases = [
        (
            taken(Taken::Memory),
            "device `d`, base: 0x1000..0x3000 overlaps usable memory at 0x2000..0x4000; check the address",
        ),
        (
            taken(Taken::IoApic),
            "device `d`, base: 0x1000..0x3000 overlaps an interrupt controller at 0x2000..0x4000; check the address",
        ),
        (
            taken(Taken::Kernel),
            "device `d`, base: 0x1000..0x3000 overlaps registers that the kernels use at 0x2000..0x4000; check the \
             address",
        ),
        (
            taken(Taken::Nothing),
            "device `d`, base: 0x1000..0x3000 overlaps addresses that cannot be mapped at 0x2000..0x4000; check the \
             address",
        ),
        (
            DeviceError::NoPorts { device: device(), architecture: Architecture::AArch32 },
            "device `d`, ports: aarch32 has no IO ports; give the address of its registers",
        ),
        (
            DeviceError::NoSuchIoApic { device: device(), index: 2, count: 1 },
            "device `d`, index: there is no IOAPIC 2, the machine has 1, counted from 0; check the number",
        ),
        (
            DeviceError::IoApicCannotReach { device: device(), instance: "a".into(), apic_id: 255 },
            "device `d`, owner: an IOAPIC reaches APIC ids up to 254, `a` runs on 255; name an owner on a lower core",
        ),
    ];
    texts(cases.map(|(error, text)| (PlanError::Device(error), text)));
}
