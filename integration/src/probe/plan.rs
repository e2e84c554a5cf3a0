//! A program to probe, and probing it.

use std::{
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    advice::{Purpose, Tried},
    engine::{Engine, ImageConfig, full_command},
    home::Home,
    ready::Readiness,
    report::Report,
    rules,
    run::{self, End, Run, Under},
    scene::Scene,
    settings::{DOCKER_STOP, Settings},
};
use crate::{exit::Trouble, init::Init, interrupt, process::Process, signals::signal_number};

/// How long a signal that may help is waited for.
const TRIAL: Duration = Duration::from_secs(5);

/// A program to probe, and how. By default: as PID 1 itself and under no init, ready after a second
/// and quiet for half a second, stopped by TERM, killed after 10 s.
#[must_use]
#[derive(Clone, Debug)]
pub struct Probe {
    command: Vec<OsString>,
    image: Option<(Engine, String)>,
    run_options: Vec<OsString>,
    home: Home,
    request: Option<OsString>,
    bare: bool,
    inits: Vec<Init>,
    readiness: Readiness,
    ready_within: Duration,
    settle: Duration,
    signal: Option<i32>,
    stop_within: Duration,
    tries: bool,
}

/// An image and its configuration.
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
            home: Home::default(),
            request: None,
            bare: true,
            inits: Vec::new(),
            readiness: Readiness::After(Duration::from_secs(1)),
            ready_within: Duration::from_secs(60),
            settle: Duration::from_millis(500),
            signal: None,
            stop_within: DOCKER_STOP,
            tries: true,
        }
    }

    /// Runs it in a container of this image. The command, if there is one, replaces the image's own.
    /// The image's stop signal is the default.
    pub fn image(mut self, engine: Engine, name: impl Into<String>) -> Self {
        self.image = Some((engine, name.into()));
        self
    }

    /// Adds an option for `docker run`: `--env=KEY=VALUE`.
    pub fn run_option(mut self, option: impl Into<OsString>) -> Self {
        self.run_options.push(option.into());
        self
    }

    /// Gives each run this directory as its root file system, with a layer of its own to write to, and
    /// a network of its own; the environment is a container's. Needs root.
    pub fn root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.home.root = Some(directory.into());
        self
    }

    /// A shell script that prepares each run, with the program's files and network.
    pub fn setup(mut self, script: impl Into<OsString>) -> Self {
        self.home.setup = Some(script.into());
        self
    }

    /// The user to run as, by name. Needs root.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.home.user = Some(name.into());
        self
    }

    /// Adds a variable to the environment, `KEY=VALUE`.
    pub fn env(mut self, entry: impl Into<OsString>) -> Self {
        self.home.env.push(entry.into());
        self
    }

    /// A shell command that makes a request, which is in flight when the program is told to stop. It
    /// exits with 0 if it gets its answer.
    pub fn request(mut self, client: impl Into<OsString>) -> Self {
        self.request = Some(client.into());
        self
    }

    /// Adds an init to run it under. Options are tried with the first.
    pub fn init(mut self, init: Init) -> Self {
        self.inits.push(init);
        self
    }

    /// Whether to run it as PID 1 itself too.
    pub fn bare(mut self, bare: bool) -> Self {
        self.bare = bare;
        self
    }

    /// What tells that it has started.
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// How long its start may take.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// How long it has to be quiet then: its threads sleep, and its processes and their signal
    /// handlers do not change. A program that is never quiet is told to stop after ten times as long.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
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

    /// Whether to try options that may help.
    pub fn tries(mut self, tries: bool) -> Self {
        self.tries = tries;
        self
    }

    /// The least number of runs.
    #[must_use]
    pub fn planned(&self) -> usize {
        usize::from(self.bare) + self.inits.len()
    }

    /// Runs it. Fails when there is nothing to report on: no run at all, a missing image, a port in
    /// use.
    pub fn run(&self) -> Result<Report, Trouble> {
        self.run_telling(|_| {}, |_| {})
    }

    /// As [`run`](Self::run); `waits` is called with what is awaited, `over` with the name of each
    /// run after its end.
    pub fn run_telling(
        &self,
        mut waits: impl FnMut(String),
        mut over: impl FnMut(String),
    ) -> Result<Report, Trouble> {
        if self.planned() == 0 {
            return Err(Trouble(
                "there is no run: tidy-init is not found, and no other init is named".to_owned(),
            ));
        }
        if let Some((engine, _)) = &self.image {
            engine.sweep();
        }
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
            settle: self.settle,
            signal: self.stop_signal_of(image.as_ref())?,
            stop_within: self.stop_within,
            request: self.request.clone(),
        };
        let mut report = Report::new(
            &command,
            &settings,
            image.as_ref().map(|i| i.name),
            self.inits.first(),
        );
        let mut run = |init: Option<&Init>, options: &[String], settings: &Settings| {
            let run = self.run_once(image.as_ref(), init, options, settings, &mut waits)?;
            if interrupt::caught().is_some() {
                return Err(Trouble("interrupted".to_owned()));
            }
            over(run.under.label());
            Ok::<_, Trouble>(run)
        };
        if self.bare {
            let bare = run(None, &[], &settings)?;
            if let End::NotStarted { reason } = bare.end {
                return Err(Trouble(reason));
            }
            report.runs.push(bare);
        }
        for init in &self.inits {
            report.runs.push(run(Some(init), &[], &settings)?);
        }
        if let Some(init) = self.inits.first().filter(|_| self.tries) {
            let short = Settings {
                stop_within: self.stop_within.min(TRIAL),
                ..settings.clone()
            };
            for remedy in rules::worth_trying(&report) {
                // The first that helps in full is enough.
                let helped = |t: &Tried| {
                    t.helped && t.remedy.purpose == remedy.purpose && !t.run.lost_request()
                };
                if report.tried.iter().any(helped) {
                    continue;
                }
                let settings = match remedy.purpose {
                    Purpose::Stop | Purpose::Grace => &short,
                    Purpose::Answer | Purpose::Status(_) | Purpose::Leftovers => &settings,
                };
                let options = init.options(remedy.feature);
                if let (Some(options), Some(before)) = (options, report.under_init()) {
                    let run = run(Some(init), &options, settings)?;
                    let tried = Tried::new(remedy, run, before);
                    report.tried.push(tried);
                }
            }
        }
        let advice = rules::advise(&report);
        report.take_advice(advice);
        Ok(report)
    }

    fn stop_signal_of(&self, image: Option<&Image>) -> Result<i32, Trouble> {
        let stated = image.and_then(|image| image.config.stop_signal.as_deref());
        match (self.signal, stated.filter(|name| !name.is_empty())) {
            (Some(signal), _) => Ok(signal),
            (None, None) => Ok(libc::SIGTERM),
            (None, Some(name)) => signal_number(name).ok_or_else(|| {
                Trouble(format!("the image's stop signal {name:?} is not a signal"))
            }),
        }
    }

    fn run_once(
        &self,
        image: Option<&Image>,
        init: Option<&Init>,
        options: &[String],
        settings: &Settings,
        waits: &mut dyn FnMut(String),
    ) -> Result<Run, Trouble> {
        let shares_network = image.is_none() && self.home.root.is_none();
        if let Readiness::Port(port) = &self.readiness
            && shares_network
            && Process::current().sees_listener(*port)
        {
            return Err(Trouble(format!(
                "port {port} is in use: it would not tell when the program is ready"
            )));
        }
        let under = Under::new(init, options);
        let with = init.map(|init| (init, options));
        let started = Instant::now();
        let scene = match image {
            None => Scene::in_sandbox(&self.home, &self.command, with),
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
            Ok(scene) => run::observe(under, scene, settings, started, waits),
            Err(reason) => Ok(Run::not_started(under, reason)),
        }
    }
}
