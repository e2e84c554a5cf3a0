//! The machines: what Debian calls each architecture, and how QEMU makes one of it.

use crate::arch::Arch;

/// A machine that a kernel of Debian boots on.
pub struct Machine {
    pub arch: Arch,
    /// The kernel's version, as one asks for it.
    pub kernel: &'static str,
    /// What sets it apart from the others of its architecture and version; empty for the usual one.
    pub variant: &'static str,
    pub suite: &'static str,
    /// Debian's architecture.
    pub debian: &'static str,
    /// The package with the kernel, or one that depends on it.
    pub package: &'static str,
    pub qemu: &'static Qemu,
    /// More options for QEMU.
    pub options: &'static [&'static str],
    /// More of the kernel's command line.
    pub append: &'static str,
    /// The beginning of the path of a device tree that comes with the kernel.
    pub device_tree: Option<&'static str>,
}

/// QEMU for an architecture.
pub struct Qemu {
    pub program: &'static str,
    /// Debian's package with the program.
    pub package: &'static str,
    pub options: &'static [&'static str],
    /// Megabytes.
    pub memory: &'static str,
    /// What the kernel calls the serial console.
    pub console: &'static str,
    /// More of the kernel's command line.
    pub append: &'static str,
    /// How many times longer than without emulation everything may take, on a host that does nothing
    /// else.
    pub factor: u32,
}

/// On a busy host the emulated timer is late, and the kernel takes it for broken: "IO-APIC + timer
/// doesn't work!".
const NO_TIMER_CHECK: &str = "no_timer_check";

const X86_64: Qemu = Qemu {
    program: "qemu-system-x86_64",
    package: "qemu-system-x86",
    options: &["-M", "q35", "-cpu", "max"],
    memory: "1024",
    console: "ttyS0",
    append: NO_TIMER_CHECK,
    factor: 6,
};
const I686: Qemu = Qemu {
    program: "qemu-system-i386",
    package: "qemu-system-x86",
    options: &["-M", "pc", "-cpu", "pentium3"],
    memory: "1024",
    console: "ttyS0",
    append: NO_TIMER_CHECK,
    factor: 8,
};
const AARCH64: Qemu = Qemu {
    program: "qemu-system-aarch64",
    package: "qemu-system-arm",
    options: &["-M", "virt", "-cpu", "cortex-a57"],
    memory: "1024",
    console: "ttyAMA0",
    append: "",
    factor: 6,
};
const ARMV7: Qemu = Qemu {
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    options: &["-M", "virt", "-cpu", "cortex-a15"],
    memory: "1024",
    console: "ttyAMA0",
    append: "",
    factor: 8,
};
/// An ARM1176, of ARMv6. Its clock goes by what it has executed, not by the host's: Linux sets its timer to
/// as little as 15 microseconds from now (bcm2835_timer.c), and where the host gives the emulator no time
/// just then, the moment is missed, and the next one comes when the counter is around, 71 minutes later.
const ARM: Qemu = Qemu {
    program: "qemu-system-arm",
    package: "qemu-system-arm",
    options: &["-M", "raspi0", "-icount", "shift=4,sleep=off"],
    memory: "512",
    console: "ttyAMA0",
    append: "",
    factor: 10,
};
const RISCV64: Qemu = Qemu {
    program: "qemu-system-riscv64",
    package: "qemu-system-misc",
    options: &["-M", "virt"],
    memory: "1024",
    console: "ttyS0",
    append: "",
    factor: 8,
};
const POWERPC64LE: Qemu = Qemu {
    program: "qemu-system-ppc64",
    package: "qemu-system-ppc",
    options: &["-M", "pseries", "-cpu", "power9"],
    memory: "1024",
    console: "hvc0",
    append: "",
    factor: 8,
};
const S390X: Qemu = Qemu {
    program: "qemu-system-s390x",
    package: "qemu-system-misc",
    options: &["-M", "s390-ccw-virtio", "-cpu", "max"],
    memory: "1024",
    console: "ttysclp0",
    append: "",
    factor: 8,
};
const LOONGARCH64: Qemu = Qemu {
    program: "qemu-system-loongarch64",
    package: "qemu-system-misc",
    options: &["-M", "virt", "-cpu", "la464"],
    memory: "1024",
    console: "ttyS0",
    append: "",
    factor: 8,
};

/// All machines, in the order of the table.
pub const MACHINES: &[Machine] = &[
    usual(
        Arch::X86_64,
        "5.10",
        "bullseye",
        "amd64",
        "linux-image-cloud-amd64",
        &X86_64,
    ),
    usual(
        Arch::X86_64,
        "6.1",
        "bookworm",
        "amd64",
        "linux-image-cloud-amd64",
        &X86_64,
    ),
    usual(
        Arch::X86_64,
        "6.12",
        "trixie",
        "amd64",
        "linux-image-cloud-amd64",
        &X86_64,
    ),
    usual(
        Arch::X86_64,
        "sid",
        "sid",
        "amd64",
        "linux-image-cloud-amd64",
        &X86_64,
    ),
    usual(
        Arch::Aarch64,
        "6.1",
        "bookworm",
        "arm64",
        "linux-image-cloud-arm64",
        &AARCH64,
    ),
    Machine {
        variant: "16k",
        // The Cortex-A57 has pages of 4 and 64 kB only.
        options: &["-cpu", "max,pauth-impdef=on"],
        ..usual(
            Arch::Aarch64,
            "6.12",
            "trixie",
            "arm64",
            "linux-image-arm64-16k",
            &AARCH64,
        )
    },
    usual(
        Arch::Aarch64,
        "sid",
        "sid",
        "arm64",
        "linux-image-cloud-arm64",
        &AARCH64,
    ),
    usual(
        Arch::Armv7,
        "6.1",
        "bookworm",
        "armhf",
        "linux-image-armmp",
        &ARMV7,
    ),
    Machine {
        // QEMU lacks the power controller of the board, and the driver fails on that.
        append: "initcall_blacklist=bcm2835_power_driver_init",
        device_tree: Some("usr/lib/*/bcm2835-rpi-zero.dtb"),
        ..usual(
            Arch::Arm,
            "6.1",
            "bookworm",
            "armel",
            "linux-image-rpi",
            &ARM,
        )
    },
    usual(
        Arch::I686,
        "5.10",
        "bullseye",
        "i386",
        "linux-image-686",
        &I686,
    ),
    usual(
        Arch::I686,
        "6.1",
        "bookworm",
        "i386",
        "linux-image-686-pae",
        &I686,
    ),
    usual(
        Arch::Riscv64gc,
        "6.12",
        "trixie",
        "riscv64",
        "linux-image-riscv64",
        &RISCV64,
    ),
    usual(
        Arch::Powerpc64le,
        "6.1",
        "bookworm",
        "ppc64el",
        "linux-image-powerpc64le",
        &POWERPC64LE,
    ),
    usual(
        Arch::Powerpc64le,
        "6.12",
        "trixie",
        "ppc64el",
        "linux-image-powerpc64le",
        &POWERPC64LE,
    ),
    usual(
        Arch::S390x,
        "6.1",
        "bookworm",
        "s390x",
        "linux-image-s390x",
        &S390X,
    ),
    Machine {
        // Without firmware nobody has mapped the ports of a keyboard controller.
        append: "initcall_blacklist=i8042_init",
        ..usual(
            Arch::Loongarch64,
            "sid",
            "sid",
            "loong64",
            "linux-image-loong64",
            &LOONGARCH64,
        )
    },
];

const fn usual(
    arch: Arch,
    kernel: &'static str,
    suite: &'static str,
    debian: &'static str,
    package: &'static str,
    qemu: &'static Qemu,
) -> Machine {
    Machine {
        arch,
        kernel,
        variant: "",
        suite,
        debian,
        package,
        qemu,
        options: &[],
        append: "",
        device_tree: None,
    }
}

impl Machine {
    /// `x86_64-5.10`, `aarch64-6.12-16k`.
    pub fn name(&self) -> String {
        let parts = [self.arch.spec().name, self.kernel, self.variant];
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;
    use std::collections::HashSet;

    #[test]
    fn each_architecture_has_a_machine_and_each_machine_a_name() {
        for arch in Arch::value_variants() {
            assert!(
                MACHINES.iter().any(|machine| machine.arch == *arch),
                "{arch:?}"
            );
        }
        let names: HashSet<String> = MACHINES.iter().map(Machine::name).collect();
        assert_eq!(names.len(), MACHINES.len());
    }
}
