// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moving messages and capabilities between threads.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::tcb::Tcb;

/// What the kernel wants of an IPC buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BufferAccess {
    /// Read: to send.
    Read,
    /// Read and write: to receive.
    Write,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn buffer_of(&self, _tcb: ObjRef<Tcb>, _access: BufferAccess) -> Option<UserFrame> {
        unimplemented!()
    }
}
