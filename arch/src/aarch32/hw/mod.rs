// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor itself: everything here exists on bare metal only.
