//! The inits under test: their paths, and how each spells its options.

use std::{
    env,
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Serialize, Serializer};

use crate::{
    locate::{embedded_init, find_program, fixture, reachable},
    sandbox::Sandbox,
    signals::signal_name,
};

/// The option grammar and the defaults of an init.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Personality {
    /// tidy-init by its own name.
    Native,
    /// dumb-init 1.2.
    DumbInit,
    /// tini 0.19.
    Tini,
    /// catatonit 0.1.
    Catatonit,
    /// Any other init: `INIT COMMAND...`, no options.
    Plain,
}

impl Personality {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Native,
        Self::DumbInit,
        Self::Tini,
        Self::Catatonit,
        Self::Plain,
    ];

    /// Its name on the command line: `native`, `dumb-init`, `tini`, `catatonit`, `plain`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::DumbInit => "dumb-init",
            Self::Tini => "tini",
            Self::Catatonit => "catatonit",
            Self::Plain => "plain",
        }
    }

    /// The personality of an init with this file name: `tini-static` is tini. tidy-init's own files
    /// (`tidy-init`, `tidy-init-ARCH`) are native, and unknown inits are plain.
    #[must_use]
    pub fn of_file_name(name: &str) -> Self {
        match name {
            "dumb-init" => Self::DumbInit,
            "tini" | "tini-static" | "docker-init" => Self::Tini,
            "catatonit" | "podman-init" => Self::Catatonit,
            "tidy-init" => Self::Native,
            name if name.starts_with("tidy-init-") => Self::Native,
            _ => Self::Plain,
        }
    }

    /// The options that turn this feature on, as one types them; empty when it is the default,
    /// `None` when the init lacks it.
    #[must_use]
    pub fn options(self, feature: Feature) -> Option<Vec<String>> {
        let words = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect());
        let value = |option: &str, value: String| Some(vec![option.to_owned(), value]);
        let time = |ms: u32| match ms % 1000 {
            0 => format!("{}s", ms / 1000),
            _ => format!("{ms}ms"),
        };
        match (self, feature) {
            (Self::Native, Feature::Rewrite(from, to)) => {
                let to = match to {
                    0 => "0".to_owned(),
                    _ => signal_name(to),
                };
                value("-r", format!("{}:{to}", signal_name(from)))
            }
            (Self::DumbInit, Feature::Rewrite(from, to)) => value("-r", format!("{from}:{to}")),
            (Self::Native | Self::DumbInit, Feature::ToGroup) => words(&[]),
            (Self::Tini | Self::Catatonit, Feature::ToGroup) => words(&["-g"]),
            (Self::Native, Feature::ToChild) => words(&["-t", "child"]),
            (Self::Tini | Self::Catatonit, Feature::ToChild) => words(&[]),
            (Self::Native, Feature::ToAll) => words(&["-t", "all"]),
            (Self::Native | Self::DumbInit, Feature::SingleChild) => words(&["-c"]),
            (Self::Native | Self::Catatonit, Feature::Subreaper) => words(&[]),
            (Self::Tini, Feature::Subreaper) => words(&["-s"]),
            (Self::Native, Feature::ParentDeath(signal)) => value("-p", signal_name(signal)),
            (Self::Tini, Feature::ParentDeath(signal)) => {
                value("-p", format!("SIG{}", signal_name(signal)))
            }
            (Self::Native | Self::Tini, Feature::ExitMap(code)) => value("-e", code.to_string()),
            (Self::Native, Feature::KillAfter(ms)) => value("-k", time(ms)),
            (Self::Native, Feature::Grace(ms)) => value("--grace", time(ms)),
            (Self::Native, Feature::PreStop) => value("--pre-stop", PRE_STOP.to_owned()),
            (Self::Native, Feature::Linger(ms)) => value("--linger", time(ms)),
            (Self::Native, Feature::Delay(signal, ms)) => {
                value("-d", format!("{}:{}", signal_name(signal), time(ms)))
            }
            (Self::Native, Feature::ExitBySignal) => words(&["-x"]),
            (Self::Native | Self::DumbInit | Self::Tini, Feature::Verbose) => words(&["-v"]),
            _ => None,
        }
    }

    /// The options of the mode that holds a pod's namespaces and has no command.
    #[must_use]
    pub fn pause(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Native => Some(&["--pause"]),
            Self::Catatonit => Some(&["-P"]),
            _ => None,
        }
    }

    /// What ends the options.
    const fn separator(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            _ => Some("--"),
        }
    }
}

impl fmt::Display for Personality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Personality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The program of [`Feature::PreStop`]: in the directory that the init is started in.
pub const PRE_STOP: &str = "./pre-stop";

/// What an init can be asked to do, independent of any option grammar. Times are in milliseconds,
/// signals are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Deliver the second signal when the first arrives; 0 drops it.
    Rewrite(i32, i32),
    /// Signals go to the command's process group.
    ToGroup,
    /// Signals go to the command alone, though it leads its own group.
    ToChild,
    /// Signals go to every process.
    ToAll,
    /// The command stays in the init's session and group.
    SingleChild,
    /// The init adopts the command's orphans where it is not PID 1.
    Subreaper,
    /// The init gets this signal when its own parent dies.
    ParentDeath(i32),
    /// This status counts as success.
    ExitMap(i32),
    /// Kill what still runs this long after a stop signal.
    KillAfter(u32),
    /// Stop the leftovers of the command, and wait this long for them.
    Grace(u32),
    /// Run [`PRE_STOP`] before a stop signal is forwarded.
    PreStop,
    /// Wait at the end until what was sent over TCP has arrived, for at most this long.
    Linger(u32),
    /// Hold this signal back for this long.
    Delay(i32, u32),
    /// Die by the signal that killed the command.
    ExitBySignal,
    /// Log what happens.
    Verbose,
}

/// The inits that Debian packages, by program name.
pub const PEERS: [&str; 4] = ["dumb-init", "tini", "tini-static", "catatonit"];

/// An init: its file and its personality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    path: PathBuf,
    prefix: Vec<OsString>,
    /// The arguments around the command, where they were given: `--flag -- {}`.
    around: Option<[Vec<OsString>; 2]>,
    personality: Personality,
    name: String,
}

impl Init {
    /// The init at `path`; its file name decides the personality unless one is given.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, personality: Option<Personality>) -> Self {
        let path = path.into();
        let file_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let natural = Personality::of_file_name(&file_name);
        let personality = personality.unwrap_or(natural);
        let name = if personality == natural {
            file_name
        } else {
            format!("{file_name}={personality}")
        };
        Self {
            path,
            prefix: Vec::new(),
            around: None,
            personality,
            name,
        }
    }

    /// One of the deliberately broken inits of [`toy`](crate::toy). They have tidy-init's option
    /// grammar.
    #[must_use]
    pub fn toy(name: &str) -> Self {
        Self {
            path: fixture(),
            prefix: vec!["toy".into(), name.into()],
            around: None,
            personality: Personality::Native,
            name: format!("toy-{name}"),
        }
    }

    /// tidy-init: the file that the environment variable `TIDY_INIT` names; if the variable is not
    /// set, the one beside this program, or the one in `PATH`, or the one that is built into this
    /// program. `None` if there is none.
    ///
    /// # Errors
    /// When `TIDY_INIT` names a file that is not an executable one, or when the one that is built in
    /// cannot be written to a temporary directory.
    pub fn ours() -> Result<Option<Self>, InitError> {
        let native = |path| Self::new(path, Some(Personality::Native));
        if let Some(named) = env::var_os("TIDY_INIT").filter(|path| !path.is_empty()) {
            let init = native(PathBuf::from(named));
            return init.check().map(|()| Some(init));
        }
        let beside = env::current_exe()
            .ok()
            .map(|this| this.with_file_name("tidy-init"));
        let found = [beside, find_program("tidy-init")];
        let mut inits = found.into_iter().flatten().map(native);
        if let Some(init) = inits.find(|init| init.check().is_ok()) {
            return Ok(Some(init));
        }
        Self::embedded()
    }

    /// tidy-init, if it is built into this program.
    ///
    /// # Errors
    /// When it cannot be written to a temporary directory.
    pub fn embedded() -> Result<Option<Self>, InitError> {
        let embedded = embedded_init().map_err(|e| InitError {
            path: "that is built in".into(),
            why: e.to_string(),
        })?;
        Ok(embedded.map(|path| Self::new(path, Some(Personality::Native))))
    }

    /// The installed peers, in the order of [`PEERS`], and the names of the missing ones.
    #[must_use]
    pub fn peers() -> (Vec<Self>, Vec<&'static str>) {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for name in PEERS {
            match find_program(name).filter(|path| path.is_file()) {
                Some(path) => found.push(Self::new(path, None)),
                None => missing.push(name),
            }
        }
        (found, missing)
    }

    /// Its display name: the file name, with `=PERSONALITY` unless the file name implies it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its personality.
    #[must_use]
    pub fn personality(&self) -> Personality {
        self.personality
    }

    /// The options that turn this feature on: see [`Personality::options`].
    #[must_use]
    pub fn options(&self, feature: Feature) -> Option<Vec<String>> {
        self.personality.options(feature)
    }

    /// `argv[0]`, by which tidy-init chooses its personality. A file whose name implies the
    /// personality keeps its own path.
    #[must_use]
    pub fn arg0(&self) -> OsString {
        let file_name = self.path.file_name().unwrap_or_default().to_string_lossy();
        match self.personality {
            Personality::Plain => self.path.clone().into(),
            natural if natural == Personality::of_file_name(&file_name) => self.path.clone().into(),
            Personality::Native => "tidy-init".into(),
            other => other.name().into(),
        }
    }

    /// Its arguments without `argv[0]`: options, `--`, the command.
    #[must_use]
    pub fn arguments<S: Into<OsString>>(
        &self,
        options: &[String],
        command: impl IntoIterator<Item = S>,
    ) -> Vec<OsString> {
        let mut arguments = self.prefix.clone();
        let [before, after] = self.around.clone().unwrap_or_default();
        arguments.extend(before);
        arguments.extend(options.iter().map(OsString::from));
        arguments.extend(self.personality.separator().map(OsString::from));
        arguments.extend(command.into_iter().map(Into::into));
        arguments.extend(after);
        arguments
    }

    /// Arguments without a command, such as `--version`.
    #[must_use]
    pub fn bare(&self, words: &[&str]) -> Vec<OsString> {
        let mut arguments = self.prefix.clone();
        arguments.extend(words.iter().map(OsString::from));
        arguments
    }

    /// The init as PID 1, with these options and this command.
    pub fn sandbox<S: Into<OsString>>(
        &self,
        options: &[String],
        command: impl IntoIterator<Item = S>,
    ) -> Sandbox {
        Sandbox::new(&self.path)
            .arg0(self.arg0())
            .args(self.arguments(options, command))
    }

    /// The same init at a path that every user can reach: see [`reachable`].
    pub(crate) fn reachable(&self) -> io::Result<Self> {
        Ok(Self {
            path: reachable(&self.path)?,
            ..self.clone()
        })
    }

    /// Checks that it is an executable file.
    pub fn check(&self) -> Result<(), InitError> {
        let fail = |why: String| InitError {
            path: self.path.clone(),
            why,
        };
        let metadata = fs::metadata(&self.path).map_err(|e| {
            let text = e.to_string();
            // "(os error 2)" adds nothing.
            fail(text.split(" (os error").next().unwrap_or(&text).to_owned())
        })?;
        if !metadata.is_file() {
            return Err(fail("not a file".to_owned()));
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(fail("not executable".to_owned()));
        }
        Ok(())
    }

    /// The version that it prints for `--version`, run in a sandbox; `None` if it prints none
    /// within two seconds.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let sandbox = Sandbox::new(&self.path)
            .arg0(self.arg0())
            .args(self.bare(&["--version"]))
            .timeout(Duration::from_secs(2));
        let output = sandbox.try_start().ok()?.try_wait().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        let mut words = text.split_whitespace().map(|w| w.trim_start_matches('v'));
        let version = words.find(number)?;
        // catatonit prints `0.1.7_catatonit`.
        let other = |c: char| !c.is_ascii_alphanumeric() && !".-+".contains(c);
        version.split(other).next().map(str::to_owned)
    }
}

/// `PATH[=PERSONALITY]`, or the init with its arguments, `PATH --flag -- {}`, where the command takes
/// the place of `{}`; such an init has no personality. A name without a slash is looked up in `PATH`. A name that is not found is
/// kept, and [`Init::check`] fails for it.
impl FromStr for Init {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if let Some(words) = shlex::split(text)
            && let Some(place) = words.iter().skip(1).position(|word| word == "{}")
        {
            let around = [&words[1..=place], &words[place + 2..]];
            let around = around.map(|words| words.iter().map(OsString::from).collect());
            return Ok(Self {
                around: Some(around),
                name: text.to_owned(),
                ..Self::new(absolute(&words[0])?, Some(Personality::Plain))
            });
        }
        let known = |name: &str| Personality::ALL.into_iter().find(|p| p.name() == name);
        let (path, personality) = match text.rsplit_once('=') {
            Some((path, name)) if !path.is_empty() => match known(name) {
                Some(personality) => (path, Some(personality)),
                None if Path::new(text).exists() => (text, None),
                None => {
                    let all = Personality::ALL.map(Personality::name).join(", ");
                    return Err(format!("unknown personality {name:?}; known are {all}"));
                }
            },
            _ => (text, None),
        };
        Ok(Self::new(absolute(path)?, personality))
    }
}

/// The absolute path of a program: an init is started in other directories too.
fn absolute(path: &str) -> Result<PathBuf, String> {
    let path = find_program(path).unwrap_or_else(|| PathBuf::from(path));
    std::path::absolute(&path).map_err(|e| format!("{}: {e}", path.display()))
}

/// An init that cannot be used, and why.
#[derive(Clone, Debug)]
pub struct InitError {
    path: PathBuf,
    why: String,
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot use the init {}: {}",
            self.path.display(),
            self.why
        )
    }
}

impl std::error::Error for InitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_personality_is_that_of_the_name_unless_it_is_given() {
        let tini: Init = "/x/tini-static".parse().unwrap();
        assert_eq!(tini.personality(), Personality::Tini);
        assert_eq!(tini.name(), "tini-static");
        let ours: Init = "/x/tidy-init=dumb-init".parse().unwrap();
        assert_eq!(ours.personality(), Personality::DumbInit);
        assert_eq!(
            (ours.name(), ours.arg0()),
            ("tidy-init=dumb-init", "dumb-init".into())
        );
        let error = "/x/tidy-init=upstart".parse::<Init>().unwrap_err();
        assert!(
            error.contains("\"upstart\"") && error.contains("native"),
            "{error}"
        );
    }

    #[test]
    fn each_spells_options_in_its_own_way() {
        let rewrite = Feature::Rewrite(libc::SIGTERM, libc::SIGQUIT);
        let typed = |p: Personality| p.options(rewrite).map(|words| words.join(" "));
        assert_eq!(typed(Personality::Native).as_deref(), Some("-r TERM:QUIT"));
        assert_eq!(typed(Personality::DumbInit).as_deref(), Some("-r 15:3"));
        assert_eq!(typed(Personality::Tini), None);
    }

    #[test]
    fn an_init_that_is_not_there_or_not_executable_is_told_in_a_line() {
        let error = |path: &str| Init::new(path, None).check().unwrap_err().to_string();
        assert_eq!(
            error("/x/y"),
            "cannot use the init /x/y: No such file or directory"
        );
        assert_eq!(
            error("/etc/passwd"),
            "cannot use the init /etc/passwd: not executable"
        );
        assert_eq!(error("/etc"), "cannot use the init /etc: not a file");
    }
}
