//! A sample of worlds, acted out by real processes under the real init: the model is Linux as far as it goes.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use initlab::{Process, Running, Sandbox, TempDir, missing_namespaces, skipped};
use simulation::choices::seed_of;
use simulation::explore::{act_out, keep_panics};
use simulation::init::Init;
use simulation::scenario::Scenario;
use simulation::script::{Row, Script, Step};
use simulation::signals::number::*;
use tidy_init::config::{Placement, Target};

/// The init under test: the one that `TIDY_INIT` names, else the one that cargo has built beside us.
fn init() -> Option<PathBuf> {
    let named = std::env::var_os("TIDY_INIT").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_BIN_EXE_simulation")).with_file_name("tidy-init");
    named.or(Some(beside)).filter(|path| path.is_file())
}

/// How many worlds are acted out.
fn sample() -> u64 {
    let number = std::env::var("SIMULATION_SAMPLE").ok();
    number.and_then(|number| number.parse().ok()).unwrap_or(30)
}

/// Long for the toys, short for us.
const DEADLINE: u64 = 1500;

fn scenario(seed: u64) -> Scenario {
    let target = [Target::Group, Target::Child, Target::All][(seed % 3) as usize];
    let (placement, target) = match seed / 3 % 3 {
        0 if target != Target::Group => (Placement::Shared, target),
        _ => (Placement::Session, target),
    };
    Scenario {
        placement,
        target,
        grace: (seed / 9 % 4 == 1).then_some(DEADLINE),
        kill_after: (seed / 9 % 4 == 2).then_some(DEADLINE),
        signals: [TERM, USR1],
        ..Scenario::default()
    }
}

fn options(scenario: &Scenario) -> Vec<String> {
    let mut options = vec!["-v".to_owned()];
    if scenario.placement == Placement::Shared {
        options.push("-c".to_owned());
    }
    options.extend(match scenario.target {
        Target::Group => vec![],
        Target::Child => vec!["-t".to_owned(), "child".to_owned()],
        Target::All => vec!["-t".to_owned(), "all".to_owned()],
    });
    for (option, time) in [("--grace", scenario.grace), ("-k", scenario.kill_after)] {
        if let Some(time) = time {
            options.extend([option.to_owned(), format!("{time}ms")]);
        }
    }
    options
}

/// Real processes, and what is known of them.
struct Stage {
    init: Running,
    directory: TempDir,
    /// The number of the process that has, or had, a process ID outside.
    numbers: BTreeMap<i32, u16>,
}

impl Stage {
    fn new(binary: &Path, scenario: &Scenario) -> Stage {
        let directory = TempDir::new();
        for number in 2..40 {
            let path = directory.join(number.to_string());
            let path = CString::new(path.to_str().expect("it is text")).expect("it has no NUL");
            // SAFETY: a C string.
            assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
        }
        let init = Sandbox::new(binary)
            .arg0("tidy-init")
            .args(options(scenario))
            .args(["--", env!("CARGO_BIN_EXE_simulation"), "toy"])
            .arg(directory.path())
            .timeout(Duration::from_secs(60))
            .start();
        let numbers = BTreeMap::from([(init.pid(), 1)]);
        let mut stage = Stage {
            init,
            directory,
            numbers,
        };
        stage.await_number(2);
        stage
    }

    /// Waits until a toy has said who it is.
    fn await_number(&mut self, number: u16) {
        let line = self.init.expect(&format!("{number} is "));
        let inner = line.rsplit(' ').next().and_then(|pid| pid.parse().ok());
        let process = self.init.inside(inner.expect("a process ID"));
        self.numbers.insert(process.pid, number);
    }

    /// Waits until nobody runs, and nobody has a signal to deal with: two looks show the same.
    fn settle(&mut self) -> Vec<Row> {
        let mut last = Vec::new();
        let numbers = &self.numbers;
        let init = &self.init;
        let mut rows = Vec::new();
        init.poll_until("everything is quiet", || {
            let mut seen = Vec::new();
            rows.clear();
            let mut all = init.others();
            all.push(init.process());
            for process in all {
                let Some((row, trace)) = look(process, numbers) else {
                    last.clear();
                    return false;
                };
                rows.push(row);
                seen.push((process.pid, trace));
            }
            let same = seen == last;
            last = seen;
            same
        });
        rows.sort_unstable();
        rows
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::Order(number, word, value) => {
                let path = self.directory.join(number.to_string());
                let mut orders = OpenOptions::new()
                    .write(true)
                    .open(path)
                    .expect("the FIFO is there");
                // In one write: the toy takes what it reads for one order.
                let order = format!("{word} {value}\n");
                orders
                    .write_all(order.as_bytes())
                    .expect("a pipe takes a line");
                if word == "fork" {
                    self.await_number(value);
                }
            }
            Step::Send(1, signal) => self.init.kill(i32::from(signal)),
            Step::Send(number, signal) => {
                let found = self.numbers.iter().find(|(_, other)| **other == number);
                let (pid, _) = found.expect("it has said who it is");
                // SAFETY: no memory is involved. It lives in the model, and so it does here.
                unsafe { libc::kill(*pid, i32::from(signal)) };
            }
        }
    }
}

/// How a process stands, and what would differ if it ran in between; `None` where it is not quiet.
fn look(process: Process, numbers: &BTreeMap<i32, u16>) -> Option<(Row, u64)> {
    let stat = process.stat()?;
    let state = stat.state;
    let pending = |name: &str| {
        process
            .status_field(name)
            .is_none_or(|set| set.bytes().any(|digit| digit != b'0'))
    };
    match state {
        'S' if !pending("ShdPnd") && !pending("SigPnd") => {}
        'T' | 'Z' => {}
        _ => return None,
    }
    let number = |pid: i32| numbers.get(&pid).copied().unwrap_or(0);
    let row = Row {
        number: number(process.pid),
        state,
        parent: if number(process.pid) == 1 {
            0
        } else {
            number(stat.ppid)
        },
        group: number(stat.pgid),
        session: number(stat.sid),
    };
    Some((row, process.context_switches().unwrap_or(0)))
}

/// Acts one world out; what differs.
fn differs(binary: &Path, seed: u64) -> Option<String> {
    let scenario = scenario(seed);
    let script = Script::new(seed_of(seed, 7), 12);
    let (status, script, history) = act_out(scenario.clone(), script, &Init);
    let told = |what: String| Some(format!("seed {seed}: {what}\n{}", history.join("\n")));
    let status = match status {
        Ok(status) => status,
        Err(failure) => return told(failure.to_string()),
    };
    let mut stage = Stage::new(binary, &scenario);
    for (rows, step) in &script.steps {
        let real = stage.settle();
        if *rows != real {
            return told(format!(
                "before {step:?}:\n{rows:?} in the model,\n{real:?} really"
            ));
        }
        stage.perform(*step);
    }
    let ended = stage.init.wait();
    let mut real: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&ended.stdout).lines() {
        if let [number, "got", signal] = line.split(' ').collect::<Vec<_>>()[..] {
            let signals = real.entry(number.parse().ok()?).or_default();
            signals.push(signal.parse().ok()?);
        }
    }
    // After the last step several processes deal with signals at once: in which order is chance.
    let mut model: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for (number, signal) in &script.got[..script.got_before] {
        model.entry(*number).or_default().push(*signal);
    }
    for (number, signals) in &mut real {
        let expected = model.get(number).map_or(0, Vec::len);
        if signals.len() <= expected + 3 {
            signals.truncate(expected);
        }
    }
    real.retain(|_, signals| !signals.is_empty());
    if model != real {
        return told(format!("{model:?} in the model, {real:?} really"));
    }
    let shell = ended.status.shell();
    (shell != i32::from(status))
        .then(|| told(format!("status {status} in the model, {shell} really")))
        .flatten()
}

#[test]
fn real_processes_do_as_the_model_does() {
    if let Some(reason) = missing_namespaces() {
        return skipped(&reason);
    }
    let Some(binary) = init() else {
        return skipped("there is no init: `cargo build` makes it, or TIDY_INIT names it");
    };
    keep_panics();
    for seed in 0..sample() {
        if let Some(difference) = differs(&binary, seed) {
            panic!("{difference}");
        }
    }
}
