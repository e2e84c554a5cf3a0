//! Kernels in forms that QEMU cannot load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{apt, command};

/// The kernel itself, where it comes as an EFI program that unpacks a kernel compressed by zstd
/// (`drivers/firmware/efi/libstub/zboot-header.S`), which QEMU 10.0 does not know; else the same file.
pub fn plain(kernel: &Path) -> Result<PathBuf> {
    let bytes = fs::read(kernel).with_context(|| format!("no {}", kernel.display()))?;
    let is = |at: usize, text: &[u8]| bytes.get(at..at + text.len()) == Some(text);
    if !(is(0, b"MZ") && is(4, b"zimg") && is(24, b"zstd")) {
        return Ok(kernel.to_owned());
    }
    let unpacked = kernel.with_extension("unpacked");
    if unpacked.exists() {
        return Ok(unpacked);
    }
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let payload = || {
        let (start, length) = (number(8)?, number(12)?);
        bytes.get(start..start.checked_add(length)?)
    };
    let payload = payload().with_context(|| format!("{} is cut off", kernel.display()))?;
    apt::install(&["zstd"], "a compressed kernel")?;
    let packed = kernel.with_extension("zst");
    fs::write(&packed, payload).with_context(|| format!("cannot write {}", packed.display()))?;
    command::output(
        Command::new("zstd")
            .args(["--quiet", "--decompress", "--force", "-o"])
            .args([&unpacked, &packed]),
    )?;
    Ok(unpacked)
}
