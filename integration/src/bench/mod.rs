//! `initlab bench`: size, memory and speed of inits.
//!
//! Whatever is timed is interleaved, so that other load on the machine affects all inits alike; ratios
//! have bootstrapped 95 % intervals. [`Measure`] lists what is measured.
//!
//! ```no_run
//! use initlab::bench::{Bench, Measure};
//!
//! let report = Bench::new(["tini".parse()?, "dumb-init".parse()?])
//!     .only([Measure::Startup, Measure::Size])
//!     .run()?;
//! print!("{}", report.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod empty;
mod format;
mod idle;
mod latency;
mod measure;
mod pinned;
mod plan;
mod plots;
mod report;
mod startup;
mod statistics;
mod storm;
mod syscalls;

pub use args::{Args, main};
pub use format::Format;
pub use idle::Idle;
pub use measure::Measure;
pub use plan::Bench;
pub use report::{Figures, Latency, LeftOut, Report, Startup, Storms};
pub use statistics::{Estimate, median, percentile, ratio};
pub use storm::Storm;
