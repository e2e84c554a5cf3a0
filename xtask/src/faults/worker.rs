//! The process that runs the inits: PID 1 of a PID namespace, so that what an init leaves behind comes
//! to it, without threads, so that it may fork. Jobs come in on standard input, a line each, and what
//! was seen goes out on standard output, a line of JSON.

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::run::{Bench, Fault, Seen, Use};
use super::scenario::Scenario;

/// Where an empty directory is mounted for us.
pub const CGROUPS: &str = "/sys/fs/cgroup";

/// Serves until standard input ends.
pub fn main(bench: &Bench) -> Result<()> {
    std::fs::write(Path::new(CGROUPS).join("memory.events"), "oom_kill 0\n")?;
    for line in std::io::stdin().lock().lines() {
        let (scenario, fault) = read_job(&line?)?;
        let answer = match bench.run(scenario, &fault) {
            Ok(seen) => show(&seen),
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// A job as a line.
pub fn job(scenario: &Scenario, fault: &Fault) -> String {
    let of = |of: &Use| json!([of.number, of.purpose, of.in_child]);
    let fault = match fault {
        Fault::Record => json!(["record"]),
        Fault::Every { number, errno } => json!(["every", errno, number]),
        Fault::EachUse { of: this, errno } => json!(["each", errno, of(this)]),
        Fault::One {
            of: this,
            nth,
            errno,
        } => json!(["one", errno, of(this), nth]),
        Fault::From {
            of: this,
            nth,
            errno,
        } => json!(["from", errno, of(this), nth]),
    };
    json!([scenario.name, fault]).to_string()
}

fn read_job(line: &str) -> Result<(&'static Scenario, Fault)> {
    let job: Value = serde_json::from_str(line)?;
    let name = job[0].as_str().unwrap_or_default();
    let scenario = Scenario::by_name(name).with_context(|| format!("no scenario {name:?}"))?;
    let fault = &job[1];
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let errno = number(&fault[1]) as i32;
    let nth = number(&fault[3]) as u32;
    let of = read_use(&fault[2]);
    Ok((
        scenario,
        match fault[0].as_str().unwrap_or_default() {
            "record" => Fault::Record,
            "every" => Fault::Every {
                number: number(&fault[2]),
                errno,
            },
            "each" => Fault::EachUse { of, errno },
            "one" => Fault::One { of, nth, errno },
            "from" => Fault::From { of, nth, errno },
            other => bail!("no fault {other:?}"),
        },
    ))
}

fn read_use(value: &Value) -> Use {
    Use {
        number: value[0].as_i64().unwrap_or_default(),
        purpose: value[1].as_str().map(str::to_owned),
        in_child: value[2].as_bool().unwrap_or_default(),
    }
}

fn show(seen: &Seen) -> Value {
    let uses: Vec<Value> = seen
        .uses
        .iter()
        .map(|(of, count)| json!([[of.number, of.purpose, of.in_child], count]))
        .collect();
    json!({
        "status": seen.status,
        "hangs": seen.hangs,
        "spins": seen.spins,
        "stopped": seen.stopped,
        "injected": seen.injected,
        "zombie": seen.zombie,
        "survivors": seen.survivors,
        "command_lives": seen.command_lives,
        "released": seen.released,
        "stdout": seen.stdout,
        "stderr": seen.stderr,
        "log": seen.log,
        "uses": uses,
        "cpu": seen.cpu,
        "tree": seen.tree,
    })
}

/// What a worker has answered.
pub fn read_answer(line: &str) -> Result<Seen> {
    let value: Value = serde_json::from_str(line).context("a worker has answered nonsense")?;
    if let Some(error) = value["error"].as_str() {
        bail!("{error}");
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let yes = |name: &str| value[name].as_bool().unwrap_or_default();
    let count = |value: &Value| value.as_u64().unwrap_or_default() as u32;
    Ok(Seen {
        status: value["status"].as_i64().map(|status| status as i32),
        hangs: yes("hangs"),
        spins: yes("spins"),
        stopped: yes("stopped"),
        injected: count(&value["injected"]),
        zombie: yes("zombie"),
        survivors: count(&value["survivors"]),
        command_lives: yes("command_lives"),
        released: yes("released"),
        stdout: text("stdout"),
        stderr: text("stderr"),
        log: text("log"),
        uses: value["uses"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pair| (read_use(&pair[0]), count(&pair[1])))
            .collect(),
        cpu: value["cpu"].as_u64().unwrap_or_default(),
        tree: text("tree"),
    })
}
