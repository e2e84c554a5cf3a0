//! Running cases, several at a time.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    case::{Case, Fact, Outcome},
    context::Context,
    report::{Report, Row},
};
use crate::{init::Init, interrupt, output::Output};

/// The threads that run cases are called this: their panics are facts, and not printed.
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
    /// These cases for these inits: waits of 5 s, two cases at a time for each processor, since
    /// most of a case is waiting.
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

    /// Runs everything. Each case has namespaces of its own, so that none disturbs another; an
    /// interrupt ([`interrupt::watch`]) ends it early.
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
                // Case by case, so that what fails at all is seen soon.
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
                // Where a thread cannot be made, the others do its work.
                let _ = builder.spawn_scoped(scope, work);
            }
        });
        let outcomes = outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let not_run = || (Outcome::Skipped("not run".to_owned()), Duration::ZERO);
        let mut outcomes = outcomes.into_iter().map(|o| o.unwrap_or_else(not_run));
        let rows = self.cases.iter().map(|case| Row {
            case: *case,
            outcomes: outcomes.by_ref().take(self.inits.len()).collect(),
        });
        Report::new(&self.inits, rows.collect(), started.elapsed())
    }

    fn try_case(&self, case: &Case, init: &Init) -> Outcome {
        if !case.holds_for(init.personality()) {
            return Outcome::NotApplicable;
        }
        if let Some(reason) = case.missing() {
            return Outcome::Skipped(reason);
        }
        let context = Context::new(init, case, self.limit, self.limit * 4);
        let verdict = panic::catch_unwind(AssertUnwindSafe(|| (case.run)(&context)));
        match verdict {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(fact)) => Outcome::Failed(fact),
            Err(panic) => Outcome::Failed(fact_of(&*panic)),
        }
    }
}

/// The init as every case can start it.
fn usable(init: &Init) -> Result<Init, Fact> {
    init.check().map_err(|error| Fact::new(error.to_string()))?;
    init.reachable()
        .map_err(|error| Fact::new(format!("the harness failed: cannot copy the init: {error}")))
}

/// What a panic said: the helpers of the library panic with all there is to know, a line first.
fn fact_of(panic: &(dyn std::any::Any + Send)) -> Fact {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("the case panicked");
    let (seen, detail) = text.split_once('\n').unwrap_or((text, ""));
    Fact {
        seen: seen.to_owned(),
        detail: detail.to_owned(),
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
