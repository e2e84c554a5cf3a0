//! Temporary directories.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A fresh directory below `/tmp` (or `TMPDIR`) with mode 0755. Dropping it removes it with its
/// contents.
#[must_use]
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes the directory. Panics on failure.
    #[track_caller]
    pub fn new() -> Self {
        Self::try_new().unwrap_or_else(|e| {
            panic!(
                "cannot make a directory in {}: {e}",
                std::env::temp_dir().display()
            )
        })
    }

    /// Makes the directory.
    pub fn try_new() -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |t| t.subsec_nanos());
        let path = std::env::temp_dir().join(format!(
            "initlab-{}-{number}-{nanos:08x}",
            std::process::id()
        ));
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self(path))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Gives up ownership: the caller has to remove it.
    pub(crate) fn keep(self) -> PathBuf {
        let path = self.0.clone();
        std::mem::forget(self);
        path
    }
}

impl Default for TempDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
