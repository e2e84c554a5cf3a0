//! `initlab probe`: how a program behaves as PID 1 and under an init, and what to do about it.
//!
//! A [`Probe`] runs the program several times: as PID 1 itself, and under each init. Each time it
//! waits until the program is ready, looks at it through `/proc`, sends the stop signal to PID 1 as
//! `docker stop` does, and sees what comes of it. Then it [advises](Report::advice), and tries what
//! it advises.
//!
//! ```no_run
//! use initlab::probe::{Probe, Readiness};
//!
//! let report = Probe::command(["nginx", "-g", "daemon off;"])
//!     .init("/usr/bin/tidy-init".parse()?)
//!     .readiness(Readiness::Port(80))
//!     .run()?;
//! assert!(report.runs.iter().all(|run| run.stopped().is_some()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advice;
mod args;
mod engine;
mod gate;
mod last_look;
mod ready;
mod report;
mod run;
mod scene;
mod seen;
mod status;

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

pub use advice::{Advice, Tried};
pub use args::{Args, main};
pub use engine::Engine;
pub use gate::{Gate, Unmet};
pub use ready::Readiness;
pub use report::Report;
pub use run::{End, Program, Run, Under};
pub use seen::Seen;

use crate::{
    exit::Trouble,
    init::Init,
    interrupt,
    signals::{signal_name, signal_number},
};
use engine::{ImageConfig, full_command};
use scene::Scene;

/// How long `docker stop` waits before it kills.
pub const DOCKER_STOP: Duration = Duration::from_secs(10);

/// How each run goes.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    readiness: Readiness,
    ready_within: Duration,
    signal: i32,
    stop_within: Duration,
}

/// A program to be probed, and how. By default: as PID 1 itself and under no init, ready after a
/// second, stopped by TERM, killed after 10 s.
#[must_use]
#[derive(Clone, Debug)]
pub struct Probe {
    command: Vec<OsString>,
    image: Option<(Engine, String)>,
    run_options: Vec<OsString>,
    bare: bool,
    inits: Vec<Init>,
    readiness: Readiness,
    ready_within: Duration,
    signal: Option<i32>,
    stop_within: Duration,
    tries: bool,
}

/// An image and what it says of itself.
struct Image<'a> {
    engine: &'a Engine,
    name: &'a str,
    config: ImageConfig,
}

impl Probe {
    /// A program on this machine, in a PID and mount namespace of its own.
    pub fn command<S: Into<OsString>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            image: None,
            run_options: Vec::new(),
            bare: true,
            inits: Vec::new(),
            readiness: Readiness::After(Duration::from_secs(1)),
            ready_within: Duration::from_secs(60),
            signal: None,
            stop_within: DOCKER_STOP,
            tries: true,
        }
    }

    /// Runs it in a container of this image: the command then takes the place of the image's own,
    /// and may be empty. The image's stop signal is the default.
    pub fn image(mut self, engine: Engine, name: impl Into<String>) -> Self {
        self.image = Some((engine, name.into()));
        self
    }

    /// Adds an option for `docker run`: `--env=KEY=VALUE`.
    pub fn run_option(mut self, option: impl Into<OsString>) -> Self {
        self.run_options.push(option.into());
        self
    }

    /// Adds an init to run it under; the first is the one that advice is tried with.
    pub fn init(mut self, init: Init) -> Self {
        self.inits.push(init);
        self
    }

    /// Whether to run it as PID 1 itself, too.
    pub fn bare(mut self, bare: bool) -> Self {
        self.bare = bare;
        self
    }

    /// When it counts as started.
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// How long it may take for that.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// The signal that asks it to stop.
    pub fn stop_signal(mut self, signal: i32) -> Self {
        self.signal = Some(signal);
        self
    }

    /// How long it may take to stop before it is killed.
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// Whether options that may help are tried.
    pub fn tries(mut self, tries: bool) -> Self {
        self.tries = tries;
        self
    }

    /// How many runs there are at least.
    #[must_use]
    pub fn planned(&self) -> usize {
        usize::from(self.bare) + self.inits.len()
    }

    /// Runs it: all there is to say comes as a report. Fails where there is nothing to report on:
    /// no such image, a port that is taken.
    pub fn run(&self) -> Result<Report, Trouble> {
        self.run_telling(|_| {})
    }

    /// As [`run`](Self::run); `tell` is called with the name of each run when it is over.
    pub fn run_telling(&self, mut tell: impl FnMut(String)) -> Result<Report, Trouble> {
        let image = match &self.image {
            None => None,
            Some((engine, name)) => Some(Image {
                config: engine.image(name)?,
                engine,
                name,
            }),
        };
        let command = match &image {
            None => self.command.clone(),
            Some(image) => full_command(&image.config, &self.command),
        };
        if command.is_empty() {
            return Err(Trouble("there is no command to run".to_owned()));
        }
        let settings = Settings {
            readiness: self.readiness.clone(),
            ready_within: self.ready_within,
            signal: self.stop_signal_of(image.as_ref())?,
            stop_within: self.stop_within,
        };
        let mut report = Report::new(
            &command,
            &settings,
            image.as_ref().map(|i| i.name),
            self.inits.first(),
        );
        let mut run = |init: Option<&Init>, options: &[String]| {
            let run = self.run_once(image.as_ref(), init, options, &settings)?;
            if interrupt::caught().is_some() {
                return Err(Trouble("interrupted".to_owned()));
            }
            tell(run.under.label());
            Ok::<_, Trouble>(run)
        };
        if self.bare {
            let bare = run(None, &[])?;
            if let End::NotStarted { reason } = bare.end {
                return Err(Trouble(reason));
            }
            report.runs.push(bare);
        }
        for init in &self.inits {
            report.runs.push(run(Some(init), &[])?);
        }
        if let Some(init) = self.inits.first().filter(|_| self.tries) {
            for remedy in advice::worth_trying(&report) {
                // The first that helps is enough.
                let helped = |t: &Tried| t.helped && t.remedy.purpose == remedy.purpose;
                if report.tried.iter().any(helped) {
                    continue;
                }
                if let Some(options) = init.options(remedy.feature) {
                    let run = run(Some(init), &options)?;
                    report.tried.push(Tried::new(remedy, run));
                }
            }
        }
        report.advise();
        Ok(report)
    }

    fn stop_signal_of(&self, image: Option<&Image>) -> Result<i32, Trouble> {
        let stated = image.and_then(|image| image.config.stop_signal.as_deref());
        match (self.signal, stated.filter(|name| !name.is_empty())) {
            (Some(signal), _) => Ok(signal),
            (None, None) => Ok(libc::SIGTERM),
            (None, Some(name)) => signal_number(name)
                .ok_or_else(|| Trouble(format!("the image's stop signal {name:?} is no signal"))),
        }
    }

    fn run_once(
        &self,
        image: Option<&Image>,
        init: Option<&Init>,
        options: &[String],
        settings: &Settings,
    ) -> Result<Run, Trouble> {
        if let (Readiness::Port(port), None) = (&self.readiness, image)
            && crate::Process::current().sees_listener(*port)
        {
            return Err(Trouble(format!(
                "port {port} is taken already: nothing could be told from it"
            )));
        }
        let under = Under::new(init, options);
        let with = init.map(|init| (init, options));
        let started = Instant::now();
        let scene = match image {
            None => Scene::in_sandbox(&self.command, with),
            Some(image) => {
                let (config, name) = (&image.config, image.name);
                let container =
                    image
                        .engine
                        .start(name, config, &self.command, with, &self.run_options);
                container.map(Scene::Container)
            }
        };
        match scene {
            Ok(scene) => run::observe(under, scene, settings, started),
            Err(reason) => Ok(Run::not_started(under, reason)),
        }
    }
}

/// How `docker stop` says a signal: `SIGTERM`.
fn sig(signal: i32) -> String {
    format!("SIG{}", signal_name(signal))
}
