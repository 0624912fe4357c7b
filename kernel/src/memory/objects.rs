// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernel objects, named by typed physical addresses and entered through one window.
//!
//! Owns the only way from a number to an object. Invariants kept:
//! * TYPED: an [`ObjRef<T>`] names memory that holds a `T`. It is made by unpacking words that the kernel wrote
//!   (capabilities, links, the hand-over), by `Untyped` when it creates objects, and by the boot builder.
//! * Objects are plain memory: every bit pattern is a valid `T`, all zero is a sensible one, so even a broken
//!   invariant cannot become undefined behaviour inside one object.

#![allow(unsafe_code)]

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ops::{Index, IndexMut};

use arch::PhysAddr;

#[cfg(not(target_os = "none"))]
pub use super::sim::SimMemory;

/// A kernel object: plain memory, valid for every bit pattern, at least 16-byte aligned when it is named alone.
///
/// # Safety
///
/// Every bit pattern must be a valid value, and no field may be a reference or need dropping.
pub unsafe trait KernelObject: Sized {}

/// Declares types to be kernel objects. Only for `repr(C)` structs of integers, arrays of integers and
/// `Option<ObjRef>`, for which every bit pattern is valid.
macro_rules! kernel_object {
    ($($object:ty),+) => {$(
        #[allow(unsafe_code)]
        // SAFETY: TYPED fields only: integers and optional object references with a zero niche.
        unsafe impl $crate::memory::objects::KernelObject for $object {}
    )+};
}
pub(crate) use kernel_object;

/// Typed physical address of a kernel object: `Copy`, printable, not dereferenceable.
#[repr(transparent)]
pub struct ObjRef<T> {
    paddr: NonZeroU64,
    object: PhantomData<fn() -> T>,
}

impl<T> Clone for ObjRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ObjRef<T> {}

impl<T> PartialEq for ObjRef<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.paddr == other.paddr
    }
}

impl<T> Eq for ObjRef<T> {}

impl<T> Hash for ObjRef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.paddr.hash(state);
    }
}

impl<T> fmt::Debug for ObjRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{:#x}", self.paddr)
    }
}

impl<T> ObjRef<T> {
    /// Stands where a reference is not known yet; replaced before the first event.
    pub(crate) const UNSET: Self = Self { paddr: NonZeroU64::MIN, object: PhantomData };

    /// Names the object at `paddr`; `None` for 0.
    ///
    /// # Safety
    ///
    /// TYPED: a `T` is there, or will be before the reference is used. The functions that call this, or
    /// [`ObjRef::at`], are a closed list, which `./x check` keeps.
    #[inline]
    pub(crate) const unsafe fn from_paddr(paddr: u64) -> Option<Self> {
        match NonZeroU64::new(paddr) {
            Some(paddr) => Some(Self { paddr, object: PhantomData }),
            None => None,
        }
    }

    /// The same, where the address is known not to be 0.
    ///
    /// # Safety
    ///
    /// As for [`ObjRef::from_paddr`]; `paddr` is not 0.
    #[inline(always)]
    pub(crate) const unsafe fn at(paddr: PhysAddr) -> Self {
        debug_assert!(paddr.0 != 0);
        // SAFETY: the caller vouches: no partition contains address 0.
        Self { paddr: unsafe { NonZeroU64::new_unchecked(paddr.0) }, object: PhantomData }
    }

    /// Where the object is.
    #[inline]
    pub const fn paddr(self) -> PhysAddr {
        PhysAddr(self.paddr.get())
    }

    /// The `index`-th element of an array of `T` that starts here and has more elements than that.
    #[inline]
    pub(crate) const fn element(self, index: usize) -> Self {
        // SAFETY: TYPED: an element of an array of `T`.
        unsafe { Self::at(PhysAddr(self.paddr.get() + (index * size_of::<T>()) as u64)) }
    }

    /// Names what a test or a checker expects at `paddr`. On a workstation every access is checked to be inside the
    /// simulated memory, and every bit pattern there is a valid object.
    #[cfg(not(target_os = "none"))]
    #[track_caller]
    pub(crate) const fn on_host(paddr: PhysAddr) -> Self {
        assert!(paddr.0 != 0, "nothing is at address 0");
        // SAFETY: see above; not 0.
        unsafe { Self::at(paddr) }
    }
}

/// The window through which objects are reached.
///
/// On bare metal the window is mapped by the boot core over exactly the instance's partition (CONFINED), so an
/// address outside faults. On a workstation it is one allocation, and every access is checked against it.
#[cfg_attr(not(target_os = "none"), derive(Clone))]
pub struct Objects {
    #[cfg(not(target_os = "none"))]
    pub(crate) memory: SimMemory,
}

impl Objects {
    /// The window of a bare-metal instance (or of the boot core, which maps all of memory there).
    #[cfg(target_os = "none")]
    #[allow(clippy::new_without_default)] // a window is opened where it is, not by default
    pub const fn new() -> Self {
        Self {}
    }

    /// A window over simulated memory.
    #[cfg(not(target_os = "none"))]
    pub const fn new(memory: SimMemory) -> Self {
        Self { memory }
    }

    #[cfg(target_os = "none")]
    #[inline(always)]
    fn pointer<T>(&self, paddr: u64) -> *mut T {
        core::ptr::with_exposed_provenance_mut(arch::WINDOW_BASE.wrapping_add(paddr) as usize)
    }

    #[cfg(not(target_os = "none"))]
    #[track_caller]
    fn pointer<T>(&self, paddr: u64) -> *mut T {
        self.memory.pointer(paddr)
    }

    /// Two different objects at once.
    #[inline]
    #[track_caller]
    pub fn pair_mut<A: KernelObject, B: KernelObject>(
        &mut self,
        a: ObjRef<A>,
        b: ObjRef<B>,
    ) -> (&mut A, &mut B) {
        assert!(a.paddr.get() != b.paddr.get(), "the two objects are one");
        // SAFETY: just compared.
        unsafe { self.pair_mut_unchecked(a, b) }
    }

    /// The same where comparing them would cost the fast paths.
    ///
    /// # Safety
    ///
    /// The two are different objects.
    #[inline(always)]
    #[track_caller]
    pub(crate) unsafe fn pair_mut_unchecked<A: KernelObject, B: KernelObject>(
        &mut self,
        a: ObjRef<A>,
        b: ObjRef<B>,
    ) -> (&mut A, &mut B) {
        debug_assert!(
            a.paddr.get() + size_of::<A>() as u64 <= b.paddr.get()
                || b.paddr.get() + size_of::<B>() as u64 <= a.paddr.get(),
            "the two objects overlap"
        );
        let (first, second) = (self.pointer(a.paddr.get()), self.pointer(b.paddr.get()));
        // SAFETY: TYPED for `a`; two objects at different places do not overlap; `self` is borrowed for as long as both.
        let first = unsafe { &mut *first };
        // SAFETY: TYPED for `b`, which does not overlap `a`; `self` is borrowed for as long as both.
        let second = unsafe { &mut *second };
        (first, second)
    }

    /// Fills `words` 64-bit words from `start` with zero.
    #[inline]
    pub fn clear(&mut self, start: PhysAddr, words: usize) {
        let memory: *mut u64 = self.pointer(start.0);
        #[cfg(not(target_os = "none"))]
        self.memory.check(start.0, words as u64 * 8);
        #[cfg(target_os = "none")]
        // SAFETY: the range belongs to an untyped or a new object of this partition (TYPED), nothing else borrows it.
        unsafe {
            arch::hw::fill_with_zero(memory, words);
        }
        #[cfg(not(target_os = "none"))]
        // SAFETY: as above.
        unsafe {
            core::ptr::write_bytes(memory, 0, words);
        }
    }
}

impl<T: KernelObject> Index<ObjRef<T>> for Objects {
    type Output = T;

    #[inline(always)]
    #[track_caller]
    fn index(&self, object: ObjRef<T>) -> &T {
        // SAFETY: TYPED; shared borrow of the window for as long as the reference lives.
        unsafe { &*self.pointer(object.paddr.get()) }
    }
}

impl<T: KernelObject> IndexMut<ObjRef<T>> for Objects {
    #[inline(always)]
    #[track_caller]
    fn index_mut(&mut self, object: ObjRef<T>) -> &mut T {
        // SAFETY: TYPED; unique borrow of the window for as long as the reference lives.
        unsafe { &mut *self.pointer(object.paddr.get()) }
    }
}

/// A 64-bit word of kernel-owned memory, for page tables and other arrays of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Word(pub u64);

kernel_object!(Word);
