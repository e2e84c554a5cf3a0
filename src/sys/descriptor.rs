//! An open descriptor.
//!
//! # Safety
//!
//! Closing a descriptor concerns nobody else: those above 2 are all our own.

use core::ffi::c_int;

/// An open descriptor, which is closed at the end of its life.
#[derive(Debug)]
pub struct Descriptor(c_int);

impl Descriptor {
    /// Takes over what a system call has returned.
    pub(super) fn new(number: usize) -> Descriptor {
        // The kernel's descriptors are ints.
        Descriptor(number as c_int)
    }

    /// The number.
    pub fn number(&self) -> c_int {
        self.0
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        close(self.0);
    }
}

/// Closes a descriptor; an error leaves it closed all the same (close(2)).
pub(super) fn close(number: c_int) {
    // SAFETY: nobody uses it any more.
    let _ = unsafe { call!(close, number) };
}
