//! IDs that every world has in which the init is not the first of its namespace.

use crate::kernel::Id;

/// The init of the namespace, which reaps at once.
pub const SYSTEM: Id = 1;
/// Who started the init under test.
pub const SHELL: Id = 2;
/// The init under test.
pub const INIT: Id = 3;
/// A process that has nothing to do with it.
pub const STRANGER: Id = 4;
