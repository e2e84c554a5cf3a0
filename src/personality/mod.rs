//! The programs that we stand for: a file each, with all that makes it one of
//! them. A new one is such a file, and a line in [`ALL`].

#![forbid(unsafe_code)]

mod catatonit;
mod definition;
mod dumb_init;
mod native;
mod nologin;
mod pause;
mod tini;

pub use definition::Personality;
pub use native::NATIVE;

use crate::cli::{Arguments, CommandLine, Request, UsageError, Variables};
use crate::config::Config;
use crate::text::Parts;

/// All of them. Who is called by none of their names is the first.
pub static ALL: [&Personality; 6] = [
    &NATIVE,
    &dumb_init::DUMB_INIT,
    &tini::TINI,
    &catatonit::CATATONIT,
    &pause::PAUSE,
    &nologin::NOLOGIN,
];

/// The personality that a name selects: by the last part of `argv[0]`, without
/// the dash that `su -` puts before it.
// Apart: inlined, it costs the function around it a larger frame.
#[inline(never)]
pub fn called_as(name: &[u8]) -> &'static Personality {
    let file = Parts::of(name, b'/').last().unwrap_or_default();
    let file = file.strip_prefix(b"-").unwrap_or(file);
    let known = |personality: &&&Personality| {
        let mut names = personality.names.iter();
        names.any(|name| name.as_bytes() == file)
    };
    ALL.iter().find(known).copied().unwrap_or(&NATIVE)
}

impl Personality {
    /// Reads the options in the environment (`options` is the value of
    /// [`OPTIONS_VARIABLE`](crate::cli::OPTIONS_VARIABLE), if it is set), then
    /// the command line, which wins. What they say goes to `config`, which is
    /// large: it is never copied. Returns what the command line asks for, which
    /// is never nothing.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    // Apart: what it needs is not in the frame that we sleep in.
    #[inline(never)]
    pub fn read<'a>(
        &self,
        argv: &dyn Arguments<'a>,
        options: Option<&'a [u8]>,
        variable: Variables<'_, 'a>,
        config: &mut Config<'a>,
    ) -> Result<Option<Request>, UsageError<'a>> {
        config.behaviour = self.behaviour;
        (self.defaults)(config);
        let mut line = CommandLine::new(config, argv, variable);
        let read = match options {
            Some(text) if self.reads_variable => line.read_variable(text, &NATIVE.grammar),
            _ => Ok(()),
        };
        match read.and_then(|()| (self.parse)(&mut line)) {
            Ok(()) => Ok(line.builder.request),
            Err(fault) => Err(line.error(fault)),
        }
    }
}
