//! The architectures that we build for.

use anyhow::{Context, Result};
use clap::ValueEnum;
use object::elf;

/// An architecture, by the name that stands at the end of `dist/tidy-init-ARCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    #[value(name = "x86_64")]
    X86_64,
    Aarch64,
    Armv7,
    Arm,
    I686,
    Riscv64gc,
    Powerpc64le,
    S390x,
    Loongarch64,
}

/// What the tools call an architecture, and what we expect of its binary.
pub struct Spec {
    pub name: &'static str,
    /// Rust's target triple.
    pub triple: &'static str,
    /// zig's options for the same target, as cargo-zigbuild gives them to the linker.
    pub zig: &'static [&'static str],
    /// More of them, which cargo-zigbuild does not give.
    pub link_args: &'static [&'static str],
    /// Options for rustc, beyond those for all architectures.
    pub rustflags: &'static [&'static str],
    /// `e_machine` of the ELF header.
    pub machine: elf::Machine,
    /// The user-mode emulator of Debian's package qemu-user-static.
    pub emulator: &'static str,
}

impl Spec {
    /// Options for zig beyond those that rustc and cargo-zigbuild give. `-Os` is for zig's own
    /// libraries, which zig would otherwise build for debugging.
    pub fn linker_flags(&self) -> Vec<&'static str> {
        [&["-Os", "-static"], self.link_args].concat()
    }
}

/// The architectures that a command is for.
#[derive(clap::Args)]
pub struct Selection {
    /// Architecture; repeatable. Without it: that of this machine.
    #[arg(long = "target", value_name = "ARCH")]
    targets: Vec<Arch>,
    /// All architectures.
    #[arg(long, conflicts_with = "targets")]
    all: bool,
}

impl Selection {
    /// # Errors
    /// Where none is given, and we build for none that this machine is of.
    pub fn archs(&self) -> Result<Vec<Arch>> {
        match &self.targets[..] {
            _ if self.all => Ok(Arch::value_variants().to_vec()),
            [] => Ok(vec![Arch::host().context(
                "tidy-init is not built for this machine's architecture; name one by --target",
            )?]),
            targets => Ok(targets.to_vec()),
        }
    }
}

/// The most bytes that the x86_64 binary may have.
const SIZE_BUDGET: u64 = 50_000;

impl Arch {
    /// The architecture of this very machine, where we build for it.
    pub fn host() -> Option<Arch> {
        let machine = std::env::consts::ARCH;
        Arch::value_variants()
            .iter()
            .copied()
            .find(|arch| arch.spec().triple.starts_with(machine))
    }

    pub fn spec(self) -> &'static Spec {
        match self {
            Arch::X86_64 => &Spec {
                name: "x86_64",
                triple: "x86_64-unknown-linux-musl",
                zig: &["-target", "x86_64-linux-musl"],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_X86_64,
                emulator: "qemu-x86_64-static",
            },
            Arch::Aarch64 => &Spec {
                name: "aarch64",
                triple: "aarch64-unknown-linux-musl",
                zig: &["-target", "aarch64-linux-musl"],
                link_args: &[],
                // Otherwise atomics are function calls that examine the processor first, through
                // /proc/self/auxv, with a buffer of 32 kB.
                rustflags: &["-Ctarget-feature=-outline-atomics"],
                machine: elf::EM_AARCH64,
                emulator: "qemu-aarch64-static",
            },
            Arch::Armv7 => &Spec {
                name: "armv7",
                triple: "armv7-unknown-linux-musleabihf",
                zig: &[
                    "-target",
                    "arm-linux-musleabihf",
                    "-mcpu=generic+v7a+vfp3-d32+thumb2-neon",
                ],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_ARM,
                emulator: "qemu-arm-static",
            },
            // Soft float: it runs on every ARMv6, and an init computes nothing.
            Arch::Arm => &Spec {
                name: "arm",
                triple: "arm-unknown-linux-musleabi",
                zig: &[
                    "-target",
                    "arm-linux-musleabi",
                    "-mcpu=generic+v6+strict_align-neon",
                ],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_ARM,
                emulator: "qemu-arm-static",
            },
            Arch::I686 => &Spec {
                name: "i686",
                triple: "i686-unknown-linux-musl",
                zig: &["-target", "x86-linux-musl"],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_386,
                emulator: "qemu-i386-static",
            },
            Arch::Riscv64gc => &Spec {
                name: "riscv64gc",
                triple: "riscv64gc-unknown-linux-musl",
                zig: &["-target", "riscv64-linux-musl"],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_RISCV,
                emulator: "qemu-riscv64-static",
            },
            Arch::Powerpc64le => &Spec {
                name: "powerpc64le",
                triple: "powerpc64le-unknown-linux-musl",
                zig: &["-target", "powerpc64le-linux-musl"],
                link_args: &[],
                // Fewer copies of functions, whose saved registers take an instruction each: 704
                // bytes, 1.0 %.
                rustflags: &["-Cllvm-args=-inline-threshold=30"],
                machine: elf::EM_PPC64,
                emulator: "qemu-ppc64le-static",
            },
            Arch::S390x => &Spec {
                name: "s390x",
                triple: "s390x-unknown-linux-musl",
                zig: &["-target", "s390x-linux-musl"],
                link_args: &[],
                rustflags: &[],
                machine: elf::EM_S390,
                emulator: "qemu-s390x-static",
            },
            Arch::Loongarch64 => &Spec {
                name: "loongarch64",
                triple: "loongarch64-unknown-linux-musl",
                zig: &["-target", "loongarch64-linux-musl"],
                // No vectors: an init has no use for them, not every machine has them, and QEMU 7.2,
                // which tests the binary, does not either.
                link_args: &["-mcpu=generic_la64+d"],
                // The usual medium code model spends two instructions on each call, so that it can
                // reach further than this program is long: 1.7 kB.
                rustflags: &["-Ctarget-feature=-lsx", "-Ccode-model=small"],
                machine: elf::EM_LOONGARCH,
                emulator: "qemu-loongarch64-static",
            },
        }
    }

    /// The most bytes that the binary may have: 25 % more where the instruction set is less dense
    /// than that of x86_64.
    pub fn size_budget(self) -> u64 {
        match self {
            Arch::X86_64 => SIZE_BUDGET,
            // Each function that uses a constant begins with finding its table of contents, and
            // each register is saved by an instruction of its own: up to 40 % more. Neither
            // another optimization level (s: 0.5 kB less) nor the small code model changes that.
            Arch::Powerpc64le => SIZE_BUDGET / 5 * 7,
            _ => SIZE_BUDGET / 4 * 5,
        }
    }
}
