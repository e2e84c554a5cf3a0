//! `initlab` as a static program, for any architecture, linked as the init is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use initlab::TempDir;

use crate::arch::Arch;
use crate::toolchain::Toolchain;
use crate::zig::Zig;
use crate::{apt, check, command, project};

/// How it is built.
pub struct Build<'a> {
    pub arch: Arch,
    /// The directory for what is built, below that of xtask.
    pub directory: &'a str,
    /// Cargo's settings, beyond the profile for releases. Cases panic with what they saw, and go on: it
    /// unwinds, whatever they say.
    pub settings: &'a [&'a str],
    /// The init that goes into it.
    pub init: Option<&'a Path>,
}

impl Build<'_> {
    /// Where it is once it is built.
    pub fn path(&self) -> PathBuf {
        let triple = self.arch.spec().triple;
        self.directory().join(triple).join("release/initlab")
    }

    fn directory(&self) -> PathBuf {
        project::work_dir().join(self.directory)
    }

    /// Builds it and gives its path.
    pub fn run(&self) -> Result<PathBuf> {
        let spec = self.arch.spec();
        let toolchain = Toolchain::find()?;
        let zig = Zig::install()?;
        let binary = self.path();
        let first = !binary.exists();
        if first {
            log::info!(
                "building initlab for {}, once: this takes some minutes",
                spec.name
            );
        }
        let start = Instant::now();
        let mut cargo = zig.build();
        toolchain.configure(&mut cargo);
        cargo
            .current_dir(project::root())
            .args(["--locked", "--release", "--quiet"])
            .args(["--package", "initlab", "--bin", "initlab"])
            .args(["--target", spec.triple, "--target-dir"])
            .arg(self.directory())
            // Without the parts that print backtraces, which name nothing in a stripped program.
            .args([
                "-Zbuild-std=std,panic_unwind",
                "-Zbuild-std-features=panic-unwind",
            ])
            .args(["--config", "profile.release.panic=\"unwind\""]);
        for setting in self.settings {
            cargo.args(["--config", setting]);
        }
        let link = |flag: &str| format!("-Clink-arg={flag}");
        let mut flags: Vec<String> = ["-Clink-self-contained=no", "-Crelocation-model=static"]
            .into_iter()
            .chain(spec.rustflags.iter().copied())
            .map(str::to_owned)
            .chain(spec.linker_flags().into_iter().map(link))
            .collect();
        flags.extend(toolchain.no_paths(project::root()));
        if let Some(init) = self.init {
            flags.push("--cfg=embedded_init".to_owned());
            cargo.env("INITLAB_EMBED", init);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command::run(&mut cargo)
            .with_context(|| format!("cannot build initlab for {}", spec.name))?;
        if first {
            let seconds = start.elapsed().as_secs_f64();
            log::info!("built for {} in {seconds:.0} s", spec.name);
        }
        fs::metadata(&binary).with_context(|| format!("no {}", binary.display()))?;
        check::linking(&binary, self.arch)?;
        Ok(binary)
    }
}

/// Runs a static initlab, which has an init in it, where there is nothing else but /proc and /dev and
/// an empty /tmp: it probes a program. With a shell it examines its init. Afterwards nothing is left.
/// Without root it only warns: no user namespace can be made in a root of one's own (unshare(2)).
pub fn runs_alone(initlab: &Path) -> Result<()> {
    if let Some(reason) = initlab::missing_root().or_else(initlab::missing_namespaces) {
        log::warn!("initlab does not run alone: {reason}");
        return Ok(());
    }
    apt::install(&["busybox-static"], "a shell without libraries")?;
    let root = TempDir::new();
    for directory in ["bin", "dev", "proc", "tmp"] {
        fs::create_dir(root.join(directory)).context("cannot make a directory")?;
    }
    let bring = |program: &Path, name: &str| {
        fs::copy(program, root.join("bin").join(name))
            .with_context(|| format!("cannot copy {}", program.display()))
    };
    // The mounts go with the namespace.
    let script = "mount --bind \"$0\" \"$0\" && mount --rbind /proc \"$0/proc\" \
                  && mount --rbind /dev \"$0/dev\" && exec chroot \"$0\" \"$@\"";
    let run = |words: &str| {
        let mut command = Command::new("unshare");
        for variable in ["INITLAB", "TIDY_INIT", "TMPDIR"] {
            command.env_remove(variable);
        }
        command.args(["--mount", "sh", "-c", script]);
        command::output(command.arg(root.path()).args(words.split(' ')))
    };
    bring(initlab, "initlab")?;
    let probed = run(
        "/bin/initlab probe --ready-line ready --stop-timeout 2s --expect-exit 0 -- \
         /bin/initlab fixture signals --until TERM",
    )?;
    ensure!(probed.contains("tidy-init"), "it has no init: {probed}");
    bring(Path::new("/bin/busybox"), "busybox")?;
    run("/bin/busybox --install -s /bin")?;
    let examined = run("/bin/initlab conform --quiet reaping/ signals/")?;
    ensure!(examined.contains("tidy-init"), "it has no init: {examined}");
    let mut left = fs::read_dir(root.join("tmp")).context("cannot read /tmp")?;
    ensure!(left.next().is_none(), "it leaves its init in /tmp");
    Ok(())
}
