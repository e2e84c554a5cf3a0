//! What the packagers call the architectures.

use crate::arch::Arch;

/// The names of one architecture.
pub struct Platform {
    /// Debian's; none where there is no such port.
    pub debian: Option<&'static str>,
    /// The platform tags of a wheel (PEP 600, PEP 656). The binary needs neither glibc nor musl:
    /// they are the oldest ones that package indexes take.
    pub wheel: &'static [&'static str],
    /// Go's, which are those of container images (image-spec, "platform").
    pub image: &'static str,
    /// The variant of that.
    pub variant: Option<&'static str>,
}

impl Platform {
    pub fn of(arch: Arch) -> Platform {
        let (debian, wheel, image, variant): (_, &[_], _, _) = match arch {
            Arch::X86_64 => (
                Some("amd64"),
                &["manylinux2014_x86_64", "musllinux_1_1_x86_64"],
                "amd64",
                None,
            ),
            Arch::Aarch64 => (
                Some("arm64"),
                &["manylinux2014_aarch64", "musllinux_1_1_aarch64"],
                "arm64",
                Some("v8"),
            ),
            Arch::Armv7 => (
                Some("armhf"),
                &["manylinux2014_armv7l", "musllinux_1_1_armv7l"],
                "arm",
                Some("v7"),
            ),
            // Debian's armel is for older processors, its armhf for newer ones.
            Arch::Arm => (None, &["linux_armv6l"], "arm", Some("v6")),
            Arch::I686 => (
                Some("i386"),
                &["manylinux2014_i686", "musllinux_1_1_i686"],
                "386",
                None,
            ),
            Arch::Riscv64gc => (
                Some("riscv64"),
                &["manylinux_2_31_riscv64", "musllinux_1_2_riscv64"],
                "riscv64",
                None,
            ),
            Arch::Powerpc64le => (
                Some("ppc64el"),
                &["manylinux2014_ppc64le", "musllinux_1_1_ppc64le"],
                "ppc64le",
                None,
            ),
            Arch::S390x => (
                Some("s390x"),
                &["manylinux2014_s390x", "musllinux_1_1_s390x"],
                "s390x",
                None,
            ),
            Arch::Loongarch64 => (
                Some("loong64"),
                &["manylinux_2_36_loongarch64", "musllinux_1_2_loongarch64"],
                "loong64",
                None,
            ),
        };
        Platform {
            debian,
            wheel,
            image,
            variant,
        }
    }
}
