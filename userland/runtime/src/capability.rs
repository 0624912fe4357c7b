// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of capabilities: addresses in the capability space, slots, and one type per kind of capability.
//!
//! A [`CPtr`] is what a system call takes. A [`Slot`] is a place for a capability, named from a CNode. Types such as
//! [`Tcb`] are capability addresses that say what is expected there; nothing checks it but the kernel, when
//! it is invoked. Their invocations are in [`crate::object`].

use abi::{ObjectType, sizes, slots};

/// The address of a capability in the caller's capability space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct CPtr(pub u64);

impl CPtr {
    /// The address that never holds a capability.
    pub const NULL: Self = Self(slots::NULL);

    /// The slot at this address of the root CNode.
    pub const fn slot(self) -> Slot {
        Slot { root: CNode(CPtr(slots::INIT_CNODE)), index: self.0, depth: sizes::WORD_BITS as u64 }
    }
}

/// A place for a capability.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot {
    /// The CNode the search starts at.
    pub root: CNode,
    /// The address from there.
    pub index: u64,
    /// How many bits of the address count.
    pub depth: u64,
}

/// A capability address with a type.
pub trait Capability: Copy + From<CPtr> {
    /// The address.
    fn cptr(self) -> CPtr;

    /// The slot in the root CNode.
    fn slot(self) -> Slot {
        self.cptr().slot()
    }
}

/// An object that Retype makes.
pub trait Object: Capability {
    /// What to ask Retype for.
    const TYPE: ObjectType;
}

macro_rules! capabilities {
    ($($(#[$meta:meta])* $name:ident $(= $object:ident)?;)+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
            #[repr(transparent)]
            pub struct $name(pub CPtr);

            impl From<CPtr> for $name {
                fn from(cptr: CPtr) -> Self {
                    Self(cptr)
                }
            }

            impl Capability for $name {
                #[inline]
                fn cptr(self) -> CPtr {
                    self.0
                }
            }

            $(impl Object for $name {
                const TYPE: ObjectType = ObjectType::$object;
            })?
        )+
    };
}

capabilities! {
    /// Memory to make objects from.
    Untyped = Untyped;
    /// A thread.
    Tcb = Tcb;
    /// A place to send and receive messages.
    Endpoint = Endpoint;
    /// A word of signals.
    Notification = Notification;
    /// A table of capabilities.
    CNode = CNode;
    /// Time to run on.
    SchedContext = SchedContext;
    /// A caller that waits for its reply.
    Reply = Reply;
    /// An address space.
    VSpace = Pml4;
    /// A page-directory pointer table.
    Pdpt = Pdpt;
    /// A page directory.
    PageDirectory = PageDirectory;
    /// A page table.
    PageTable = PageTable;
    /// A frame of 4 KiB.
    SmallPage = SmallPage;
    /// A frame of 2 MiB.
    LargePage = LargePage;
    /// A frame of 1 GiB.
    HugePage = HugePage;
    /// The control over ASID pools.
    AsidControl;
    /// A pool of ASIDs.
    AsidPool;
    /// The control over interrupts and lines.
    IrqControl;
    /// The handler of one interrupt or line.
    IrqHandler;
    /// The control over IO ports.
    IoPortControl;
    /// A range of IO ports.
    IoPort;
    /// The control over domains.
    Domain;
    /// The control over scheduling contexts.
    SchedControl;
    /// The right to signal a line to another instance.
    LineSignal;
    /// The control over another instance.
    InstanceControl;
}

/// The root task's own thread.
pub const INIT_TCB: Tcb = Tcb(CPtr(slots::INIT_TCB));
/// The root CNode.
pub const INIT_CNODE: CNode = CNode(CPtr(slots::INIT_CNODE));
/// The root task's address space.
pub const INIT_VSPACE: VSpace = VSpace(CPtr(slots::INIT_VSPACE));
/// The control over interrupts and lines.
pub const IRQ_CONTROL: IrqControl = IrqControl(CPtr(slots::IRQ_CONTROL));
/// The control over ASID pools.
pub const ASID_CONTROL: AsidControl = AsidControl(CPtr(slots::ASID_CONTROL));
/// The pool of the root task's ASID.
pub const INIT_ASID_POOL: AsidPool = AsidPool(CPtr(slots::INIT_ASID_POOL));
/// The control over IO ports.
pub const IO_PORT_CONTROL: IoPortControl = IoPortControl(CPtr(slots::IO_PORT_CONTROL));
/// The control over domains.
pub const DOMAIN: Domain = Domain(CPtr(slots::DOMAIN));
/// The root task's scheduling context.
pub const INIT_SCHED_CONTEXT: SchedContext = SchedContext(CPtr(slots::INIT_SCHED_CONTEXT));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_slot_of_the_root_cnode_at_full_depth() {
        assert_eq!(CPtr(77).slot(), Slot { root: INIT_CNODE, index: 77, depth: sizes::WORD_BITS.into() });
        assert_eq!(INIT_TCB.slot().index, 1);
    }

    #[test]
    fn objects_know_what_to_ask_retype_for() {
        assert_eq!(VSpace::TYPE, ObjectType::Pml4);
        assert_eq!(SmallPage::TYPE, ObjectType::SmallPage);
    }
}
