//! Steps that run side by side, each as soon as those that it needs are done.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

/// Steps, to be run in any order that their needs allow.
#[derive(Default)]
pub struct Steps(Vec<Step>);

struct Step {
    name: &'static str,
    after: Vec<&'static str>,
    in_background: bool,
    work: Box<dyn FnOnce() -> Result<()> + Send>,
}

impl Steps {
    /// Adds a step that starts when the steps named in `after` are done.
    pub fn add(
        &mut self,
        name: &'static str,
        after: &[&'static str],
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        self.push(name, after, false, work);
    }

    /// As [`add`](Self::add). Everything the step starts runs at the lowest priority: builds that
    /// use whatever processor time the tests leave.
    pub fn add_in_background(
        &mut self,
        name: &'static str,
        after: &[&'static str],
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        self.push(name, after, true, work);
    }

    fn push(
        &mut self,
        name: &'static str,
        after: &[&'static str],
        in_background: bool,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        self.0.push(Step {
            name,
            after: after.to_vec(),
            in_background,
            work: Box::new(work),
        });
    }

    /// Runs all steps, and says when each starts and how long it takes. After a failure no other step
    /// starts; `on_failure` is to end what the running ones have started.
    ///
    /// # Errors
    /// The first failure.
    pub fn run(self, on_failure: impl FnOnce()) -> Result<()> {
        let mut waiting = self.0;
        let mut done = Vec::new();
        let mut running = 0;
        let (report, ended) = mpsc::channel();
        loop {
            let is_ready = |step: &mut Step| step.after.iter().all(|name| done.contains(name));
            for step in waiting.extract_if(.., is_ready).collect::<Vec<_>>() {
                running += 1;
                let report = report.clone();
                thread::spawn(move || {
                    let name = step.name;
                    let outcome = panic::catch_unwind(AssertUnwindSafe(|| perform(step)))
                        .unwrap_or_else(|_| Err(anyhow!("it has panicked")));
                    // The receiver is gone after the failure of another step.
                    let _ = report.send((name, outcome));
                });
            }
            if running == 0 {
                break;
            }
            let (name, outcome) = ended.recv().context("we hold a sender ourselves")?;
            running -= 1;
            if let Err(error) = outcome {
                on_failure();
                return Err(error.context(format!("step {name} has failed")));
            }
            done.push(name);
        }
        if let Some(step) = waiting.first() {
            bail!("step {} waits for {:?} in vain", step.name, step.after);
        }
        Ok(())
    }
}

fn perform(step: Step) -> Result<()> {
    log::info!("== {}", step.name);
    let start = Instant::now();
    if step.in_background {
        lower_priority()?;
    }
    (step.work)()?;
    let seconds = start.elapsed().as_secs_f64();
    log::info!("== {}: {seconds:.1} s", step.name);
    Ok(())
}

/// Gives this thread, and every process that it starts, the lowest priority.
fn lower_priority() -> Result<()> {
    // SAFETY: the call only changes the priority of the calling thread; in Linux, 0 is that thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
    nix::errno::Errno::result(result).context("cannot lower the priority")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_step_runs_after_those_that_it_needs() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut steps = Steps::default();
        let note = |name: &'static str| {
            let order = Arc::clone(&order);
            move || {
                order.lock().unwrap().push(name);
                Ok(())
            }
        };
        steps.add("third", &["first", "second"], note("third"));
        steps.add_in_background("second", &["first"], note("second"));
        steps.add("first", &[], note("first"));
        steps.run(|| ()).unwrap();
        assert_eq!(*order.lock().unwrap(), ["first", "second", "third"]);
    }

    #[test]
    fn steps_that_need_nothing_of_each_other_run_at_the_same_time() {
        let mut steps = Steps::default();
        let (here, there) = (mpsc::channel(), mpsc::channel());
        let meet = |(tell, _): (mpsc::Sender<()>, _), hear: mpsc::Receiver<()>| {
            move || {
                tell.send(())?;
                Ok(hear.recv_timeout(std::time::Duration::from_secs(60))?)
            }
        };
        steps.add("one", &[], meet((here.0, ()), there.1));
        steps.add("other", &[], meet((there.0, ()), here.1));
        steps.run(|| ()).unwrap();
    }

    #[test]
    fn a_failure_names_the_step_and_starts_nothing_more() {
        let mut steps = Steps::default();
        steps.add("broken", &[], || bail!("no luck"));
        steps.add("never", &["broken"], || panic!("it has started"));
        let mut told = false;
        let error = format!("{:#}", steps.run(|| told = true).unwrap_err());
        assert_eq!(error, "step broken has failed: no luck");
        assert!(told);
    }

    #[test]
    fn a_panic_is_a_failure() {
        let mut steps = Steps::default();
        steps.add("broken", &[], || panic!("as the test wants it"));
        let error = format!("{:#}", steps.run(|| ()).unwrap_err());
        assert_eq!(error, "step broken has failed: it has panicked");
    }

    #[test]
    fn a_need_that_no_step_meets_is_an_error() {
        let mut steps = Steps::default();
        steps.add("lonely", &["nobody"], || Ok(()));
        let error = steps.run(|| ()).unwrap_err().to_string();
        assert_eq!(error, "step lonely waits for [\"nobody\"] in vain");
    }
}
