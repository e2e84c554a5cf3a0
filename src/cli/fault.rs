//! Kinds of usage errors.

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// There is no such option.
    UnknownOption,
    /// Several options begin like this.
    Ambiguous,
    /// The option's value is missing.
    NeedsValue,
    /// The option takes no value.
    TakesNoValue,
    /// The option's value is wrong.
    Invalid(Invalid),
    /// There is no command.
    NoCommand,
    /// The option cannot stand in the variable.
    NotInEnvironment,
    /// The variable holds a word that is no option.
    NotAnOption,
    /// `-c` with `-t group`.
    NoGroupOfItsOwn,
    /// `--pause` with a command or with options for one.
    PauseWith,
    /// A variable of the environment is set that must not be.
    Reserved,
}

/// What is wrong with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// There is no such signal.
    NoSuchSignal,
    /// KILL and STOP never arrive.
    NotCaught,
    /// CHLD is ours.
    NeverForwarded,
    /// FROM:TO is expected.
    NotFromTo,
    /// SIG:TIME is expected.
    NotSignalTime,
    /// A duration is expected.
    NotADuration,
    /// The duration does not fit.
    TooLong,
    /// An exit status is expected.
    NotAStatus,
    /// A target is expected.
    NotATarget,
    /// A format is expected.
    NotAFormat,
    /// A program is expected.
    NotAProgram,
    /// An absolute path is expected.
    NotAbsolute,
}

impl Invalid {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Invalid::NoSuchSignal => "no such signal (--list-signals shows them)",
            Invalid::NotCaught => "KILL and STOP cannot be caught",
            Invalid::NeverForwarded => "SIGCHLD is never forwarded",
            Invalid::NotFromTo => "not of the form FROM:TO",
            Invalid::NotSignalTime => "not of the form SIG:TIME",
            Invalid::NotADuration => "not a time like 500ms, 10s, 2m or 1h",
            Invalid::TooLong => "too long",
            Invalid::NotAStatus => "not a number from 0 to 255",
            Invalid::NotATarget => "not child, group or all",
            Invalid::NotAFormat => "not text or json",
            Invalid::NotAProgram => "not a program",
            Invalid::NotAbsolute => "not an absolute path",
        }
    }
}
