// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing a root task into memory.

use abi::sizes::{ASID_POOL_BITS, MIN_REFILLS, MIN_SCHED_CONTEXT_BITS, TABLE_BITS, TCB_BITS, WORD_BITS};
use abi::{BootInfo, SlotRegion, VmAttributes, cut, slots as fixed};
use arch::table::KERNEL_ENTRIES;
use arch::{Level, PageAccess, PageSize, PhysAddr, TableEntry, Ticks, VirtAddr};

use super::{BootError, Image, PAGE, RootTask, Slots};
use crate::cap::slot::{Mdb, Slot, SlotRef};
use crate::cap::{Cap, Mapping};
use crate::handover::Handover;
use crate::memory::objects::{ObjRef, Objects, Word};
use crate::memory::user::UserWord;
use crate::object::asid::{Asid, AsidPool};
use crate::object::sched_context::SchedContext;
use crate::object::table::find_entry;
use crate::object::tcb::{NAME_LENGTH, Tcb, TcbSlot, ThreadState};

/// The first address space of an instance; number 0 is never used.
const ROOT_ASID: Asid = Asid(1);
const ROOT_POOL_BASE: Asid = Asid(0);

/// Where the objects of a root task are, other than tables and threads.
struct Places {
    cnode: SlotRef,
    irq_slots: PhysAddr,
    extra: PhysAddr,
    root: PhysAddr,
    pool: ObjRef<AsidPool>,
    ipc_buffer: PhysAddr,
    boot_info: PhysAddr,
}

/// One root task under construction.
struct Builder<'b, A> {
    objs: &'b mut Objects,
    task: &'b RootTask<'b>,
    slots: Slots,
    allocate: A,
}

impl RootTask<'_> {
    /// Writes the root task, and the idle thread, and says in `handover` where they are.
    ///
    /// `extra` is the extra bootinfo, as long as announced. `allocate` hands out zeroed memory of `1 << bits` bytes,
    /// aligned to its size. The frames of the image hold the program already.
    pub fn build(
        &self,
        objs: &mut Objects,
        extra: &[u8],
        allocate: impl FnMut(u32) -> Option<PhysAddr>,
        handover: &mut Handover,
    ) -> Result<Slots, BootError> {
        if extra.len() != self.extra_len {
            return Err(BootError::ExtraLength { announced: self.extra_len, given: extra.len() });
        }
        let slots = Slots::of(self)?;
        let mut builder = Builder { objs, task: self, slots, allocate };
        let places = builder.allocate_places()?;
        builder.make_address_space(&places)?;
        builder.write_caps(&places);
        builder.write_boot_info(places.boot_info);
        builder.write_bytes(places.extra, extra);
        builder.make_threads(&places, handover)?;
        handover.root_vspace = places.root.0;
        handover.asid_pool = places.pool.paddr().0;
        handover.kernel_root = self.kernel_root.0;
        handover.irq_slots = places.irq_slots.0;
        handover.incoming_lines = u64::from(self.incoming_lines);
        handover.boot_info = places.boot_info.0;
        handover.variant = self.variant.to_word();
        Ok(slots)
    }
}

/// The object in memory that was allocated for it.
#[allow(unsafe_code)]
fn allocated<T>(paddr: PhysAddr) -> ObjRef<T> {
    // SAFETY: TYPED: the memory is the builder's own, zeroed, and of the size that was asked for.
    unsafe { ObjRef::at(paddr) }
}

impl<A: FnMut(u32) -> Option<PhysAddr>> Builder<'_, A> {
    fn memory(&mut self, bits: u32) -> Result<PhysAddr, BootError> {
        (self.allocate)(bits).ok_or(BootError::Memory { bits })
    }

    fn object<T>(&mut self, bits: u32) -> Result<ObjRef<T>, BootError> {
        self.memory(bits).map(allocated)
    }

    /// The parts of varying size come first, the largest of them in front (see [`super::Footprint`]).
    fn allocate_places(&mut self) -> Result<Places, BootError> {
        let blocks = self.task.blocks();
        let mut order = [0, 1, 2];
        order.sort_unstable_by_key(|&index| core::cmp::Reverse(blocks[index]));
        let mut found = [PhysAddr(0); 3];
        for index in order {
            if let Some(bits) = blocks[index] {
                found[index] = self.memory(bits)?;
            }
        }
        let [cnode, irq_slots, extra] = found;
        Ok(Places {
            cnode: allocated(cnode),
            irq_slots,
            extra,
            root: self.memory(TABLE_BITS)?,
            pool: self.object(ASID_POOL_BITS)?,
            ipc_buffer: self.memory(abi::sizes::SMALL_PAGE_BITS)?,
            boot_info: self.memory(abi::sizes::SMALL_PAGE_BITS)?,
        })
    }

    /// Builds the tables, with their capabilities, and maps everything.
    fn make_address_space(&mut self, places: &Places) -> Result<(), BootError> {
        self.objs[places.pool].roots[ROOT_ASID.index()] = places.root.0;
        let (own, kernel) = (allocated::<Word>(places.root), allocated::<Word>(self.task.kernel_root));
        for index in KERNEL_ENTRIES {
            self.objs[own.element(index)] = self.objs[kernel.element(index)];
        }
        let mut slot = self.slots.paging.slots().start;
        for level in Level::LOWER {
            let first = self.task.addresses().start >> level.span_bits();
            for span in first..first + self.task.tables_of(level) {
                let address = span << level.span_bits();
                let table = self.memory(TABLE_BITS)?;
                let parent = level.parent().unwrap_or(Level::TOP);
                self.set_entry(places.root, address, parent, TableEntry::user_table(table, 0));
                self.put(places.cnode, slot, Cap::Table { table, level, mapping: mapping_at(address) });
                slot += 1;
            }
        }
        let Image { start, pages, frames, .. } = self.task.image;
        // Which parts of the image are instructions is not said; what the kernel itself makes are data.
        self.map_pages(places.root, (start, frames, pages), VmAttributes::WRITE_BACK);
        let extra = (self.task.extra_start(), places.extra, self.slots.extra_pages.count());
        let (buffer, info) = (self.task.ipc_buffer(), self.task.boot_info());
        for data in [(buffer, places.ipc_buffer, 1), (info, places.boot_info, 1), extra] {
            self.map_pages(places.root, data, VmAttributes::EXECUTE_NEVER);
        }
        Ok(())
    }

    fn map_pages(
        &mut self,
        root: PhysAddr,
        (start, frames, count): (u64, PhysAddr, u64),
        attributes: VmAttributes,
    ) {
        for offset in (0..count).map(|index| index * PAGE) {
            let frame = PhysAddr(frames.0 + offset);
            let entry =
                TableEntry::page(frame, PageSize::Small, PageAccess::ReadWrite, attributes.pat_index());
            self.set_entry(root, start + offset, Level::PageTable, entry);
        }
    }

    fn set_entry(&mut self, root: PhysAddr, address: u64, level: Level, entry: TableEntry) {
        let place = find_entry(self.objs, root, address, level);
        let place = place.expect("the tables above were made before, level by level");
        self.objs[place].0 = entry.0;
    }

    fn write_caps(&mut self, places: &Places) {
        let (cnode, task, slots) = (places.cnode, self.task, self.slots);
        let radix = task.cnode_bits;
        let guard_bits = WORD_BITS as u8 - radix;
        self.put(cnode, fixed::INIT_CNODE, Cap::CNode { slots: cnode, radix, guard: 0, guard_bits });
        self.put(cnode, fixed::INIT_VSPACE, Cap::VSpace { root: places.root, asid: Some(ROOT_ASID) });
        self.put(cnode, fixed::IRQ_CONTROL, Cap::IrqControl);
        self.put(cnode, fixed::ASID_CONTROL, Cap::AsidControl);
        self.put(cnode, fixed::INIT_ASID_POOL, Cap::AsidPool { pool: places.pool, base: ROOT_POOL_BASE });
        self.put(cnode, fixed::IO_PORT_CONTROL, Cap::IoPortControl);
        self.put(cnode, fixed::DOMAIN, Cap::Domain);
        let single = |slot| SlotRegion::new(slot, slot + 1);
        self.put_frames(cnode, single(fixed::BOOT_INFO_FRAME), task.boot_info(), places.boot_info);
        self.put_frames(cnode, single(fixed::INIT_IPC_BUFFER), task.ipc_buffer(), places.ipc_buffer);
        self.put_frames(cnode, slots.extra_pages, task.extra_start(), places.extra);
        self.put_frames(cnode, slots.image_frames, task.image.start, task.image.frames);
        for (slot, node) in slots.sched_control.slots().zip(0..) {
            self.put(cnode, slot, Cap::SchedControl { node });
        }
        self.put_granted(cnode);
    }

    /// Consecutive small frames that are mapped at consecutive addresses.
    fn put_frames(&mut self, cnode: SlotRef, region: SlotRegion, address: u64, base: PhysAddr) {
        for (slot, offset) in region.slots().zip((0..).step_by(PAGE as usize)) {
            let frame = Cap::Frame {
                base: PhysAddr(base.0 + offset),
                size: PageSize::Small,
                access: PageAccess::ReadWrite,
                is_device: false,
                mapping: mapping_at(address + offset),
            };
            self.put(cnode, slot, frame);
        }
    }

    /// What the plan gives: shared regions, status pages, control over instances, untyped memory.
    fn put_granted(&mut self, cnode: SlotRef) {
        let task = self.task;
        let shared = task.regions.iter().flat_map(|region| {
            let frame = |index| PhysAddr(region.base.0 + (index << region.size.bits()));
            (0..region.count).map(move |index| device_frame(frame(index), region.size, region.access))
        });
        let status =
            task.status_pages.iter().map(|&page| device_frame(page, PageSize::Small, PageAccess::ReadOnly));
        let controls = task.controls.iter().map(|&instance| Cap::InstanceControl { instance });
        // Childless but fully used: the first Retype resets it, and clears it if it is normal memory (ZEROED).
        let untyped = task.untyped.iter().map(|untyped| Cap::Untyped {
            base: PhysAddr(abi::widen(untyped.paddr)),
            size_bits: untyped.size_bits,
            is_device: untyped.is_device != 0,
            free: 1 << untyped.size_bits,
        });
        let caps = shared.chain(status).chain(controls).chain(untyped);
        for (slot, cap) in (self.slots.shared_frames.slots().start..).zip(caps) {
            self.put(cnode, slot, cap);
        }
    }

    fn put(&mut self, cnode: SlotRef, slot: u64, cap: Cap) {
        self.objs[cnode.element(slot as usize)] = Slot { cap: cap.pack(), mdb: Mdb::ROOT };
    }

    /// Puts `cap` into `dest` as the only child of the initial capability in `source`.
    fn put_copy(&mut self, cap: Cap, source: SlotRef, dest: SlotRef) {
        self.objs[source].mdb.set_next(Some(dest));
        self.objs[dest] = Slot { cap: cap.pack(), mdb: Mdb::new(Some(source), None, false, false) };
    }

    fn write_boot_info(&mut self, frame: PhysAddr) {
        let (task, slots) = (self.task, &self.slots);
        let mut info = BootInfo {
            extra_len: task.extra_len as abi::Word,
            node_id: cut(task.instance),
            ipc_buffer: cut(task.ipc_buffer()),
            empty: slots.empty,
            user_image_frames: slots.image_frames,
            user_image_paging: slots.paging,
            extra_pages: slots.extra_pages,
            init_cnode_size_bits: abi::Word::from(task.cnode_bits),
            sched_control: slots.sched_control,
            untyped: slots.untyped,
            // Without an IOMMU there are no levels; builds that do not know of one say so by all ones.
            num_iopt_levels: if task.variant.iommu { 0 } else { BootInfo::EMPTY.num_iopt_levels },
            ..BootInfo::EMPTY
        };
        if slots.shared_frames.count() != 0 {
            info.shared_frames = slots.shared_frames;
        }
        info.untyped_list[..task.untyped.len()].copy_from_slice(task.untyped);
        let words = allocated::<UserWord>(frame);
        for (index, word) in info.to_words().into_iter().enumerate() {
            self.objs[words.element(index)].0 = word;
        }
    }

    /// Writes `bytes` into zeroed memory.
    fn write_bytes(&mut self, start: PhysAddr, bytes: &[u8]) {
        for (address, chunk) in (start.0..).step_by(8).zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.objs[allocated::<Word>(PhysAddr(address))].0 = u64::from_le_bytes(word);
        }
    }

    fn make_threads(&mut self, places: &Places, handover: &mut Handover) -> Result<(), BootError> {
        let root: ObjRef<Tcb> = self.object(TCB_BITS)?;
        let idle: ObjRef<Tcb> = self.object(TCB_BITS)?;
        let root_sc = self.make_sched_context(root)?;
        // Unconfigured: idling costs nobody's budget, and no timer fires because of it.
        let idle_sc: ObjRef<SchedContext> = self.object(MIN_SCHED_CONTEXT_BITS)?;
        self.objs[idle_sc].tcb = Some(idle);
        self.make_thread(idle, idle_sc, ThreadState::Idle, "idle_thread");
        self.make_thread(root, root_sc, ThreadState::Running, self.task.name);
        self.make_root_thread(root, places);
        let cnode = places.cnode;
        self.put(cnode, fixed::INIT_TCB, Cap::Thread(root));
        let size_bits = MIN_SCHED_CONTEXT_BITS as u8;
        self.put(cnode, fixed::INIT_SCHED_CONTEXT, Cap::SchedContext { sc: root_sc, size_bits });
        handover.root_tcb = root.paddr().0;
        handover.root_sc = root_sc.paddr().0;
        handover.idle_tcb = idle.paddr().0;
        handover.idle_sc = idle_sc.paddr().0;
        Ok(())
    }

    fn make_thread(&mut self, thread: ObjRef<Tcb>, sc: ObjRef<SchedContext>, state: ThreadState, name: &str) {
        let tcb = &mut self.objs[thread];
        tcb.initialise();
        tcb.set_state_raw(state);
        tcb.sched_context = Some(sc);
        let length = name.len().min(NAME_LENGTH);
        tcb.name[..length].copy_from_slice(&name.as_bytes()[..length]);
    }

    fn make_root_thread(&mut self, thread: ObjRef<Tcb>, places: &Places) {
        let task = self.task;
        let tcb = &mut self.objs[thread];
        tcb.priority = task.priority;
        tcb.mcp = task.priority;
        tcb.buffer = task.ipc_buffer();
        tcb.context.begin_at(task.image.entry, task.boot_info());
        let installed = [
            (fixed::INIT_CNODE, TcbSlot::CSpace),
            (fixed::INIT_VSPACE, TcbSlot::VSpace),
            (fixed::INIT_IPC_BUFFER, TcbSlot::Buffer),
        ];
        for (initial, own) in installed {
            let source = places.cnode.element(initial as usize);
            let cap = match self.objs[source].cap.unpack() {
                // A copy of a frame capability is not mapped.
                Cap::Frame { base, size, access, is_device, .. } => {
                    Cap::Frame { base, size, access, is_device, mapping: None }
                }
                cap => cap,
            };
            self.put_copy(cap, source, thread.slot(own));
        }
    }

    /// Round robin: all of the slice remains, nothing of it is used up.
    fn make_sched_context(&mut self, tcb: ObjRef<Tcb>) -> Result<ObjRef<SchedContext>, BootError> {
        let sc: ObjRef<SchedContext> = self.object(MIN_SCHED_CONTEXT_BITS)?;
        let budget = Ticks(self.task.slice_us.wrapping_mul(self.task.ticks_per_us));
        let context = &mut self.objs[sc];
        context.budget = budget;
        context.tcb = Some(tcb);
        context.max_refills = MIN_REFILLS as u64;
        context.tail = 1;
        self.objs[sc.refill(0)].amount = budget;
        Ok(sc)
    }
}

const fn mapping_at(address: u64) -> Option<Mapping> {
    Some(Mapping { address: VirtAddr(address), asid: ROOT_ASID })
}

/// A frame the kernel must never read or write: others may.
const fn device_frame(base: PhysAddr, size: PageSize, access: PageAccess) -> Cap {
    Cap::Frame { base, size, access, is_device: true, mapping: None }
}
