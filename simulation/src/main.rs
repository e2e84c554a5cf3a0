//! `simulation`: runs worlds, and shows the first that fails. `cargo xtask simulate` calls it.

use simulation::choices::Choices;
use simulation::explore::{Outcome, Size, exhaust, keep_panics, random, replay};
use simulation::init::Init;
use std::process::ExitCode;
use std::time::Duration;

/// What is asked for.
#[derive(Debug)]
struct Arguments {
    seed: u64,
    worlds: u64,
    minutes: Option<u64>,
    events: usize,
    replay: Option<Vec<u16>>,
    small: bool,
    property: bool,
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if let (Some(word), Some(directory)) = (words.next(), words.next())
        && word == "toy"
    {
        return match simulation::toy::run(directory.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("simulation toy: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let Some(arguments) = arguments() else {
        eprintln!(
            "usage: simulation [--seed N] [--worlds N] [--minutes N] [--events N] \
             [--replay LIST [--small]] [--property]"
        );
        return ExitCode::from(2);
    };
    keep_panics();
    if let Some(list) = &arguments.replay {
        let size = if arguments.small {
            Size::SMALL
        } else {
            Size::LARGE
        };
        let (history, failure) = replay(Choices::list(list), size, &Init);
        println!("{}", history.join("\n"));
        return match failure {
            None => ExitCode::SUCCESS,
            Some(failure) => {
                println!("{failure}");
                ExitCode::FAILURE
            }
        };
    }
    for (name, outcome) in [
        ("small", Some(exhaust(arguments.events, Size::SMALL, &Init))),
        ("random", None),
    ] {
        let outcome = outcome.unwrap_or_else(|| {
            let limit = arguments
                .minutes
                .map(|minutes| Duration::from_secs(60 * minutes));
            let worlds = if limit.is_some() {
                u64::MAX
            } else {
                arguments.worlds
            };
            random(arguments.seed, worlds, limit, &Init)
        });
        if !report(name, &arguments, &outcome) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn report(name: &str, arguments: &Arguments, outcome: &Outcome) -> bool {
    let seconds = outcome.time.as_secs_f64();
    println!(
        "{name}: {} worlds, {} calls, {seconds:.1} s, {:.0} worlds a second",
        outcome.worlds,
        outcome.calls,
        outcome.worlds as f64 / seconds
    );
    let Some(found) = &outcome.found else {
        return true;
    };
    if arguments.property {
        println!("{:?} after {} worlds", found.failure.property, found.worlds);
        return false;
    }
    let list: Vec<String> = found.trail.iter().map(u16::to_string).collect();
    let small = if name == "small" { " --small" } else { "" };
    println!(
        "world {} of seed {} fails:\n{}\n{}\nagain: --replay {}{small}",
        found.world,
        arguments.seed,
        found.history.join("\n"),
        found.failure,
        list.join(","),
    );
    false
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        seed: 1,
        worlds: 1_000_000,
        minutes: None,
        events: 1,
        replay: None,
        small: false,
        property: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse().ok();
        match word.as_str() {
            "--seed" => arguments.seed = number()?,
            "--worlds" => arguments.worlds = number()?,
            "--minutes" => arguments.minutes = Some(number()?),
            "--events" => arguments.events = usize::try_from(number()?).ok()?,
            "--small" => arguments.small = true,
            "--property" => arguments.property = true,
            "--replay" => {
                let list = words.next()?;
                let numbers = list.split(',').filter(|text| !text.is_empty());
                arguments.replay = Some(numbers.map(str::parse).collect::<Result<_, _>>().ok()?);
            }
            _ => return None,
        }
    }
    Some(arguments)
}
