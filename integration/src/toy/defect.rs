//! The defect of each toy.

macro_rules! toys {
    ($($defect:ident $name:literal $what:literal)*) => {
        /// One thing that an init does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $(#[doc = $what] $defect,)*
        }

        /// All toys.
        pub const TOYS: &[Toy] = &[
            $(Toy { name: $name, what: $what, defect: Defect::$defect },)*
        ];
    };
}

/// A broken init.
#[derive(Clone, Copy, Debug)]
pub struct Toy {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its defect, as a sentence without its subject.
    pub what: &'static str,
    /// Its defect, for the program.
    pub(super) defect: Defect,
}

toys! {
    Nothing "sound" "has no defect, but no option of it does anything"
    // Start
    TakesAnyOption "takes-any-option" "starts the command in spite of an unknown option"
    AddsToEnvironment "adds-to-environment" "adds a variable to the command's environment"
    Utf8Arguments "utf8-arguments" "treats its arguments as UTF-8"
    ChangesDirectory "changes-directory" "goes to / before it starts the command"
    NoPathSearch "no-path-search" "treats the command as a path, without a search along PATH"
    NoScriptFallback "no-script-fallback" "does not run a script without #! by /bin/sh"
    TakesCommandsOptions "takes-commands-options" "treats the command's first option as its own"
    LosesEarlySignals "loses-early-signals" "discards signals that are pending when it starts"
    InheritsIgnoredChild "inherits-ignored-child" "keeps SIGCHLD ignored if it was started with that"
    FillsClosedDescriptors "fills-closed-descriptors" "opens /dev/null in place of 0, 1 or 2 if they are closed"
    NeedsPrivileges "needs-privileges" "does not start as an ordinary user, or with no_new_privs"
    NeedsProc "needs-proc" "does not start without /proc"
    KeepsTheMask "keeps-the-mask" "leaves its own signal mask to the command"
    ResetsSignals "resets-signals" "sets all signals to default for the command"
    IgnoresPipe "ignores-pipe" "leaves SIGPIPE ignored, as Rust's runtime does"
    ReadsStdin "reads-stdin" "reads from the command's standard input"
    LowersLimits "lowers-limits" "lowers the command's limit of open files"
    LeaksIntoCommand "leaks-into-command" "leaves a descriptor of its own open in the command"
    // Signals
    NoForwarding "no-forwarding" "forwards nothing"
    ForwardsTwice "forwards-twice" "sends every signal two times"
    ChildOnly "child-only" "forwards to the command alone, not to its group"
    StandardOnly "standard-only" "forwards no real-time signals"
    HidesThreeSignals "hides-32-to-34" "leaves signals 32 to 34 alone, as musl's sigfillset does"
    ForwardsChild "forwards-child" "forwards SIGCHLD"
    ForwardsRawStops "forwards-raw-stops" "forwards TSTP as it is, which an orphaned group ignores"
    ExitsOnRefusal "exits-on-refusal" "ends when it may not signal the command"
    KillsAtOnce "kills-at-once" "kills the command after any signal"
    ExitsOnTerm "exits-on-term" "ends at TERM, without waiting for the command"
    // Terminal
    NoSession "no-session" "leaves the command in its own session and group, and forwards all"
    NoForeground "no-foreground" "starts a session without giving it the terminal"
    ForwardsOwnHangUp "forwards-own-hang-up" "forwards the HUP that it gets for giving up the terminal"
    StealsTerminal "steals-terminal" "takes the terminal of another session, as root can"
    Complains "complains-of-terminals" "complains about every standard input that is not its own terminal"
    // Reaping
    NeverReaps "never-reaps" "waits for the command only"
    ReapsOnce "reaps-once" "reaps one child for each SIGCHLD"
    AnyChildEndsIt "any-child-ends-it" "treats the first child's end as the command's"
    StopIsTheEnd "stop-is-the-end" "treats the command's stop as its end"
    WaitsForStopped "waits-for-stopped" "stops reaping while one of its children is stopped"
    NoSubreaper "no-subreaper" "does not become a subreaper where it is not PID 1"
    GivesUpOnRealTime "gives-up-on-real-time" "does not understand a death by a real-time signal"
    // Shutdown
    WaitsForAll "waits-for-all" "ends only when it has no children left"
    EndsLate "ends-late" "takes a second to end"
    LeavesTheGroup "leaves-the-group" "does not send TERM to the command's group at its end"
    HastyPreStop "hasty-pre-stop" "starts the program of --pre-stop, and forwards TERM at once"
    NeedsPreStop "needs-pre-stop" "forwards TERM only if the program of --pre-stop succeeds"
    // Exit status
    AlwaysZero "always-zero" "ends with 0, whatever the command's status is"
    SignalIsOne "signal-is-one" "ends with 1 where a signal killed the command"
    ExecFailureIsOne "exec-failure-is-one" "ends with 1 where the command cannot be executed"
    SilentFailure "silent-failure" "does not say why the command cannot be executed"
    RetriesFork "retries-fork" "keeps trying where fork fails"
    // Resources
    Polls "polls" "wakes up ten times a second"
    LeaksDescriptors "leaks-descriptors" "keeps the descriptors that it was started with"
    StaysInDirectory "stays-in-directory" "keeps its directory busy"
    HasAThread "has-a-thread" "has a second thread"
    IsFat "is-fat" "holds 64 MB of memory"
    WritesToStdout "writes-to-stdout" "writes a line to standard output"
    WritesToStderr "writes-to-stderr" "writes a line to standard error for each signal, and waits for room"
    // What a harness must survive
    Hangs "hangs" "starts nothing, and ignores everything"
    Prints "prints" "prints without end"
    Forks "forks" "forks without end"
    EndsEarly "ends-early" "ends at once, and its namespace with it"
}
