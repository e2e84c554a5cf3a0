//! `initlab machine`: the userland of a machine whose PID 1 is the init under test, no namespace
//! between them. `cargo xtask kernels` boots such machines.
//!
//! [`run`] is the machine's whole work: the cases for its real PID 1, then the catalogue of
//! `initlab conform` in namespaces. What is seen goes to the console as [`Line`]s, one for each case.

mod case;
mod line;
mod memory;
mod pid1;
mod surroundings;

use std::{
    ffi::OsString,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};

pub use crate::refusal::{ALL as REFUSALS, Refusal};
pub use case::INIT;
use case::MachineCase;
pub use line::{Line, Mark, NoLine};

use crate::{
    conform::{self, Case, Fact, Outcome, Plan},
    deadline::scaled,
    exit::{self, Trouble},
    init::{Init, Personality},
    output::Output,
    signals::signal_name,
    sys,
};

/// The status that [`run`] ends with when all its lines are out: no shell and no init uses it.
pub const DONE: i32 = 42;

/// What to do as the first command of a machine.
#[derive(Parser)]
#[command(name = "initlab machine")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the cases for the real PID 1, and the catalogue in namespaces
    Run {
        /// A personality of the init that the catalogue is run for; repeatable
        #[arg(long = "as", value_name = "PERSONALITY", value_parser = personality)]
        personalities: Vec<Personality>,
        /// A system call that fails for the init and all below it, in the catalogue; repeatable
        #[arg(long = "refuse", value_name = "CALL", value_parser = Refusal::named)]
        refusals: Vec<Refusal>,
        /// Leave out the cases for the real PID 1
        #[arg(long)]
        catalogue_only: bool,
        /// Only the cases whose group/name contains one of these
        filters: Vec<String>,
    },
    /// Leave processes behind that say when they are told to end, and exit with a status
    Leave {
        /// How many
        count: usize,
        /// The status
        status: i32,
    },
    /// Join a cgroup, make it the root of what can be seen, and execute a command
    Enter {
        /// The cgroup's directory
        cgroup: PathBuf,
        /// The command
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// Fill memory until there is no more
    Fill,
}

fn personality(name: &str) -> Result<Personality, String> {
    let found = Personality::ALL.into_iter().find(|p| p.name() == name);
    found.ok_or_else(|| "no such personality".to_owned())
}

/// `initlab machine ARGS...`, past the command line of `initlab`: no thread and no handler is there
/// when the cases begin. Gives the exit status.
pub fn main(arguments: Vec<OsString>) -> i32 {
    let mut words = arguments.into_iter();
    let program = words.next();
    let args = Args::parse_from(program.into_iter().chain(words.skip(1)));
    crate::use_own_fixtures();
    match execute(&args) {
        Ok(status) => status,
        Err(Trouble(why)) => {
            let _ = sys::write_all(2, format!("initlab: {why}\n").as_bytes());
            exit::TROUBLE
        }
    }
}

fn execute(args: &Args) -> Result<i32, Trouble> {
    match &args.task {
        Task::Run {
            personalities,
            refusals,
            catalogue_only,
            filters,
        } => {
            crate::refusal::set(refusals);
            run(personalities, *catalogue_only, filters)
        }
        Task::Leave { count, status } => leave(*count).map(|()| *status).map_err(trouble),
        Task::Enter { cgroup, command } => Err(trouble(memory::enter(cgroup, command))),
        Task::Fill => Ok(memory::fill()),
    }
}

fn trouble(error: std::io::Error) -> Trouble {
    Trouble(error.to_string())
}

fn run(
    personalities: &[Personality],
    catalogue_only: bool,
    filters: &[String],
) -> Result<i32, Trouble> {
    surroundings::prepare().map_err(trouble)?;
    let mut console = Console::default();
    console.say(Mark::Hello, "machine", &surroundings::describe());
    let wanted = |id: &str| filters.is_empty() || filters.iter().any(|f| id.contains(f.as_str()));
    if !catalogue_only {
        for case in pid1::CASES.iter().chain(memory::CASES) {
            let id = format!("machine/{}", case.name);
            if wanted(&id) {
                console.machine_case(case, &id);
            }
        }
    }
    let cases: Vec<Case> = conform::cases();
    let cases: Vec<Case> = cases.into_iter().filter(|c| wanted(&c.id())).collect();
    for personality in personalities {
        let init = Init::new(INIT, Some(*personality));
        console.catalogue(&init, &cases);
    }
    if !catalogue_only && wanted("machine/clock-after-2038") {
        // The last one: it sets the machine's clock.
        let case = MachineCase::new("clock-after-2038", pid1::after_2038);
        console.machine_case(&case, "machine/clock-after-2038");
    }
    let count = console.said.to_string();
    console.say(Mark::End, "machine", &count);
    Ok(DONE)
}

/// The machine's console, and how many lines it was given.
#[derive(Default)]
struct Console {
    said: usize,
}

impl Console {
    fn say(&mut self, mark: Mark, what: &str, more: &str) {
        self.said += 1;
        let line = Line {
            number: self.said,
            mark,
            what: what.to_owned(),
            more: more.to_owned(),
        };
        // One write, and on a line of its own even if something else has begun one.
        let _ = sys::write_all(1, format!("\n{line}\n").as_bytes());
    }

    fn machine_case(&mut self, case: &MachineCase, id: &str) {
        let started = Instant::now();
        let verdict = panic::catch_unwind(AssertUnwindSafe(case.run));
        let outcome = match verdict {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(fact)) => Outcome::Failed(fact),
            Err(_) => Outcome::Failed(Fact::new("the case panicked")),
        };
        self.outcome(id, &outcome, started.elapsed());
    }

    /// Group by group, so that the console says how far it is.
    fn catalogue(&mut self, init: &Init, cases: &[Case]) {
        let mut rest = cases;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|c| c.group == first.group).count();
            let (group, others) = rest.split_at(same);
            rest = others;
            let mut plan = Plan::new(vec![init.clone()], group.to_vec());
            plan.limit = scaled(Duration::from_secs(5));
            let report = plan.run(Output { quiet: true });
            for row in &report.rows {
                for (outcome, took) in &row.outcomes {
                    let id = format!("{}/{}", init.personality(), row.case.id());
                    self.outcome(&id, outcome, *took);
                }
            }
        }
    }

    fn outcome(&mut self, id: &str, outcome: &Outcome, took: Duration) {
        let took = format!("{:.1} s", took.as_secs_f64());
        match outcome {
            Outcome::Passed => self.say(Mark::Passed, id, &took),
            Outcome::NotApplicable => {}
            Outcome::Skipped(reason) => self.say(Mark::Skipped, id, reason),
            Outcome::Failed(fact) => {
                self.say(Mark::Failed, id, &format!("{} ({took})", fact.seen));
                for line in fact.detail.lines().take(60) {
                    self.say(Mark::Detail, id, line);
                }
            }
        }
    }
}

/// Makes processes in sessions of their own that wait for TERM, say so, and end.
fn leave(count: usize) -> std::io::Result<()> {
    for number in 1..=count {
        let (ready, write) = sys::pipe()?;
        if let sys::Fork::Child = sys::fork()? {
            sys::exit_now(match leftover(number, &write) {
                Ok(()) => 0,
                Err(_) => 1,
            });
        }
        drop(write);
        sys::read(std::os::fd::AsFd::as_fd(&ready), &mut [0])?;
    }
    Ok(())
}

fn leftover(number: usize, ready: &std::os::fd::OwnedFd) -> std::io::Result<()> {
    use std::os::fd::AsRawFd as _;
    sys::set_mask(u64::MAX)?;
    sys::setsid()?;
    sys::write_all(ready.as_raw_fd(), b"x")?;
    let taken = sys::take_signal(!(1 << (libc::SIGCONT - 1)), None)?;
    let name = taken.map_or_else(|| "?".to_owned(), |taken| signal_name(taken.signal));
    Console { said: number - 1 }.say(Mark::Detail, "leftover", &format!("took {name}"));
    // What is not sent when the machine's PID 1 ends, the panic leaves unsent.
    nix::sys::termios::tcdrain(std::io::stdout())?;
    Ok(())
}
