//! Man pages and shell completions, from the option table.

use std::process::{Command as Process, Stdio};
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use tidy_init::cli::native::OPTIONS;

use super::{DESCRIPTION, NAME, Release, SUMMARY, VERSION};
use crate::command;

/// The shells that completions are made for, and where these belong.
pub const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "share/bash-completion/completions/tidy-init"),
    (Shell::Zsh, "share/zsh/site-functions/_tidy-init"),
    (
        Shell::Fish,
        "share/fish/vendor_completions.d/tidy-init.fish",
    ),
];

/// All pages and scripts.
pub struct Pages {
    /// The man page tidy-init(1).
    pub tidy_init: Vec<u8>,
    /// The completions of tidy-init, each with where it belongs below /usr or /usr/local.
    pub completions: Vec<(String, Vec<u8>)>,
    /// What initlab writes of itself, by file names.
    initlab: Vec<(String, Vec<u8>)>,
}

impl Pages {
    /// Makes them.
    pub fn make(release: &Release) -> Result<Pages> {
        Pages::of(&help()?, &release.date())
    }

    fn of(help: &str, date: &str) -> Result<Pages> {
        Ok(Pages {
            tidy_init: tidy_init_man(help, date)?,
            completions: SHELLS
                .iter()
                .map(|(shell, path)| ((*path).to_owned(), completions(tidy_init(), *shell)))
                .collect(),
            initlab: initlab()?,
        })
    }

    /// Writes those that are released by themselves, into `dist/`; gives their names.
    pub fn write(&self, release: &Release) -> Result<Vec<String>> {
        let mut names = vec![format!("{NAME}.1")];
        release.write(&names[0], &self.tidy_init)?;
        for ((_, script), (shell, _)) in self.completions.iter().zip(SHELLS) {
            let name = format!("{NAME}.{shell}");
            release.write(&name, script)?;
            names.push(name);
        }
        for (name, page) in &self.initlab {
            release.write(name, page)?;
            names.push(name.clone());
        }
        Ok(names)
    }
}

/// Has man(1) show a page, and the shells read what is for them.
pub fn check(release: &Release) -> Result<()> {
    for page in [NAME, "initlab"] {
        let shown = Process::new("man")
            .current_dir(&release.dist)
            .args(["--warnings", "--local-file", &format!("./{page}.1")])
            .stdin(Stdio::null())
            .output()
            .context("cannot run man")?;
        let complaints = String::from_utf8_lossy(&shown.stderr);
        ensure!(
            shown.status.success() && complaints.is_empty(),
            "man finds fault with {page}.1: {complaints}"
        );
        for (shell, option) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
            let script = release.dist.join(format!("{page}.{shell}"));
            command::output(Process::new(shell).arg(option).arg(script))?;
        }
    }
    Ok(())
}

/// What `tidy-init --help` says.
fn help() -> Result<String> {
    tidy_init_says(&["--help"])
}

/// The man pages and completions of initlab, which has them of its own command line.
fn initlab() -> Result<Vec<(String, Vec<u8>)>> {
    let directory = initlab::TempDir::new();
    command::output(
        command::cargo()
            .args(["run", "--quiet", "--package", "initlab", "--", "pages"])
            .arg(directory.path()),
    )?;
    let mut pages = Vec::new();
    for file in fs::read_dir(directory.path()).context("cannot read a directory")? {
        let path = file.context("cannot read a directory")?.path();
        let page = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // zsh wants another name than that, but only where the file is installed.
        let name = match name.strip_prefix('_') {
            Some(command) => format!("{command}.zsh"),
            None => name.into_owned(),
        };
        pages.push((name, page));
    }
    pages.sort();
    Ok(pages)
}

fn tidy_init_says(arguments: &[&str]) -> Result<String> {
    command::output(
        command::cargo()
            .args(["run", "--quiet", "--package", NAME, "--"])
            .args(arguments),
    )
}

/// The native command line as clap knows it. It parses nothing: pages are made of it.
pub fn tidy_init() -> Command {
    let mut command = Command::new(NAME)
        .version(VERSION)
        .about(SUMMARY)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let mut heading = "";
    for spec in OPTIONS {
        if !spec.group.is_empty() {
            heading = spec.group;
        }
        let mut option = Arg::new(spec.long)
            .long(spec.long)
            .help(spec.help.replace('\n', " "))
            .help_heading(heading);
        if spec.short != 0 {
            option = option.short(char::from(spec.short));
        }
        option = if spec.value.is_empty() {
            option.action(match spec.long {
                "verbose" => ArgAction::Count,
                _ => ArgAction::SetTrue,
            })
        } else {
            option.action(ArgAction::Append).value_name(spec.value)
        };
        option = match values(spec.long) {
            _ if spec.long == "termination-log" => option.value_hint(ValueHint::FilePath),
            [] => option,
            values => option
                .value_parser(values.to_vec())
                .hide_possible_values(true),
        };
        command = command.arg(option);
    }
    command.arg(
        Arg::new("COMMAND")
            .help("The command and its arguments")
            .num_args(1..)
            .trailing_var_arg(true)
            .value_hint(ValueHint::CommandWithArguments),
    )
}

/// All values that an option takes, where they are few.
fn values(option: &str) -> &'static [&'static str] {
    match option {
        "target" => &["child", "group", "all"],
        "log-format" => &["text", "json"],
        _ => &[],
    }
}

/// The man page tidy-init(1), the end of which is what `--help` says below the options.
pub fn tidy_init_man(help: &str, date: &str) -> Result<Vec<u8>> {
    let mut paragraphs = help.trim_end().rsplit("\n\n");
    let status = paragraphs
        .next()
        .and_then(|last| last.strip_prefix("Exit status: "))
        .context("the help text ends with the exit status")?;
    let notes = paragraphs
        .next()
        .filter(|notes| !notes.contains("--"))
        .context("before that it says what the values are")?;
    let mut after = Roff::new();
    after.control("SH", ["VALUES"]);
    after.text([roman(notes.replace('\n', " "))]);
    after.control("SH", ["EXIT STATUS"]);
    after.text([roman(first_upper(&status.replace('\n', " ")))]);
    after.control("SH", ["ENVIRONMENT"]);
    after.control("TP", []);
    after.text([bold("TIDY_INIT_OPTS")]);
    after.text([roman(
        "Options that are read before those of the command line, which win; split at white \
         space, without quoting. The command does not see it.",
    )]);
    after.control("SH", ["EXAMPLES"]);
    for (what, how) in EXAMPLES {
        after.control("TP", []);
        after.text([bold(*how)]);
        after.text([roman(*what)]);
    }
    after.control("SH", ["SEE ALSO"]);
    after.text(see_also(&[
        "initlab(1)",
        "docker-run(1)",
        "signal(7)",
        "pid_namespaces(7)",
    ]));
    let mut before = Roff::new();
    before.control("SH", ["SYNOPSIS"]);
    before.text([
        bold(NAME),
        roman(" [OPTIONS] [--] "),
        italic("COMMAND"),
        roman(" ["),
        italic("ARG"),
        roman("...]"),
    ]);
    before.control("br", []);
    before.text([bold(format!("{NAME} --pause"))]);
    before.control("SH", ["DESCRIPTION"]);
    before.text([roman(DESCRIPTION.join(" "))]);
    man(tidy_init(), date, &before, &after)
}

const EXAMPLES: &[(&str, &str)] = &[
    (
        "Lets nginx finish its requests when it is stopped.",
        "tidy-init -r TERM:QUIT -- nginx -g 'daemon off;'",
    ),
    (
        "Hides from the load balancer for five seconds, then stops within eight.",
        "tidy-init -d TERM:5s -k 8s -- server",
    ),
    (
        "Waits for what the command leaves behind.",
        "tidy-init --grace 10s -- worker",
    ),
];

fn see_also(pages: &[&str]) -> Vec<clap_mangen::roff::Inline> {
    let mut line = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        let (name, section) = page.split_at(page.find('(').unwrap_or(page.len()));
        if index > 0 {
            line.push(roman(", "));
        }
        line.extend([bold(name), roman(section)]);
    }
    line
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The page of a command, with what else there is to say before and behind its options.
fn man(command: Command, date: &str, before: &Roff, after: &Roff) -> Result<Vec<u8>> {
    // A heading would become a section, beside those that every page has.
    let command = command.mut_args(|option| option.help_heading(None));
    let man = Man::new(command).date(date).manual("User Commands");
    let mut page = Vec::new();
    (|| {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        page.extend(before.to_roff().bytes());
        man.render_options_section(&mut page)?;
        page.extend(after.to_roff().bytes());
        Ok::<_, io::Error>(())
    })()
    .context("cannot render a man page")?;
    Ok(page)
}

/// The completions of a command for a shell.
pub fn completions(command: Command, shell: Shell) -> Vec<u8> {
    let mut command = match shell {
        // A colon ends what zsh calls the message.
        Shell::Zsh => command.mut_args(|option| match option.get_value_names() {
            Some([name]) => {
                let name = name.replace(':', "\\:");
                option.value_name(name)
            }
            _ => option,
        }),
        _ => command,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;
    use crate::project;

    fn pages() -> (String, Pages) {
        let help = help().expect("cargo can run tidy-init");
        let pages = Pages::of(&help, "2001-02-03").expect("memory suffices");
        (help, pages)
    }

    fn script(pages: &Pages, shell: Shell) -> String {
        let index = SHELLS.iter().position(|(known, _)| *known == shell);
        let (_, script) = &pages.completions[index.expect("it is made for that shell")];
        String::from_utf8(script.clone()).expect("it is UTF-8")
    }

    fn read(name: &str) -> String {
        std::fs::read_to_string(project::root().join(name)).expect("the file is there")
    }

    /// The long options of the table.
    fn table() -> BTreeSet<String> {
        OPTIONS.iter().map(|spec| spec.long.to_owned()).collect()
    }

    /// All long options that a text names.
    fn named(text: &str, before: &str) -> BTreeSet<String> {
        text.match_indices(before)
            .filter_map(|(at, _)| {
                let name = text[at + before.len()..]
                    .split(|c: char| !c.is_ascii_lowercase() && c != '-')
                    .next()?;
                (!name.is_empty()).then(|| name.trim_end_matches('-').to_owned())
            })
            .collect()
    }

    #[test]
    fn help_man_page_and_completions_name_the_options_of_the_table() {
        let (help, pages) = pages();
        let man = String::from_utf8(pages.tidy_init.clone()).expect("it is UTF-8");
        assert_eq!(named(&help, "--"), table());
        let man = man.replace("\\-", "-");
        let options = man.split("\n.SH ").find(|part| part.starts_with("OPTIONS"));
        assert_eq!(
            named(options.unwrap_or_default(), "\\fB--"),
            table(),
            "{man}"
        );
        assert_eq!(named(&script(&pages, Shell::Bash), " --"), table());
        assert_eq!(named(&script(&pages, Shell::Zsh), "--"), table());
        assert_eq!(named(&script(&pages, Shell::Fish), " -l "), table());
    }

    #[test]
    fn the_readme_shows_the_help_text() {
        let (help, _) = pages();
        assert!(read("README.md").contains(&format!("```text\n{help}\n```")));
    }

    #[test]
    fn the_version_stands_in_the_changelog() {
        let heading = format!("\n## {VERSION}, ");
        assert!(read("CHANGELOG.md").contains(&heading), "no {heading:?}");
    }

    #[test]
    fn the_values_that_are_offered_are_taken() {
        for spec in OPTIONS {
            for value in values(spec.long) {
                let option = format!("--{}={value}", spec.long);
                tidy_init_says(&[&option, "--version"]).expect("it is taken");
            }
        }
    }

    #[test]
    fn bash_completes_an_option_and_its_value() {
        let (_, pages) = pages();
        let ask = "COMP_WORDS=(tidy-init \"$@\"); COMP_CWORD=$#; \
                   f=$(complete -p tidy-init); f=${f#*-F }; \
                   ${f%% *} tidy-init \"${!#}\" \"${COMP_WORDS[$# - 1]}\"; echo \"${COMPREPLY[@]}\"";
        let ask = format!("{}\n{ask}", script(&pages, Shell::Bash));
        let completed = |words: &[&str]| {
            let output = Command::new("bash")
                .args(["-c", &ask, "bash"])
                .args(words)
                .output()
                .expect("there is a bash");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(completed(&["--gr"]), "--grace");
        assert_eq!(completed(&["--log-format", "j"]), "json");
    }
}
