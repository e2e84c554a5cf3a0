//! The empty command: the cost of starting a program, and nothing else.

use std::{io, path::Path};

use crate::locate::write_executable;

/// `exit_group(0)`, and the number of the machine in `elf(5)`.
#[cfg(target_arch = "x86_64")]
const CODE: (&[u8], u16) = (
    // mov eax, 231; xor edi, edi; syscall
    &[0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
    62,
);
#[cfg(target_arch = "aarch64")]
const CODE: (&[u8], u16) = (
    // mov x8, 94; mov x0, 0; svc 0
    &[0xc8, 0x0b, 0x80, 0xd2, 0, 0, 0x80, 0xd2, 1, 0, 0, 0xd4],
    183,
);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CODE: (&[u8], u16) = (&[], 0);

/// The load address: free on every architecture.
const BASE: u64 = 0x0100_0000;

/// The largest page size of these architectures.
const PAGE: u64 = 0x1_0000;

/// Writes an executable that only exits with 0.
///
/// # Errors
/// When it cannot be written, and on an architecture without an entry in `CODE`.
pub(super) fn write(path: &Path) -> io::Result<()> {
    let (code, machine) = CODE;
    if code.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "there is no empty command for this architecture",
        ));
    }
    write_executable(path, elf(code, machine), 0o755)
}

/// A program as a linker lays it out: headers in one segment, code in another, no executable stack.
fn elf(code: &[u8], machine: u16) -> Vec<u8> {
    const HEADER: u16 = 64;
    const SEGMENT: u16 = 56;
    const SEGMENTS: u16 = 3;
    const LOAD: u32 = 1;
    const STACK: u32 = 0x6474_e551;
    let head = u64::from(HEADER + SEGMENT * SEGMENTS);
    let length = code.len() as u64;
    let half = |value: u16| value.to_le_bytes().to_vec();
    let word = |value: u32| value.to_le_bytes().to_vec();
    let long = |value: u64| value.to_le_bytes().to_vec();
    // 64 bits, little-endian, version 1; an executable of version 1; entry, program headers, no
    // sections; no flags; sizes and numbers of headers.
    let mut parts = vec![
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        half(2),
        half(machine),
        word(1),
        long(BASE + PAGE + head),
        long(HEADER.into()),
        long(0),
        word(0),
    ];
    parts.extend([HEADER, SEGMENT, SEGMENTS, 0, 0, 0].map(half));
    // Type, flags (4 read, 2 write, 1 execute), offset, address twice, size twice, alignment.
    for (kind, flags, offset, address, size, alignment) in [
        (LOAD, 4, 0, BASE, head, PAGE),
        (LOAD, 5, head, BASE + PAGE + head, length, PAGE),
        (STACK, 6, 0, 0, 0, 16),
    ] {
        parts.extend([word(kind), word(flags)]);
        parts.extend([offset, address, address, size, size, alignment].map(long));
    }
    parts.push(code.to_vec());
    parts.concat()
}

#[cfg(test)]
mod tests {
    use crate::{Sandbox, TempDir, is_dynamic};

    #[test]
    fn it_is_static_and_ends_with_0() {
        let directory = TempDir::new();
        let program = directory.join("empty");
        super::write(&program).unwrap();
        assert!(!is_dynamic(&program).unwrap());
        Sandbox::plain(program).run().assert_code(0);
    }
}
