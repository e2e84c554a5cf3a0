//! Executable files. See `elf(5)`.

use std::{fs, io, path::Path};

use object::{
    Endianness, FileKind, elf,
    read::elf::{FileHeader, ProgramHeader},
};

/// Whether a program needs a dynamic linker: its ELF file has a segment `PT_INTERP`. Fails for
/// other files.
pub fn is_dynamic(program: &Path) -> io::Result<bool> {
    let data = fs::read(program)?;
    let dynamic = match FileKind::parse(&*data) {
        Ok(FileKind::Elf32) => has_interpreter::<elf::FileHeader32<Endianness>>(&data),
        Ok(FileKind::Elf64) => has_interpreter::<elf::FileHeader64<Endianness>>(&data),
        Ok(_) => return Err(io::Error::other("not an ELF file")),
        Err(error) => Err(error),
    };
    dynamic.map_err(io::Error::other)
}

fn has_interpreter<Elf: FileHeader<Endian = Endianness>>(data: &[u8]) -> object::Result<bool> {
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let interpreter = |segment: &Elf::ProgramHeader| segment.p_type(endian) == elf::PT_INTERP;
    Ok(segments.iter().any(interpreter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_dynamic_and_a_text_is_nothing() {
        let this = std::env::current_exe().unwrap();
        assert!(is_dynamic(&this).unwrap());
        assert!(is_dynamic(Path::new("/etc/passwd")).is_err());
    }
}
