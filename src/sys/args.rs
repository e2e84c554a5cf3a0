//! `argv` and the environment, as the kernel laid them on the stack.
//!
//! # Safety
//!
//! Both are arrays of pointers to C strings, closed by a null pointer, which
//! live and stay writable as long as the process (execve(2), "the initial
//! process stack" of the ABI). We are the only thread, and change slots, never
//! strings.

use super::{Errno, memory};
use core::ffi::{CStr, c_char};

/// An array of pointers to C strings, closed by a null pointer.
#[derive(Clone, Copy, Debug)]
pub struct Strings {
    base: *mut *mut c_char,
    /// How many slots there are before the last null pointer; a null pointer
    /// among them ends the array earlier.
    count: usize,
}

impl Strings {
    /// Wraps `argv` or the environment.
    ///
    /// # Safety
    ///
    /// `base` points to a null-terminated array of C strings, all of which are
    /// alive and writable until the process ends.
    pub unsafe fn new(base: *mut *mut c_char) -> Strings {
        let mut count = 0;
        // SAFETY: no slot so far was the null pointer, so this one exists.
        while !unsafe { *base.add(count) }.is_null() {
            count += 1;
        }
        Strings { base, count }
    }

    /// An array that lives until the next execve(2) or exit, its last pointer
    /// null; only to be used on the way to it.
    pub fn before_exec(array: &mut [*mut c_char]) -> Strings {
        Strings {
            base: array.as_mut_ptr(),
            count: array.len().saturating_sub(1),
        }
    }

    /// A copy with room for so many more strings.
    ///
    /// # Errors
    ///
    /// ENOMEM where the address space is limited.
    pub fn with_room(self, more: usize) -> Result<Strings, Errno> {
        let count = self.count + more;
        let base = memory::room((count + 1) * size_of::<*mut c_char>())?.cast::<*mut c_char>();
        // SAFETY: the room is new and larger than the array, and the null
        // pointers that it is full of end the copy.
        unsafe { base.copy_from_nonoverlapping(self.base, self.count) };
        Ok(Strings { base, count })
    }

    /// Appends a string that lives until the next execve(2) or exit, where there
    /// is room for it; only to be used on the way to it.
    pub fn append_before_exec(self, string: &CStr) {
        let end = self.iter().count();
        if end < self.count {
            // SAFETY: the slot exists, is writable and holds the null pointer
            // that ends the array; another one follows.
            unsafe { *self.base.add(end) = string.as_ptr().cast_mut() };
        }
    }

    /// The pointers, for execve(2).
    pub(super) fn as_ptr(self) -> *const *const c_char {
        self.base.cast_const().cast()
    }

    /// The string of this index; `None` after the last one.
    pub fn string(self, index: usize) -> Option<&'static CStr> {
        self.slot(index).map(|slot| {
            // SAFETY: a slot before the null pointer holds a C string that
            // lives as long as the process.
            unsafe { CStr::from_ptr(*slot) }
        })
    }

    /// The strings from this index on, which is at most their number.
    pub fn from(self, index: usize) -> Option<Strings> {
        let count = self.count.checked_sub(index)?;
        Some(Strings {
            // SAFETY: there are so many slots, and the null pointer's.
            base: unsafe { self.base.add(index) },
            count,
        })
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

    /// The strings one after the other.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        (0..).map_while(move |index| self.string(index))
    }

    fn slot(self, index: usize) -> Option<*mut *mut c_char> {
        if index >= self.count {
            return None;
        }
        // SAFETY: the slot exists; it may hold the null pointer.
        let slot = unsafe { self.base.add(index) };
        // SAFETY: as above.
        (!unsafe { *slot }.is_null()).then_some(slot)
    }

    /// Puts the string of one index in the place of another one; behind the
    /// last one, the end of the array.
    pub fn copy(self, from: usize, to: usize) {
        let string = match self.slot(from) {
            // SAFETY: the slot exists.
            Some(slot) => unsafe { *slot },
            None => core::ptr::null_mut(),
        };
        if let Some(slot) = self.slot(to) {
            // SAFETY: the slot is writable, and what it gets lives as long as
            // the process, or ends the array.
            unsafe { *slot = string };
        }
    }
}
