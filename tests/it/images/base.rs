//! Debian, as an image: what the Dockerfiles are built on here, where there may be no registry.

use std::{fs, path::PathBuf, sync::OnceLock, time::Duration};

use initlab::{Sandbox, find_program, fingerprint, missing_program};

use super::container::{docker::docker, image, janitor::mark};

/// What is told to mmdebstrap(1). All that the Dockerfiles install is there already, and there is
/// nowhere to download from: their builds need no network, and no package is fetched twice.
const RECIPE: &[&str] = &[
    "--variant=apt",
    "--include=busybox-static,ca-certificates,cron,dumb-init,gunicorn,nginx-light,nodejs,php8.2-fpm,puma,tini,tzdata",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--customize-hook=rm \"$1/etc/apt/sources.list\"",
    "--quiet",
    "--format=tar",
    "bookworm",
];

/// Why there can be no image; `None` when there can.
pub fn missing() -> Option<String> {
    let base = || made().as_ref().err().cloned();
    image::missing()
        .or_else(|| missing_program("mmdebstrap"))
        .or_else(base)
}

/// The name of the image. It goes when the process ends; as a file it stays, below `target/`.
#[track_caller]
pub fn base() -> &'static str {
    made().as_ref().expect("`missing` has been asked")
}

fn made() -> &'static Result<String, String> {
    static MADE: OnceLock<Result<String, String>> = OnceLock::new();
    MADE.get_or_init(|| {
        let archive = archive()?;
        let mark = mark();
        let name = format!("tidy-init-test-base:{}", mark.name);
        let label = format!("LABEL {}", mark.label);
        let archive = archive.to_str().ok_or("the path of target/ is no UTF-8")?;
        docker(&["import", "--change", &label, archive, &name]);
        Ok(name)
    })
}

/// The archive of its files, which is made where this recipe's is not there yet.
fn archive() -> Result<PathBuf, String> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let archive = directory.join(format!("debian-{:016x}.tar", fingerprint(RECIPE)));
    if archive.exists() {
        return Ok(archive);
    }
    let unfinished = directory.join(format!("debian-{}.unfinished", std::process::id()));
    let program = find_program("mmdebstrap").ok_or("it has been there")?;
    let made = Sandbox::plain(program)
        .args(RECIPE)
        .arg(&unfinished)
        .timeout(Duration::from_secs(600))
        .run();
    if made.status.code() != Some(0) {
        let _ = fs::remove_file(&unfinished);
        return Err(format!("needs a Debian system by mmdebstrap: {made}"));
    }
    fs::rename(&unfinished, &archive)
        .map_err(|error| format!("cannot rename {}: {error}", unfinished.display()))?;
    Ok(archive)
}
