//! The root of a machine: a cpio archive in the form "newc", which the kernel unpacks (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst).

/// An archive that grows.
#[derive(Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

impl Initramfs {
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, &[], (0, 0));
    }

    pub fn program(&mut self, path: &str, content: &[u8]) {
        self.entry(path, FILE | 0o755, content, (0, 0));
    }

    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, FILE | 0o644, content, (0, 0));
    }

    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK | 0o777, target.as_bytes(), (0, 0));
    }

    pub fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, &[], (major, minor));
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], device: (u32, u32)) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("files here are small");
        let name = u32::try_from(path.len() + 1).expect("names are short");
        let (major, minor) = device;
        // Inode, mode, owner, group, links, time, size, device of the file, device that it is,
        // length of the name with its NUL, checksum.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            major,
            minor,
            name,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(path.bytes().chain([0]));
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn cpio_reads_what_was_written() {
        let mut archive = Initramfs::default();
        archive.directory("bin");
        archive.program("bin/one", b"12345");
        archive.link("bin/two", "one");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        // Where there is a cpio: busybox has one.
        let busybox = Command::new("busybox")
            .args(["cpio", "-itv"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut cpio) = busybox else {
            return;
        };
        let mut stdin = cpio.stdin.take().expect("it is piped");
        stdin.write_all(&bytes).expect("it is read");
        drop(stdin);
        let listed = cpio.wait_with_output().expect("it ends");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for expected in ["drwxr-xr-x", " bin/one\n", " 5 ", "bin/two"] {
            assert!(listed.contains(expected), "{expected}: {listed}");
        }
    }
}
