//! `initlab probe`: how a program behaves as PID 1 and under an init, and what to do about it.
//!
//! A [`Probe`] runs the program several times: as PID 1 itself, and under each init. Each time it
//! waits until the program is ready and quiet, inspects it through `/proc`, sends the stop signal to
//! PID 1 as `docker stop` does, and observes the end. Then it tries options that may help, and
//! [advises](Report::advice).
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
mod guide;
mod home;
mod known;
mod last_look;
mod markup;
mod paste;
mod plan;
mod quiet;
mod ready;
mod report;
mod request;
mod rules;
mod run;
mod scene;
mod script;
mod seen;
mod settings;
mod status;
mod unmet;
mod words;

pub use advice::{Advice, Topic, Tried};
pub use args::{Args, main};
pub use engine::Engine;
pub use gate::Gate;
pub use paste::Paste;
pub use plan::Probe;
pub use ready::{Readiness, line};
pub use report::Report;
pub use request::Flight;
pub use run::{End, Program, Run, Under};
pub use seen::Seen;
pub use settings::DOCKER_STOP;
pub use unmet::Unmet;
