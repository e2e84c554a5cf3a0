//! Checks that the binary keeps our promises: static, nothing to load at run time, and small.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

use crate::arch::Arch;

/// Checks that a binary of `dist` is static and for this architecture.
///
/// # Errors
/// Names the broken promise.
pub fn linking(path: &Path, arch: Arch) -> Result<()> {
    let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let checked = match FileKind::parse(&*data) {
        Ok(FileKind::Elf32) => is_static::<elf::FileHeader32<Endianness>>(&data, arch),
        Ok(FileKind::Elf64) => is_static::<elf::FileHeader64<Endianness>>(&data, arch),
        _ => bail!("{} is not an ELF file", path.display()),
    };
    checked.with_context(|| format!("{} breaks a promise", path.display()))
}

/// Checks the binary's size against its budget, and gives it in bytes.
pub fn size(path: &Path, arch: Arch) -> Result<u64> {
    let size = fs::metadata(path)
        .with_context(|| format!("cannot look at {}", path.display()))?
        .len();
    let budget = arch.size_budget();
    ensure!(
        size <= budget,
        "{} has {size} bytes, {budget} are allowed",
        path.display()
    );
    Ok(size)
}

/// Checks that the kernel alone can load the binary, and that no page is both writable and
/// executable.
fn is_static<Elf: FileHeader<Endian = Endianness>>(data: &[u8], arch: Arch) -> Result<()> {
    let header = Elf::parse(data).context("bad ELF header")?;
    let endian = header.endian().context("bad ELF header")?;
    let machine = header.e_machine(endian);
    let expected = arch.spec().machine;
    ensure!(
        machine == expected,
        "it is for machine {machine:?}, not {expected:?}"
    );
    let mut has_stack = false;
    for segment in header
        .program_headers(endian, data)
        .context("bad program headers")?
    {
        let kind = segment.p_type(endian);
        let flags = segment.p_flags(endian);
        ensure!(
            kind != elf::PT_INTERP,
            "it needs a dynamic linker (PT_INTERP)"
        );
        ensure!(
            !(flags.contains(elf::PF_W) && flags.contains(elf::PF_X)),
            "a segment at {:#x} is both writable and executable",
            segment.p_vaddr(endian).into()
        );
        if kind == elf::PT_GNU_STACK {
            has_stack = true;
            ensure!(
                !flags.contains(elf::PF_X),
                "its stack is executable (PT_GNU_STACK)"
            );
        }
        // A static position-independent executable has a dynamic section too, for its own
        // relocations, but needs no library.
        for entry in segment
            .dynamic(endian, data)
            .context("bad dynamic section")?
            .unwrap_or(&[])
        {
            ensure!(
                entry.d_tag(endian) != elf::DT_NEEDED,
                "it needs a shared library (DT_NEEDED)"
            );
        }
    }
    ensure!(
        has_stack,
        "it does not say that its stack is not executable (PT_GNU_STACK)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test binary is linked to the C library dynamically, for the machine that runs it.
    #[test]
    fn a_dynamic_executable_is_refused() {
        let this = std::env::current_exe().expect("this process has an executable");
        let arch = Arch::host().expect("tests run on a machine that we build for");
        assert!(initlab::is_dynamic(&this).expect("it is an ELF file"));
        let error = linking(&this, arch).expect_err("it is not static");
        assert!(format!("{error:#}").contains("PT_INTERP"), "{error:#}");
    }

    #[test]
    fn another_machine_is_refused() {
        let this = std::env::current_exe().expect("this process has an executable");
        let error = linking(&this, Arch::S390x).expect_err("tests do not run on s390x");
        assert!(
            format!("{error:#}").contains("it is for machine"),
            "{error:#}"
        );
    }
}
