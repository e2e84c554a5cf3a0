//! The rules that lead from observations to advice.

use std::time::Duration;

use super::{
    advice::{Advice, BOUND_MS, Purpose, Remedy, Topic, Tried, ends_after},
    known::Known,
    report::Report,
    request::Flight,
    run::{End, Program, Run, Under},
    seen::Seen,
    settings::{DOCKER_STOP, sig},
    status::meaning,
    words::shell_line,
};
use crate::{
    duration::show_duration,
    init::{Feature, Personality},
};

/// A program that handles its stop signal and has not ended by then never will.
const ENOUGH: Duration = Duration::from_secs(60);

/// Why an init that signals the whole process group may do harm, and what to do.
const ALONE: &str = "Its children are in its process group, so they get the signal too, but it \
                     wants to stop them itself. Send the signal to it alone:";

/// The options that may help, the most promising first.
pub(super) fn worth_trying(report: &Report) -> Vec<Remedy> {
    let Some(under) = report.under_init() else {
        return Vec::new();
    };
    let Some(program) = &under.program else {
        return Vec::new();
    };
    let signal = report.signal;
    let rewrite = |purpose| {
        move |other| Remedy {
            purpose,
            feature: Feature::Rewrite(signal, other),
        }
    };
    let handled = |other: &i32| *other != signal && program.handles.contains(*other);
    let known = known_program(program).and_then(|known| known.graceful);
    let mut remedies = Vec::new();
    if matches!(under.end, End::StillRunning { .. }) {
        let alone = report.bare().and_then(Run::stopped).map(|(_, s)| s);
        remedies.extend(alone.map(|status| Remedy {
            purpose: Purpose::Status(status),
            feature: Feature::SingleChild,
        }));
        // Servers often distinguish QUIT from TERM; INT is Ctrl-C.
        let others = [libc::SIGQUIT, libc::SIGINT, libc::SIGTERM];
        let others = known.into_iter().chain(others).filter(handled);
        remedies.extend(others.map(rewrite(Purpose::Stop)));
    }
    if let Some((_, status)) = under.stopped() {
        let answers = |run: &Run| run.stopped().is_some() && run.request == Some(Flight::Finished);
        if under.lost_request() && report.bare().is_some_and(answers) {
            remedies.push(Remedy {
                purpose: Purpose::Answer,
                feature: Feature::SingleChild,
            });
        }
        // Of a program that is not known, only signals that mean a stop wherever they are handled.
        let others = [libc::SIGINT, libc::SIGQUIT];
        let better = status != 0 || under.lost_request();
        let unknown = better && program.shell_waits_for.is_none();
        let others = others.into_iter().filter(|_| unknown);
        let others = known.into_iter().chain(others).filter(handled);
        remedies.extend(others.map(rewrite(Purpose::Grace)));
        let alone = report.bare().and_then(Run::stopped).map(|(_, s)| s);
        if let Some(wanted) = alone.filter(|wanted| *wanted != status) {
            remedies.push(Remedy {
                purpose: Purpose::Status(wanted),
                feature: Feature::SingleChild,
            });
        }
    }
    if !under.left_behind().is_empty() {
        remedies.push(Remedy {
            purpose: Purpose::Leftovers,
            feature: Feature::Grace(BOUND_MS),
        });
    }
    remedies
}

/// The advice that follows from the report.
pub(super) fn advise(report: &Report) -> Vec<Advice> {
    let writer = Writer(report);
    let rules = [
        Writer::never_ready,
        Writer::foreground,
        Writer::shell,
        Writer::npm,
        Writer::uncatchable,
        Writer::deaf_as_pid1,
        Writer::deaf_under_init,
        Writer::other_status,
        Writer::graceful,
        Writer::single_child,
        Writer::request_cut,
        Writer::status,
        Writer::leftovers,
        Writer::zombies,
        Writer::slow,
        Writer::pre_stop,
    ];
    let mut advice: Vec<Advice> = Vec::new();
    for given in rules.iter().filter_map(|rule| rule(&writer)) {
        // Two rules may come to the same conclusion.
        if advice.iter().all(|other| other.text != given.text) {
            advice.push(given);
        }
    }
    // Both mean that the signal should go to it alone.
    if advice.iter().any(|advice| advice.id == Topic::SingleChild) {
        advice.retain(|advice| advice.id != Topic::OtherStatus);
    }
    // What a shell or a daemon shows at its end says nothing of the program in its place.
    if advice.iter().any(|advice| advice.id.comes_first()) {
        advice.retain(|advice| ![Topic::ExitStatus, Topic::Leftovers].contains(&advice.id));
    }
    if advice.is_empty() {
        let text = "Nothing needs to be changed.";
        advice.push(Advice::new(Topic::AllIsWell, text));
    }
    advice
}

/// The entry for the program, or for the one that its shell waits for.
fn known_program(program: &Program) -> Option<&'static Known> {
    let waits_for = program.shell_waits_for.as_ref();
    Known::of(&program.process).or_else(|| Known::of(waits_for?))
}

struct Writer<'a>(&'a Report);

impl Writer<'_> {
    /// Adds the command under the init with the option for this feature; under tidy-init, if the
    /// init at hand lacks it.
    fn by_option(&self, advice: Advice, feature: Feature) -> Advice {
        let init = self.0.init.as_ref();
        let own = init.and_then(|init| Some((Under::name_of(init), init.options(feature)?)));
        let native = || Some(("tidy-init", Personality::Native.options(feature)?));
        let Some((name, options)) = own.or_else(native) else {
            return advice;
        };
        let command = shell_line(&self.0.command);
        Advice {
            line: Some(format!("{name} {} -- {command}", options.join(" "))),
            feature: Some(feature),
            ..advice
        }
    }

    fn helped(&self, wanted: impl Fn(&Remedy) -> bool) -> Option<&Tried> {
        let mut tried = self.0.tried.iter();
        tried.find(|tried| tried.helped && wanted(&tried.remedy))
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        self.0.runs.iter().filter_map(|run| run.program.as_ref())
    }

    /// The programs that are shells, and wait for something without a trap for the signal, which
    /// would mean that the script sees to it.
    fn shells(&self) -> impl Iterator<Item = &Program> {
        let signal = self.0.signal;
        self.programs().filter(move |program| {
            let trap = program.handles.contains(signal) || program.ignores.contains(signal);
            program.shell_waits_for.is_some() && !trap
        })
    }

    fn never_ready(&self) -> Option<Advice> {
        let run = self.0.runs.iter().find(|run| run.program.is_none())?;
        let label = run.under.label();
        let (id, what) = match &run.end {
            End::NotStarted { reason } => {
                return Some(Advice::new(Topic::NotReady, format!("{label}: {reason}.")));
            }
            End::EndedEarly { status: 0 }
                if Known::find(&self.0.command).is_some_and(|known| known.foreground.is_some()) =>
            {
                return None;
            }
            End::EndedEarly { status } => (
                Topic::EndedEarly,
                format!(
                    "{label}: it ended before it was told to stop, with {status} ({}){}. Nothing \
                     is known about how it stops",
                    meaning(*status),
                    if *status == 0 {
                        ", perhaps because it has put itself into the background: then run it in \
                         the foreground"
                    } else {
                        ""
                    }
                ),
            ),
            _ => (
                Topic::NotReady,
                format!("{label}: it was not ready in time"),
            ),
        };
        Some(Advice::new(
            id,
            format!(
                "{what}. Check what it needs to run, or say when it is ready: --ready-port, \
                 --ready-line, --ready-after."
            ),
        ))
    }

    /// A program that puts itself into the background.
    fn foreground(&self) -> Option<Advice> {
        let ended = |run: &Run| matches!(run.end, End::EndedEarly { status: 0 });
        if let Some(known) = Known::find(&self.0.command)
            && let Some(words) = known.foreground
            && self.0.runs.iter().any(ended)
        {
            let name = known.name();
            let text = format!(
                "{name} puts itself into the background, and its container ends. Run it in the \
                 foreground:"
            );
            let command = shell_line(&self.0.command);
            return Some(Advice::new(Topic::Foreground, text).line(format!("{command} {words}")));
        }
        let (daemon, waits_for) = self.shells().find_map(|program| {
            let waits_for = program.shell_waits_for.as_ref()?;
            let idle = ["tail", "sleep", "cat"].contains(&waits_for.name.as_str());
            Some((program.daemons.first().filter(|_| idle)?, waits_for))
        })?;
        let advice = Advice::new(
            Topic::Foreground,
            format!(
                "`{daemon}` has put itself into the background, and the script waits for \
                 `{waits_for}` in its place: a stop signal does not reach the server, and its end \
                 goes unnoticed. Run it in the foreground, as the last command of the script:"
            ),
        );
        let Some((known, words)) = Known::of(daemon).and_then(|k| Some((k, k.foreground?))) else {
            return Some(advice);
        };
        Some(advice.line(format!("exec {} {words}", known.name())))
    }

    /// A shell that waits for a program.
    fn shell(&self) -> Option<Advice> {
        let program = self.shells().next()?;
        let child = program.shell_waits_for.as_ref()?;
        let shell = &program.process.name;
        let idle = ["tail", "sleep", "cat"].contains(&child.name.as_str());
        if idle && !program.daemons.is_empty() {
            // That is the business of `foreground`.
            return None;
        }
        let problem = format!(
            "A shell, {shell}, waits for `{child}`. As PID 1 the shell does not pass signals on, \
             and handles none itself until its child has ended, if at all."
        );
        if program.shell_children.len() > 1 {
            let all: Vec<_> = program
                .shell_children
                .iter()
                .map(|c| format!("`{c}`"))
                .collect();
            let advice = Advice::new(
                Topic::ShellJobs,
                format!(
                    "A shell, {shell}, runs several programs: {}. As PID 1 it does not pass \
                     signals on. An init that signals the whole process group tells each of them \
                     to stop; with --grace it waits for all of them.",
                    all.join(", ")
                ),
            );
            return Some(self.by_option(advice, Feature::Grace(BOUND_MS)));
        }
        Some(match program.shell_goes_on {
            Some(false) => Advice::new(
                Topic::Exec,
                format!(
                    "`exec` is missing. {problem} It is the last command of the script: start it \
                     with `exec`, so that it replaces the shell."
                ),
            )
            .line(format!("exec {}", shell_line(&child.arguments))),
            Some(true) => Advice::new(
                Topic::ShellGoesOn,
                format!(
                    "{problem} The script has more to do after that, so keep the shell: put a trap \
                     at the top of the script, and run it under an init that signals the whole \
                     process group, as tidy-init does. Then the signal stops the program, the \
                     shell survives, and the script goes on with the next command."
                ),
            )
            .line("trap : TERM"),
            None => Advice::new(
                Topic::Exec,
                format!(
                    "{problem} If the script has nothing left to do after that, start the program \
                     with `exec`, so that it replaces the shell. Otherwise put `trap : TERM` at \
                     the top of the script, and run it under an init that signals the whole \
                     process group."
                ),
            ),
        })
    }

    /// A package manager that waits for the program.
    fn npm(&self) -> Option<Advice> {
        const MANAGERS: [&str; 4] = ["npm", "npx", "yarn", "pnpm"];
        let (program, manager) = self.programs().find_map(|program| {
            let words = program.process.arguments.iter().take(2);
            let names = words.flat_map(|word| word.split(' ').next());
            let mut names = names.filter_map(|word| word.rsplit('/').next());
            let name = names.find_map(|name| {
                MANAGERS
                    .into_iter()
                    .find(|manager| name == *manager || name == format!("{manager}-cli.js"))
            })?;
            Some((program, name))
        })?;
        let real = program.leaf.as_ref();
        let advice = Advice::new(
            Topic::SkipNpm,
            format!(
                "{manager} stands between PID 1 and the program: it starts a shell that starts the \
                 program, passes signals on in its own way, and has a status of its own. Start the \
                 program itself."
            ),
        );
        Some(match real {
            Some(real) => advice.line(shell_line(&real.arguments)),
            None => advice,
        })
    }

    fn uncatchable(&self) -> Option<Advice> {
        let signal = self.0.signal;
        if ![libc::SIGKILL, libc::SIGSTOP].contains(&signal) {
            return None;
        }
        Some(Advice::new(
            Topic::Uncatchable,
            format!(
                "{} cannot be handled: the program has no chance to finish anything. Send a signal \
                 that it can handle.",
                sig(signal)
            ),
        ))
    }

    fn deaf_as_pid1(&self) -> Option<Advice> {
        let bare = self.0.bare()?;
        let End::StillRunning { .. } = bare.end else {
            return None;
        };
        let under = self.0.under_init().map(|run| (run, run.stopped()));
        if matches!(under, Some((_, None))) {
            // Not a matter of PID 1: `deaf_under_init` has it.
            return None;
        }
        let signal = sig(self.0.signal);
        let why = bare.program.as_ref().map_or("", |p| self.why(p));
        let tried = under.and_then(|(run, stopped)| {
            let (after, status) = stopped?;
            let label = run.under.label();
            Some(format!("under {label} {}", ends_after(after, status)))
        });
        Some(Advice {
            tried,
            ..Advice::new(
                Topic::NeedsInit,
                format!(
                    "As PID 1 it does not end at {signal}{why}. `docker stop` waits for {}, then \
                     kills it. Run it under an init (`docker run --init`, or in the Dockerfile):",
                    show_duration(DOCKER_STOP)
                ),
            )
            .line("ENTRYPOINT [\"/bin/tidy-init\", \"--\"]")
        })
    }

    /// Why the stop signal does not end a program.
    fn why(&self, program: &Program) -> &'static str {
        let signal = self.0.signal;
        if program.ignores.contains(signal) {
            ", which it ignores"
        } else if program.blocks.contains(signal) {
            ", which it blocks"
        } else if program.handles.contains(signal) {
            ", though it has a handler"
        } else if program.process.pid == 1 {
            ": it has no handler, and without one the kernel does not let a signal end PID 1"
        } else {
            ""
        }
    }

    fn deaf_under_init(&self) -> Option<Advice> {
        let under = self.0.under_init()?;
        let (End::StillRunning { .. }, Some(program)) = (&under.end, &under.program) else {
            return None;
        };
        if self
            .helped(|r| matches!(r.purpose, Purpose::Status(_)))
            .is_some()
        {
            // As PID 1 it ends, and so it does if it gets the signal alone: `other_status` has it.
            return None;
        }
        let time = show_duration(Duration::from_secs_f64(self.0.stop_within_ms / 1e3));
        let text = format!(
            "Under {} it does not end within {time} of {}{}.",
            under.under.label(),
            sig(self.0.signal),
            self.why(program)
        );
        if let Some(tried) = self.helped(|r| r.purpose == Purpose::Stop)
            && let Feature::Rewrite(_, other) = tried.remedy.feature
        {
            let text = format!(
                "{text} {} ends it: let the init send that signal instead.",
                sig(other)
            );
            let advice = self.by_option(Advice::new(Topic::StopSignal, text), tried.remedy.feature);
            return Some(Advice {
                tried: Some(tried.outcome()),
                ..advice
            });
        }
        let stop = |tried: &&Tried| tried.remedy.purpose == Purpose::Stop;
        let shown = self.0.tried.iter().filter(stop);
        let shown = shown.filter(|tried| tried.run.was_signalled());
        let shown: Vec<_> = shown.map(|t| t.run.under.options.join(" ")).collect();
        let tried = (!shown.is_empty()).then(|| format!("no help: {}", shown.join(", ")));
        let enough = self.0.stop_within_ms >= ENOUGH.as_secs_f64() * 1e3;
        let advice = if program.handles.contains(self.0.signal) && !enough {
            let text = format!("{text} It may only need longer. Find out how long:");
            let seconds = ENOUGH.as_secs();
            let command = shell_line(&self.0.command);
            let line = format!("initlab probe --stop-timeout {seconds}s -- {command}");
            Advice::new(Topic::NeedsLonger, text).line(line)
        } else {
            let text = format!(
                "{text} No signal that it handles ends it: have the init kill it before the engine \
                 does, or find out what it waits for."
            );
            let advice = Advice::new(Topic::DoesNotStop, text);
            self.by_option(advice, Feature::KillAfter(BOUND_MS))
        };
        Some(Advice { tried, ..advice })
    }

    fn other_status(&self) -> Option<Advice> {
        let (bare, under) = (self.0.bare()?, self.0.under_init()?);
        let (_, alone) = bare.stopped()?;
        if !under.was_signalled() || under.stopped().is_some_and(|(_, status)| status == alone) {
            return None;
        }
        let how = match under.stopped() {
            Some((_, status)) => format!("ends with {status} ({})", meaning(status)),
            None => "does not stop".to_owned(),
        };
        let text = format!(
            "Under {} it {how}, but as PID 1 itself it ends with {alone} ({})",
            under.under.label(),
            meaning(alone)
        );
        let Some(tried) = self.helped(|r| matches!(r.purpose, Purpose::Status(_))) else {
            return Some(Advice::new(Topic::OtherStatus, format!("{text}.")));
        };
        let text = format!("{text}. {ALONE}");
        let advice = self.by_option(Advice::new(Topic::OtherStatus, text), Feature::SingleChild);
        Some(Advice {
            tried: Some(tried.outcome()),
            ..advice
        })
    }

    /// The trial of the most graceful signal that helped.
    fn graceful_trial(&self) -> Option<&Tried> {
        let grace = |tried: &&Tried| tried.helped && tried.remedy.purpose == Purpose::Grace;
        let helped = || self.0.tried.iter().filter(grace);
        let in_full = helped().find(|tried| !tried.run.lost_request());
        in_full.or_else(|| helped().next())
    }

    /// The run that counts: the one under an init, if there is one.
    fn lost_request(&self) -> bool {
        let run = self.0.under_init().or_else(|| self.0.bare());
        run.is_some_and(Run::lost_request)
    }

    /// The trial that sent the signal to the program alone, if that lets it finish requests.
    fn alone(&self) -> Option<&Tried> {
        self.helped(|remedy| remedy.purpose == Purpose::Answer)
    }

    /// It finishes requests if the signal goes to it alone.
    fn single_child(&self) -> Option<Advice> {
        let tried = self.alone()?;
        let label = self.0.under_init()?.under.label();
        let text = format!(
            "Under {label} it cuts off a request in flight, but as PID 1 itself it finishes it. \
             {ALONE}"
        );
        let advice = self.by_option(Advice::new(Topic::SingleChild, text), Feature::SingleChild);
        Some(Advice {
            tried: Some(tried.outcome()),
            ..advice
        })
    }

    /// It cuts off requests, and no other signal is better.
    fn request_cut(&self) -> Option<Advice> {
        let answers = |tried: &Tried| tried.helped && !tried.run.lost_request();
        if !self.lost_request() || self.0.tried.iter().any(answers) {
            return None;
        }
        let signal = self.0.signal;
        let text = format!(
            "It cut off a request in flight at {}{}. If the load balancer stops sending new \
             requests when the container is told to stop, as in Kubernetes, an init can delay the \
             signal until the running ones have finished (or use a preStop hook):",
            sig(signal),
            self.also_cut()
        );
        let advice = Advice::new(Topic::RequestCut, text);
        let advice = self.by_option(advice, Feature::Delay(signal, BOUND_MS));
        // Where nothing takes requests away from it, the delay only makes the stop longer: nothing to
        // paste unread.
        Some(Advice {
            feature: None,
            ..advice
        })
    }

    /// `, and also at SIGINT`.
    fn also_cut(&self) -> String {
        let tried = self.0.tried.iter().filter(|tried| tried.run.lost_request());
        let others = tried.filter_map(|tried| match tried.remedy.feature {
            Feature::Rewrite(_, other) => Some(sig(other)),
            _ => None,
        });
        let others: Vec<_> = others.collect();
        match others.is_empty() {
            true => String::new(),
            false => format!(", and also at {}", others.join(" and ")),
        }
    }

    /// A signal that stops it better than the one that is sent.
    fn graceful(&self) -> Option<Advice> {
        let tried = self.graceful_trial()?;
        let Feature::Rewrite(_, other) = tried.remedy.feature else {
            return None;
        };
        let program = self.0.under_init()?.program.as_ref()?;
        let known = known_program(program).filter(|known| known.graceful == Some(other));
        let (signal, other) = (sig(self.0.signal), sig(other));
        let text = match known {
            Some(known) => format!(
                "By its documentation, {other} stops {} gracefully; {signal} cuts off what it is \
                 doing.",
                known.name()
            ),
            None if self.lost_request() && !tried.run.lost_request() => {
                format!("{other} lets a request in flight finish; {signal} cuts it off.")
            }
            None => format!("{other} ends it with status 0; {signal} does not."),
        };
        let text = format!(
            "{text} Set it in the image, or let the init send it: `tidy-init {} --`.",
            Personality::Native
                .options(tried.remedy.feature)
                .unwrap_or_default()
                .join(" ")
        );
        Some(Advice {
            tried: Some(tried.outcome()),
            feature: Some(tried.remedy.feature),
            ..Advice::new(Topic::GracefulSignal, text).line(format!("STOPSIGNAL {other}"))
        })
    }

    fn status(&self) -> Option<Advice> {
        let run = self.0.under_init().or_else(|| self.0.bare())?;
        let End::Stopped {
            status, killed_by, ..
        } = run.end
        else {
            return None;
        };
        let signal = self.0.signal;
        let better = self.helped(|r| matches!(r.purpose, Purpose::Status(0) | Purpose::Grace));
        if status == 0 || better.is_some() || signal == libc::SIGKILL {
            return None;
        }
        let name = sig(signal);
        let handles = run
            .program
            .as_ref()
            .is_some_and(|p| p.handles.contains(signal));
        let safe = status == 128 + signal;
        let text = match killed_by {
            Some(killer) if killer != signal => {
                let text = format!(
                    "{} kills it: that is a crash, not a way to stop.",
                    sig(killer)
                );
                return Some(Advice::new(Topic::Crash, text));
            }
            Some(_) if handles => format!(
                "It handles {name}, and then lets the same signal kill it, as many runtimes do; \
                 hence the status {status}. That is a normal stop, and the init can report it as a \
                 success:"
            ),
            Some(_) => format!(
                "It has no handler for {name}, so the signal kills it in the middle of whatever it \
                 is doing; hence the status {status}. A handler that finishes the work and exits \
                 with 0 is best. If it may be killed at any time, the init can report this status \
                 as a success:"
            ),
            None if safe => format!(
                "It exits with {status}, as if {name} had killed it; Java does the same. That is a \
                 normal stop, and the init can report it as a success:"
            ),
            None => format!(
                "It exits with {status} when it is told to stop; 0 would be better. The init can \
                 report {status} as a success, but real failures with {status} then become \
                 successes too:"
            ),
        };
        let advice = Advice::new(Topic::ExitStatus, text);
        let advice = self.by_option(advice, Feature::ExitMap(status));
        Some(match killed_by {
            // Nothing to paste unread: whether being killed is fine is for its makers to decide.
            Some(_) if !handles => Advice {
                feature: None,
                ..advice
            },
            _ => advice,
        })
    }

    fn leftovers(&self) -> Option<Advice> {
        let left = |run: &&Run| !run.left_behind().is_empty();
        let under = self.0.under_init();
        if let Some(run) = under.filter(left) {
            let them = them(run.left_behind());
            let text = format!(
                "It leaves behind {}; the kernel kills {them} when PID 1 ends. With --grace the \
                 init tells {them} to stop, and waits.",
                list(run.left_behind()),
            );
            let advice = Advice::new(Topic::Leftovers, text);
            let tried = self.0.tried.iter();
            let mut tried = tried.filter(|t| t.remedy.purpose == Purpose::Leftovers);
            return Some(Advice {
                tried: tried.next().map(Tried::outcome),
                ..self.by_option(advice, Feature::Grace(BOUND_MS))
            });
        }
        let bare = self.0.bare().filter(left)?;
        let them = them(bare.left_behind());
        let text = format!(
            "As PID 1 it leaves behind {}; the kernel kills {them} when PID 1 ends.",
            list(bare.left_behind())
        );
        Some(match under {
            Some(run) if run.stopped().is_some() => {
                let text = format!(
                    "{text} Under {} the signal reaches {them} as well.",
                    run.under.label()
                );
                Advice::new(Topic::Leftovers, text)
            }
            _ => {
                let text = format!("{text} An init can tell {them} to stop, and wait:");
                let advice = Advice::new(Topic::Leftovers, text);
                self.by_option(advice, Feature::Grace(BOUND_MS))
            }
        })
    }

    fn zombies(&self) -> Option<Advice> {
        let with = |run: &&Run| !run.zombies.is_empty();
        let text = if let Some(run) = self.0.under_init().filter(with) {
            format!(
                "It does not reap its own children: {} are zombies. Only the parent can reap them \
                 while it lives; until then they use up process IDs.",
                list(&run.zombies)
            )
        } else {
            let run = self.0.bare().filter(with)?;
            format!(
                "As PID 1 it adopts the orphans of the container and does not reap them: {} are \
                 zombies. An init reaps them.",
                list(&run.zombies)
            )
        };
        Some(Advice::new(Topic::Zombies, text))
    }

    fn slow(&self) -> Option<Advice> {
        let alone = self.alone().map(|tried| &tried.run);
        let run = alone
            .or_else(|| self.0.under_init())
            .or_else(|| self.0.bare())?;
        let (after, _) = run.stopped()?;
        // With half as much again for a busy machine.
        let needed = after.mul_f64(1.5);
        if needed <= DOCKER_STOP {
            return None;
        }
        let seconds = needed.as_secs_f64().ceil();
        let text = format!(
            "It needs {} to stop, but `docker stop` kills it after {} by default. Give it more \
             time: `stop_grace_period` in Compose, `terminationGracePeriodSeconds` in Kubernetes \
             (30 s by default), or",
            show_duration(after),
            show_duration(DOCKER_STOP)
        );
        Some(Advice::new(Topic::Slow, text).line(format!("docker stop --time {seconds}")))
    }

    fn pre_stop(&self) -> Option<Advice> {
        let find = |program: &Program| known_program(program).filter(|k| k.pre_stop.is_some());
        let found = self.programs().find_map(find);
        let known = found.or_else(|| Known::find(&self.0.command))?;
        let command = known.pre_stop?;
        let text = format!(
            "Before {} gets the signal, run the command `{command}`: put it into a script that the \
             init runs first (or that a preStop hook in Kubernetes runs).",
            known.name()
        );
        let line = format!(
            "tidy-init --pre-stop /drain -- {}",
            shell_line(&self.0.command)
        );
        Some(Advice::new(Topic::PreStop, text).line(line))
    }
}

fn them(processes: &[Seen]) -> &'static str {
    match processes.len() {
        1 => "it",
        _ => "them",
    }
}

/// `2 processes (sleep 100, cat)`, shortened.
fn list(processes: &[Seen]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = processes
        .iter()
        .take(SHOWN)
        .map(|seen| format!("`{seen}`"))
        .collect();
    if processes.len() > SHOWN {
        names.push("…".to_owned());
    }
    let noun = match processes.len() {
        1 => "process",
        _ => "processes",
    };
    format!("{} {noun} ({})", processes.len(), names.join(", "))
}
