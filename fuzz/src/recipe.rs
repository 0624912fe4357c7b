// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a sensible message to each kind of capability looks like.
//!
//! A recipe makes arguments that usually pass the checks; one argument in a while is made wrong on purpose
//! (see `storm.rs`).

use abi::{CapTag, Label};

/// How a message word is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// This value.
    Is(u64),
    /// A number below this.
    Below(u16),
    /// Any word.
    Any,
    /// Slot of the root CNode that is empty.
    Empty,
    /// Slot of the root CNode that is in use.
    Full,
    /// Slot of the root CNode with a capability of this kind.
    Of(CapTag),
    /// The depth at which slots of the root CNode are named, usually.
    Depth,
    /// A mask of rights.
    Rights,
    /// A guard that suits the root CNode, usually.
    Guard,
    /// An address to map something at, or of a buffer.
    Address,
    /// A budget or period in microseconds.
    Time,
    /// An object type.
    Type,
    /// Log2 of the size of an object.
    SizeBits,
}

/// What an extra capability is.
pub type Extra = &'static [CapTag];

/// A message to a capability of kind `target`.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Kind of the capability invoked.
    pub target: CapTag,
    /// Label.
    pub label: Label,
    /// Words.
    pub words: &'static [Word],
    /// Extra capabilities: one of these kinds each.
    pub extras: &'static [Extra],
}

const fn recipe(target: CapTag, label: Label, words: &'static [Word], extras: &'static [Extra]) -> Recipe {
    Recipe { target, label, words, extras }
}

use CapTag as Tag;
use Label as L;
use Word::{Address, Any, Below, Depth, Empty, Full, Guard, Is, Of, Rights, SizeBits, Time, Type};

const ROOT: &[Extra] = &[&[Tag::CNode]];
const THREAD: &[Extra] = &[&[Tag::Tcb]];
const SPACE: &[Extra] = &[&[Tag::Pml4]];
const ENDPOINT: Extra = &[Tag::Endpoint, Tag::Endpoint, Tag::Null];
const BONDS: &[Extra] = &[&[Tag::Tcb, Tag::Notification]];
const RETYPE: &[Word] = &[Type, SizeBits, Is(0), Is(0), Empty, Below(5)];
const COPY: &[Word] = &[Empty, Depth, Full, Depth, Rights, Below(8)];
const PRIORITY: &[Word] = &[Below(5)];

/// Every invocation there is; those that make and mend things are there more often.
pub const RECIPES: &[Recipe] = &[
    recipe(Tag::Untyped, L::UntypedRetype, RETYPE, ROOT),
    recipe(Tag::Untyped, L::UntypedRetype, RETYPE, ROOT),
    recipe(Tag::Untyped, L::UntypedRetype, RETYPE, ROOT),
    recipe(Tag::CNode, L::CNodeRevoke, &[Full, Depth], &[]),
    recipe(Tag::CNode, L::CNodeRevoke, &[Of(Tag::Untyped), Depth], &[]),
    recipe(Tag::CNode, L::CNodeDelete, &[Full, Depth], &[]),
    recipe(Tag::CNode, L::CNodeDelete, &[Of(Tag::Tcb), Depth], &[]),
    recipe(Tag::CNode, L::CNodeDelete, &[Of(Tag::Notification), Depth], &[]),
    recipe(Tag::CNode, L::CNodeDelete, &[Of(Tag::SchedContext), Depth], &[]),
    recipe(Tag::CNode, L::CNodeDelete, &[Of(Tag::Reply), Depth], &[]),
    recipe(Tag::CNode, L::CNodeCancelBadgedSends, &[Full, Depth], &[]),
    recipe(Tag::CNode, L::CNodeCopy, COPY, ROOT),
    recipe(Tag::CNode, L::CNodeCopy, COPY, ROOT),
    recipe(Tag::CNode, L::CNodeMint, COPY, ROOT),
    recipe(Tag::CNode, L::CNodeMint, &[Empty, Depth, Full, Depth, Rights, Guard], ROOT),
    recipe(Tag::CNode, L::CNodeCopy, &[Empty, Depth, Of(Tag::Endpoint), Depth, Rights], ROOT),
    recipe(Tag::CNode, L::CNodeMove, &[Empty, Depth, Full, Depth], ROOT),
    recipe(Tag::CNode, L::CNodeMutate, &[Empty, Depth, Full, Depth, Guard], ROOT),
    recipe(
        Tag::CNode,
        L::CNodeRotate,
        &[Empty, Depth, Guard, Full, Depth, Guard, Full, Depth],
        &[&[Tag::CNode], &[Tag::CNode]],
    ),
    recipe(Tag::Tcb, L::TcbReadRegisters, &[Below(2), Below(22)], &[]),
    recipe(Tag::Tcb, L::TcbWriteRegisters, &[Below(2), Below(5), Any, Any, Any, Any], &[]),
    recipe(Tag::Tcb, L::TcbCopyRegisters, &[Below(16)], THREAD),
    recipe(
        Tag::Tcb,
        L::TcbConfigure,
        &[Guard, Is(0), Address],
        &[&[Tag::CNode], &[Tag::Pml4], &[Tag::Frame]],
    ),
    recipe(Tag::Tcb, L::TcbSetPriority, PRIORITY, THREAD),
    recipe(Tag::Tcb, L::TcbSetMcPriority, PRIORITY, THREAD),
    recipe(
        Tag::Tcb,
        L::TcbSetSchedParams,
        &[Below(5), Below(5)],
        &[&[Tag::Tcb], &[Tag::SchedContext, Tag::SchedContext, Tag::Null], ENDPOINT],
    ),
    recipe(Tag::Tcb, L::TcbSetTimeoutEndpoint, &[], &[ENDPOINT]),
    recipe(Tag::Tcb, L::TcbSetIpcBuffer, &[Address], &[&[Tag::Frame]]),
    recipe(Tag::Tcb, L::TcbSetSpace, &[Guard, Is(0)], &[ENDPOINT, &[Tag::CNode], &[Tag::Pml4]]),
    recipe(Tag::Tcb, L::TcbSuspend, &[], &[]),
    recipe(Tag::Tcb, L::TcbResume, &[], &[]),
    recipe(Tag::Tcb, L::TcbResume, &[], &[]),
    recipe(Tag::Tcb, L::TcbResume, &[], &[]),
    recipe(Tag::Tcb, L::TcbBindNotification, &[], &[&[Tag::Notification]]),
    recipe(Tag::Tcb, L::TcbUnbindNotification, &[], &[]),
    recipe(Tag::Tcb, L::TcbSetTlsBase, &[Any], &[]),
    recipe(Tag::Tcb, L::TcbSetFlags, &[Below(4), Below(4)], &[]),
    recipe(Tag::Tcb, L::TcbForbidDebug, &[], &[]),
    recipe(Tag::IrqControl, L::IrqControlGet, &[Below(108), Empty, Depth], ROOT),
    recipe(
        Tag::IrqControl,
        L::IrqControlGetIoApic,
        &[Empty, Depth, Is(0), Below(25), Below(2), Below(2), Below(4)],
        ROOT,
    ),
    recipe(
        Tag::IrqControl,
        L::IrqControlGetMsi,
        &[Empty, Depth, Below(256), Below(33), Below(9), Is(0), Below(4)],
        ROOT,
    ),
    recipe(Tag::IrqControl, L::IssueLineSignal, &[Below(5), Is(1), Empty, Depth], ROOT),
    recipe(Tag::IrqControl, L::GetLine, &[Below(5), Is(1), Empty, Depth], ROOT),
    recipe(Tag::IrqHandler, L::IrqHandlerAck, &[], &[]),
    recipe(Tag::IrqHandler, L::IrqHandlerAckLines, &[Any, Any], &[]),
    recipe(Tag::IrqHandler, L::IrqHandlerSetNotification, &[], &[&[Tag::Notification]]),
    recipe(Tag::IrqHandler, L::IrqHandlerSetNotification, &[], &[&[Tag::Notification]]),
    recipe(Tag::IrqHandler, L::IrqHandlerClear, &[], &[]),
    recipe(Tag::Domain, L::DomainSetSet, &[Below(2)], THREAD),
    recipe(Tag::Domain, L::DomainScheduleConfigure, &[Below(3), Below(2), Below(3)], &[]),
    recipe(Tag::Domain, L::DomainScheduleSetStart, &[Below(3)], &[]),
    recipe(
        Tag::SchedControl,
        L::SchedControlConfigureFlags,
        &[Time, Time, Below(8), Any, Below(2)],
        &[&[Tag::SchedContext]],
    ),
    recipe(
        Tag::SchedControl,
        L::SchedControlConfigureFlags,
        &[Time, Is(10_000), Below(8), Any, Below(2)],
        &[&[Tag::SchedContext]],
    ),
    recipe(Tag::SchedContext, L::SchedContextBind, &[], BONDS),
    recipe(Tag::SchedContext, L::SchedContextBind, &[], BONDS),
    recipe(Tag::SchedContext, L::SchedContextUnbind, &[], &[]),
    recipe(Tag::SchedContext, L::SchedContextUnbindObject, &[], BONDS),
    recipe(Tag::SchedContext, L::SchedContextConsumed, &[], &[]),
    recipe(Tag::SchedContext, L::SchedContextYieldTo, &[], &[]),
    recipe(Tag::Pdpt, L::PdptMap, &[Address, Is(0)], SPACE),
    recipe(Tag::Pdpt, L::PdptUnmap, &[], &[]),
    recipe(Tag::PageDirectory, L::PageDirectoryMap, &[Address, Is(0)], SPACE),
    recipe(Tag::PageDirectory, L::PageDirectoryUnmap, &[], &[]),
    recipe(Tag::PageTable, L::PageTableMap, &[Address, Is(0)], SPACE),
    recipe(Tag::PageTable, L::PageTableUnmap, &[], &[]),
    recipe(Tag::Frame, L::PageMap, &[Address, Rights, Below(8)], SPACE),
    recipe(Tag::Frame, L::PageMap, &[Address, Rights, Below(8)], SPACE),
    recipe(Tag::Frame, L::PageUnmap, &[], &[]),
    recipe(Tag::Frame, L::PageGetAddress, &[], &[]),
    recipe(Tag::AsidControl, L::AsidControlMakePool, &[Empty, Depth], &[&[Tag::Untyped], &[Tag::CNode]]),
    recipe(Tag::AsidPool, L::AsidPoolAssign, &[], SPACE),
    recipe(Tag::IoPortControl, L::IoPortControlIssue, &[Below(8), Below(16), Empty, Depth], ROOT),
    recipe(Tag::IoPort, L::IoPortIn8, &[Below(16)], &[]),
    recipe(Tag::IoPort, L::IoPortOut8, &[Below(16), Any], &[]),
    recipe(Tag::InstanceControl, L::InstanceStop, &[], &[]),
    recipe(Tag::InstanceControl, L::InstanceStart, &[], &[]),
];
