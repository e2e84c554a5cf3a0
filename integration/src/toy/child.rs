//! From fork to exec.

use std::{
    ffi::{CString, OsString},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
};

use super::{defect::Defect, message::complain};
use crate::sys::{self, CStrings, Fork};

/// Starts the command and waits until it has exec'd, so that no signal meets a half-made child. An
/// error is the exit status.
pub fn start(
    defect: Defect,
    command: Vec<OsString>,
    mask: u64,
    terminal: bool,
) -> Result<i32, i32> {
    let fail = |what: &str, error: std::io::Error| {
        complain(&format!("{what}: {error}"));
        125
    };
    let (told, tell) = sys::pipe().map_err(|e| fail("cannot make a pipe", e))?;
    let forked = loop {
        match sys::fork() {
            Err(_) if defect == Defect::RetriesFork => {}
            result => break result.map_err(|e| fail("cannot fork", e))?,
        }
    };
    let Fork::Parent(pid) = forked else {
        sys::exit_now(child(defect, command, mask, terminal, &tell));
    };
    drop(tell);
    let mut status = [0];
    match sys::read(told.as_fd(), &mut status) {
        Ok(1) => {
            let _ = sys::reap(pid);
            Err(status[0].into())
        }
        _ => Ok(pid),
    }
}

/// In the child. Returns only where nothing could be executed, with the exit status, which it has also
/// sent to the parent.
fn child(defect: Defect, command: Vec<OsString>, mask: u64, terminal: bool, tell: &OwnedFd) -> i32 {
    if defect != Defect::NoSession {
        let _ = sys::setsid();
        let steal = defect == Defect::StealsTerminal;
        if (terminal || steal) && defect != Defect::NoForeground {
            let _ = sys::take_terminal(0, steal);
        }
    }
    let signals = (1..=64).filter(|s| ![libc::SIGKILL, libc::SIGSTOP].contains(s));
    if defect == Defect::ResetsSignals {
        for signal in signals {
            let _ = sys::set_disposition(signal, false);
        }
    }
    if defect == Defect::IgnoresPipe {
        let _ = sys::set_disposition(libc::SIGPIPE, true);
    }
    if defect == Defect::LowersLimits {
        let _ = sys::set_limit(sys::LIMIT_NOFILE, 64);
    }
    if defect == Defect::LeaksIntoCommand {
        // A number without a flag, and without an owner: it is to stay open.
        if let Ok(fd) = sys::open_null() {
            let _ = sys::duplicate_to(fd.as_raw_fd(), 7);
        }
    }
    if defect != Defect::KeepsTheMask {
        let _ = sys::set_mask(mask);
    }
    let error = exec(defect, command);
    let status = match error.raw_os_error() {
        _ if defect == Defect::ExecFailureIsOne => 1,
        Some(libc::ENOENT) => 127,
        _ => 126,
    };
    if defect != Defect::SilentFailure {
        complain(&format!("cannot execute the command: {error}"));
    }
    let _ = sys::write_all(tell.as_raw_fd(), &[status]);
    i32::from(status)
}

fn exec(defect: Defect, command: Vec<OsString>) -> std::io::Error {
    let lossy = |word: OsString| match defect {
        Defect::Utf8Arguments => word.to_string_lossy().into_owned().into(),
        _ => word,
    };
    let words = command.into_iter().map(lossy);
    let words: Result<Vec<_>, _> = words.map(|w| CString::new(w.into_vec())).collect();
    let Ok(mut words) = words else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    if defect == Defect::TakesCommandsOptions
        && words
            .get(1)
            .is_some_and(|word| word.as_bytes().starts_with(b"-"))
    {
        words.remove(1);
    }
    let program = words[0].clone();
    let arguments = CStrings::new(words);
    let mut environment = sys::environment();
    if defect == Defect::AddsToEnvironment {
        environment.push("TOY=1".into());
    }
    let by_search = ![
        Defect::NoPathSearch,
        Defect::NoScriptFallback,
        Defect::AddsToEnvironment,
    ]
    .contains(&defect);
    if by_search {
        return sys::exec_search(&program, &arguments);
    }
    let environment = environment.into_iter().map(|e| CString::new(e.into_vec()));
    let environment = CStrings::new(environment.flatten().collect());
    let name = OsString::from_vec(program.to_bytes().to_vec());
    let path = match crate::find_program(&name) {
        Some(path) if defect != Defect::NoPathSearch => path.into_os_string(),
        _ => name,
    };
    match CString::new(path.into_vec()) {
        Ok(path) => sys::exec(&path, &arguments, &environment),
        Err(_) => std::io::ErrorKind::InvalidInput.into(),
    }
}
