//! What a world begins with: who we are, who started us, what was asked of us, and what the kernel refuses.

use crate::choices::Choices;
use crate::event::{Menu, Stderr};
use crate::signals::number::*;
use crate::signals::{STOPS, Set, bit};
use nix::errno::Errno;
use tidy_init::config::{Config, Placement, Target};
use tidy_init::signal::Signal;
use tidy_init::time::Time;

/// Who the init is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The init of the PID namespace.
    First,
    /// A child subreaper.
    Subreaper,
    /// Neither: orphans pass it by.
    Ordinary,
}

/// Who started it, where it is not PID 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shell {
    /// A service manager or a harness: the init leads a session.
    None,
    /// A shell that does job control: the init leads a group of the shell's session.
    JobControl,
    /// A script, which does none: the init is in the shell's group, and that is orphaned.
    Script,
}

/// How the command behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// It ends by itself some time, and dies of signals.
    Plain,
    /// It ignores the signals of this world, and ends by itself some time.
    Ignores,
    /// It has handlers for the signals of this world, and never ends by itself.
    Stays,
}

/// What the kernel, or a filter, refuses for the whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nothing.
    None,
    /// pidfd_open(2).
    Pidfd(Errno),
    /// pidfd_send_signal(2).
    Send(Errno),
    /// /proc is not mounted, or it is that of another namespace.
    Proc,
    /// waitid(2).
    Wait(Errno),
    /// wait4(2).
    Reap(Errno),
}

/// What a world begins with.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Who we are.
    pub role: Role,
    /// Who started us.
    pub shell: Shell,
    /// Whether our session has a terminal.
    pub terminal: bool,
    /// Which personality's behaviour we have; an index of [`crate::init::PERSONALITIES`].
    pub personality: usize,
    /// Where the command runs.
    pub placement: Placement,
    /// Who gets forwarded signals.
    pub target: Target,
    /// `--grace`, in milliseconds.
    pub grace: Option<u64>,
    /// `-k`, in milliseconds.
    pub kill_after: Option<u64>,
    /// `--pre-stop`.
    pub pre_stop: bool,
    /// `--linger`, in milliseconds.
    pub linger: Option<u64>,
    /// How long after the end TCP data is in flight, in milliseconds.
    pub in_flight: u64,
    /// `-d` for the first signal, in milliseconds.
    pub delay: Option<u64>,
    /// `-r` for the first signal; 0 drops it.
    pub rewrite: Option<u8>,
    /// `-e` for the status of the command's plain end.
    pub exit_map: bool,
    /// `-x`.
    pub exit_by_signal: bool,
    /// `-v`, so many times.
    pub verbosity: i8,
    /// The two signals that come.
    pub signals: [u8; 2],
    /// INT and QUIT, where we were started with them ignored.
    pub ignored: Set,
    /// What takes our lines, as it begins.
    pub stderr: Stderr,
    /// How the command behaves.
    pub manner: Manner,
    /// Whether we were exec'd with a child.
    pub adopted: bool,
    /// What is refused.
    pub refusal: Refusal,
    /// Whether single calls fail.
    pub faults: bool,
    /// How many numbers of /proc one getdents64(2) gives.
    pub batch: usize,
    /// Whether new processes get high IDs.
    pub from_above: bool,
    /// Whether the machine is so busy that a walk takes longer than it may.
    pub busy: bool,
}

/// The plainest scenario.
impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            role: Role::First,
            shell: Shell::None,
            terminal: false,
            personality: 0,
            placement: Placement::Session,
            target: Target::Group,
            grace: None,
            kill_after: None,
            pre_stop: false,
            linger: None,
            in_flight: 0,
            delay: None,
            rewrite: None,
            exit_map: false,
            exit_by_signal: false,
            verbosity: 0,
            signals: [TERM, INT],
            ignored: 0,
            stderr: Stderr::Open,
            manner: Manner::Plain,
            adopted: false,
            refusal: Refusal::None,
            faults: false,
            batch: 1,
            from_above: false,
            busy: false,
        }
    }
}

const SIGNALS: [u8; 12] = [
    TERM,
    INT,
    TSTP,
    CONT,
    USR1,
    QUIT,
    HUP,
    RTMIN + 3,
    WINCH,
    TTOU,
    PIPE,
    TTIN,
];

/// Errnos of a call that the kernel does not have, or that a filter forbids.
const REFUSED: [Errno; 3] = [Errno::ENOSYS, Errno::EPERM, Errno::EINVAL];

fn one_of<T: Copy>(choices: &mut Choices, menu: &[T]) -> T {
    menu[choices.setup(menu.len())]
}

impl Scenario {
    /// One of those that races are looked for in exhaustively.
    fn draw_small(choices: &mut Choices) -> Scenario {
        let role = one_of(choices, &[Role::First, Role::Subreaper, Role::Ordinary]);
        let (placement, target) = one_of(
            choices,
            &[
                (Placement::Session, Target::Group),
                (Placement::Session, Target::All),
                (Placement::Group, Target::Child),
                (Placement::Shared, Target::Child),
            ],
        );
        let (kill_after, grace, pre_stop) = one_of(
            choices,
            &[
                (None, None, false),
                (Some(30), None, false),
                (None, Some(50), false),
                (Some(30), None, true),
            ],
        );
        Scenario {
            role,
            shell: match role {
                Role::First => Shell::None,
                _ => one_of(choices, &[Shell::Script, Shell::JobControl]),
            },
            placement,
            target,
            kill_after,
            grace,
            pre_stop,
            signals: [TERM, TSTP],
            from_above: choices.setup(2) == 1,
            ..Scenario::default()
        }
    }

    /// Any scenario.
    pub fn draw(choices: &mut Choices, personalities: usize, menu: Menu) -> Scenario {
        if menu == Menu::Small {
            return Scenario::draw_small(choices);
        }
        let role = one_of(choices, &[Role::First, Role::Subreaper, Role::Ordinary]);
        let shell = match role {
            Role::First => Shell::None,
            _ => one_of(choices, &[Shell::None, Shell::JobControl, Shell::Script]),
        };
        let terminal = choices.rarely(2);
        let personality = match choices.rarely(4) {
            true => choices.setup(personalities),
            false => 0,
        };
        let placement = one_of(
            choices,
            &[Placement::Session, Placement::Group, Placement::Shared],
        );
        let target = match placement {
            // The group would be our own, which is a usage error.
            Placement::Shared => one_of(choices, &[Target::Child, Target::All]),
            _ => one_of(choices, &[Target::Group, Target::Child, Target::All]),
        };
        let kill_after = choices.rarely(2).then_some(30);
        let grace = choices.rarely(3).then_some(50);
        let first = one_of(choices, &SIGNALS);
        // A stop and what undoes it are a pair.
        let second = match STOPS & bit(first) != 0 && choices.rarely(2) {
            true => CONT,
            false => one_of(choices, &SIGNALS),
        };
        Scenario {
            role,
            shell,
            terminal,
            personality,
            placement,
            target,
            grace,
            kill_after,
            delay: choices.rarely(6).then_some(20),
            // Who rewrites CONT has no way to continue the command.
            rewrite: (choices.rarely(6) && first != CONT)
                .then(|| one_of(choices, &[QUIT, 0, USR1, TERM])),
            exit_map: choices.rarely(8),
            exit_by_signal: choices.rarely(8),
            verbosity: one_of(choices, &[0, 0, 1, 2, 3]),
            signals: [first, second],
            ignored: match choices.rarely(6) {
                true => one_of(choices, &[bit(INT) | bit(QUIT), bit(INT), bit(HUP)]),
                false => 0,
            },
            stderr: match choices.rarely(4) {
                true => one_of(choices, &[Stderr::Open, Stderr::Full, Stderr::Closed]),
                false => Stderr::Open,
            },
            manner: one_of(
                choices,
                &[Manner::Plain, Manner::Plain, Manner::Ignores, Manner::Stays],
            ),
            adopted: choices.rarely(6),
            refusal: match choices.rarely(8) {
                true => {
                    let errno = one_of(choices, &REFUSED);
                    one_of(
                        choices,
                        &[
                            Refusal::None,
                            Refusal::Pidfd(errno),
                            Refusal::Send(errno),
                            Refusal::Proc,
                            Refusal::Wait(errno),
                        ],
                    )
                }
                false => Refusal::None,
            },
            faults: choices.rarely(8),
            batch: one_of(choices, &[1, 3, 100]),
            from_above: choices.rarely(2),
            busy: choices.rarely(6),
            pre_stop: choices.rarely(4),
            linger: choices.rarely(6).then_some(40),
            in_flight: one_of(choices, &[0, 7, 25, u64::MAX]),
        }
    }

    /// What is not as in the plainest scenario, a line each.
    pub fn differences(&self) -> Vec<String> {
        let fields = |scenario: &Scenario| {
            let text = format!("{scenario:#?}");
            // A field begins with four spaces and a letter; what is longer stands in several lines.
            let mut fields: Vec<String> = Vec::new();
            for line in text.lines() {
                match (line.strip_prefix("    "), fields.last_mut()) {
                    (Some(field), _) if !field.starts_with([' ', ')', ']']) => {
                        fields.push(field.trim_end_matches(',').to_owned());
                    }
                    (Some(more), Some(field)) => field.push_str(more.trim()),
                    _ => {}
                }
            }
            fields
        };
        let plain = fields(&Scenario::default());
        let mut lines = fields(self);
        lines.retain(|line| !plain.contains(line));
        lines
    }

    /// The configuration that a command line would give.
    pub fn configure(&self, config: &mut Config<'_>) {
        let signal = |number: u8| Signal::new(i32::from(number));
        let time = |milliseconds| Time::from_milliseconds(milliseconds).unwrap_or(Time::ZERO);
        config.placement = self.placement;
        config.target = self.target;
        config.grace = self.grace.map(time);
        config.exit_by_signal = self.exit_by_signal;
        config.logging.verbosity = self.verbosity;
        config.subreaper = self.role == Role::Subreaper;
        config.kill_after.general = self.kill_after.map(time);
        config.pre_stop = self.pre_stop.then_some(&b"pre-stop"[..]);
        config.linger = self.linger.map(time);
        if let (Some(delay), Some(first)) = (self.delay, signal(self.signals[0])) {
            config.delay.set(first, time(delay));
        }
        if let (Some(to), Some(first)) = (self.rewrite, signal(self.signals[0])) {
            config.rewrite.set(first, signal(to));
        }
        if self.exit_map {
            config.exit_map.set(PLAIN_STATUS, MAPPED_STATUS);
        }
    }
}

/// The status that the command exits with by itself, unless it is 0.
pub const PLAIN_STATUS: u8 = 3;
/// What `-e` makes of it.
pub const MAPPED_STATUS: u8 = 7;
