//! Running cases, several at a time.

use std::{
    collections::HashSet,
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    case::Case,
    context::Context,
    fact::Fact,
    limits::Limits,
    outcome::Outcome,
    report::{Report, Row},
};
use crate::{init::Init, interrupt, output::Output};

/// The name of the threads that run cases: their panics become facts, and are not printed.
const THREAD: &str = "initlab-case";

/// What to run.
pub struct Plan {
    /// The inits, in the order of the report's columns.
    pub inits: Vec<Init>,
    /// The cases, in the order of its rows.
    pub cases: Vec<Case>,
    /// How long each wait of a case may take; a case has four times that in all.
    pub limit: Duration,
    /// How many cases run at a time.
    pub jobs: usize,
}

impl Plan {
    /// These cases for these inits, with waits of at most 5 s, and two cases at a time for each
    /// processor, since a case mostly waits.
    #[must_use]
    pub fn new(inits: Vec<Init>, cases: Vec<Case>) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            inits,
            cases,
            limit: Duration::from_secs(5),
            jobs: processors * 2,
        }
    }

    /// Runs all cases. Each has its own namespaces, so cases do not affect each other. An interrupt
    /// ([`interrupt::watch`]) ends the run early.
    #[must_use]
    pub fn run(&self, output: Output) -> Report {
        silence_panics();
        let usable: Vec<Result<Init, Fact>> = self.inits.iter().map(usable).collect();
        let total = self.inits.len() * self.cases.len();
        let outcomes = Mutex::new(vec![None; total]);
        let progress = output.progress(total);
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let work = || {
            while interrupt::caught().is_none() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    break;
                }
                // Case by case over all inits, so that a broken case shows early.
                let (case, init) = (number / self.inits.len(), number % self.inits.len());
                let (case, name) = (&self.cases[case], self.inits[init].name());
                let started = Instant::now();
                let outcome = match &usable[init] {
                    Ok(init) => self.try_case(case, init),
                    Err(fact) => Outcome::Failed(fact.clone()),
                };
                progress.step(format!("{name} {}", case.id()));
                let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                outcomes[number] = Some((outcome, started.elapsed()));
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, total.max(1)) {
                let builder = thread::Builder::new().name(THREAD.to_owned());
                // If a thread cannot be created, the others do its work.
                let _ = builder.spawn_scoped(scope, work);
            }
        });
        let mut outcomes = outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.set_aside(&mut outcomes);
        let not_run = || (Outcome::Skipped("not run".to_owned()), Duration::ZERO);
        let mut outcomes = outcomes.into_iter().map(|o| o.unwrap_or_else(not_run));
        let rows = self.cases.iter().map(|case| Row {
            case: *case,
            outcomes: outcomes.by_ref().take(self.inits.len()).collect(),
        });
        Report::new(&self.inits, rows.collect(), started.elapsed())
    }

    /// A case whose failure only repeats that of a case that it relies on is skipped: the init is
    /// told once what is wrong.
    fn set_aside(&self, outcomes: &mut [Option<(Outcome, Duration)>]) {
        let columns = self.inits.len();
        let failed: HashSet<(usize, String)> = (0..outcomes.len())
            .filter(
                |number| matches!(&outcomes[*number], Some((outcome, _)) if outcome.is_failure()),
            )
            .map(|number| (number % columns, self.cases[number / columns].id()))
            .collect();
        for (number, outcome) in outcomes.iter_mut().enumerate() {
            let Some((outcome, _)) = outcome else {
                continue;
            };
            let Outcome::Failed(fact) = &*outcome else {
                continue;
            };
            let Some(id) = fact.relies_on else { continue };
            let own = self.cases[number / columns].id();
            if id != own && failed.contains(&(number % columns, id.to_owned())) {
                let why = format!("not shown, since {}: see {id}", fact.seen);
                *outcome = Outcome::Skipped(why);
            }
        }
    }

    fn try_case(&self, case: &Case, init: &Init) -> Outcome {
        if !case.holds_for(init.personality()) {
            return Outcome::NotApplicable;
        }
        if let Some(reason) = case.missing() {
            return Outcome::Skipped(reason);
        }
        let context = Context::new(
            init,
            case.options(init),
            Limits::new(self.limit, self.limit * 4),
        );
        let verdict = panic::catch_unwind(AssertUnwindSafe(|| case.run(&context)));
        match verdict {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(fact)) => Outcome::Failed(fact),
            Err(panic) => Outcome::Failed(fact_of(&*panic)),
        }
    }
}

/// The init at a path that every case can use.
fn usable(init: &Init) -> Result<Init, Fact> {
    init.check().map_err(|error| Fact::new(error.to_string()))?;
    init.reachable()
        .map_err(|error| Fact::new(format!("the harness failed: cannot copy the init: {error}")))
}

/// The message of a panic as a fact: helpers of the library panic with a line and the full picture.
fn fact_of(panic: &(dyn std::any::Any + Send)) -> Fact {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("the case panicked");
    let (seen, detail) = text.split_once('\n').unwrap_or((text, ""));
    Fact {
        detail: detail.to_owned(),
        ..Fact::new(seen)
    }
}

fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                before(info);
            }
        }));
    });
}
