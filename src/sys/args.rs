//! `argv` and the environment, as the kernel laid them on the stack.
//!
//! # Safety
//!
//! Both are arrays of pointers to C strings, closed by a null pointer, which
//! live and stay writable as long as the process (execve(2), "the initial
//! process stack" of the ABI). We are the only thread, and change slots, never
//! strings.

use crate::cli::Arguments;
use core::ffi::{CStr, c_char};

/// An array of pointers to C strings, closed by a null pointer.
#[derive(Clone, Copy, Debug)]
pub struct Strings(*mut *mut c_char);

impl Strings {
    /// Wraps `argv`.
    ///
    /// # Safety
    ///
    /// `base` points to a null-terminated array of C strings, all of which are
    /// alive and writable until the process ends.
    pub unsafe fn new(base: *mut *mut c_char) -> Strings {
        Strings(base)
    }

    /// The environment of this process.
    pub fn environment() -> Strings {
        unsafe extern "C" {
            static mut environ: *mut *mut c_char;
        }
        // SAFETY: the C library has set it before main, and nothing here
        // changes it.
        Strings(unsafe { environ })
    }

    /// The pointers, for execve(2).
    pub(super) fn as_ptr(self) -> *const *const c_char {
        self.0.cast_const().cast()
    }

    /// The string of this index; `None` after the last one.
    ///
    /// Goes from the beginning, so that no index can lead past the end.
    pub fn string(self, index: usize) -> Option<&'static CStr> {
        self.slot(index).map(|slot| {
            // SAFETY: a slot before the null pointer holds a C string that
            // lives as long as the process.
            unsafe { CStr::from_ptr(*slot) }
        })
    }

    /// What begins at this index, which is at most the number of strings.
    pub fn from(self, index: usize) -> Option<Strings> {
        if index == 0 {
            return Some(self);
        }
        // SAFETY: the slot before is not the last, so the next one exists.
        self.slot(index - 1)
            .map(|slot| Strings(unsafe { slot.add(1) }))
    }

    /// Puts another string in the place of one.
    pub fn replace(self, index: usize, string: &'static CStr) {
        if let Some(slot) = self.slot(index) {
            // SAFETY: the slot is writable; nobody writes through the pointer.
            unsafe { *slot = string.as_ptr().cast_mut() };
        }
    }

    /// Puts a string that lives until the next execve(2) or exit in the place
    /// of one; only to be used on the way to it.
    pub fn replace_before_exec(self, index: usize, string: &CStr) {
        if let Some(slot) = self.slot(index) {
            // SAFETY: as in `replace`; the caller goes on to execve or exit
            // without leaving the frame that holds the string.
            unsafe { *slot = string.as_ptr().cast_mut() };
        }
    }

    /// Takes a string out; those behind it move up.
    pub fn remove(self, index: usize) {
        let Some(mut slot) = self.slot(index) else {
            return;
        };
        loop {
            // SAFETY: the slot is not the last, so another one follows, which
            // holds a string or the null pointer that ends the array.
            let next = unsafe { slot.add(1) };
            // SAFETY: as above; we are the only one who writes.
            unsafe { *slot = *next };
            // SAFETY: as above.
            if unsafe { *next }.is_null() {
                return;
            }
            slot = next;
        }
    }

    /// The first variable of this name in an environment: its index and value.
    pub fn variable(self, name: &str) -> Option<(usize, &'static [u8])> {
        self.iter().enumerate().find_map(|(index, entry)| {
            let value = entry.to_bytes().strip_prefix(name.as_bytes())?;
            Some((index, value.strip_prefix(b"=")?))
        })
    }

    /// The strings one after the other, with their indices.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        let mut next = self.0;
        core::iter::from_fn(move || {
            // SAFETY: `next` is at most at the null pointer, where it stays.
            let string = unsafe { *next };
            if string.is_null() {
                return None;
            }
            // SAFETY: this was not the null pointer, so a slot follows; and
            // the string lives as long as the process.
            unsafe {
                next = next.add(1);
                Some(CStr::from_ptr(string))
            }
        })
    }

    fn slot(self, index: usize) -> Option<*mut *mut c_char> {
        let mut slot = self.0;
        for _ in 0..index {
            // SAFETY: no slot so far was the null pointer, so this one exists.
            if unsafe { *slot }.is_null() {
                return None;
            }
            // SAFETY: as above, one further.
            slot = unsafe { slot.add(1) };
        }
        // SAFETY: the slot exists; it may hold the null pointer.
        (!unsafe { *slot }.is_null()).then_some(slot)
    }
}

impl Arguments<'static> for Strings {
    fn get(&self, index: usize) -> Option<&'static [u8]> {
        self.string(index).map(CStr::to_bytes)
    }
}
