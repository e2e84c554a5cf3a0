//! Man pages and shell completions, from the option table.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command as Process, Stdio};

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use tidy_init::cli::Documented;
use tidy_init::personality::NATIVE;

use super::product::Product;
use super::{Release, VERSION};
use crate::command;

const NAME: &str = "tidy-init";

/// What packages say about it.
fn about() -> Product {
    Product::tidy_init(String::new())
}

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
    /// The man pages of the drop-ins, by their names.
    pub drop_ins: Vec<(&'static str, Vec<u8>)>,
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
            drop_ins: drop_ins(date)?,
        })
    }

    /// The man page and the completions, with their paths below /usr or /usr/local.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let page = (format!("share/man/man1/{NAME}.1"), self.tidy_init.clone());
        let completions = self.completions.iter().cloned();
        std::iter::once(page).chain(completions).collect()
    }

    /// The man page of a drop-in.
    pub fn drop_in(&self, name: &str) -> Result<&[u8]> {
        let mut pages = self.drop_ins.iter();
        let page = pages.find(|(known, _)| *known == name);
        let (_, page) = page.with_context(|| format!("{name} has no man page"))?;
        Ok(page)
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
        Ok(names)
    }
}

/// Has man(1) show the pages, and the shells read what is for them.
pub fn check(release: &Release, pages: &Pages) -> Result<()> {
    let mut written = vec![(NAME, &pages.tidy_init[..])];
    written.extend(pages.drop_ins.iter().map(|(name, page)| (*name, &page[..])));
    for (name, page) in written {
        check_man(name, page)?;
    }
    for (shell, option) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = release.dist.join(format!("{NAME}.{shell}"));
        command::output(Process::new(shell).arg(option).arg(script))?;
    }
    Ok(())
}

/// Has man(1) show a page.
pub fn check_man(name: &str, page: &[u8]) -> Result<()> {
    let work = initlab::TempDir::new();
    let path = work.join(format!("{name}.1"));
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    let shown = Process::new("man")
        .args(["--warnings", "--local-file"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context("cannot run man")?;
    let complaints = String::from_utf8_lossy(&shown.stderr);
    ensure!(
        shown.status.success() && complaints.is_empty(),
        "man finds fault with {name}.1: {complaints}"
    );
    Ok(())
}

/// What `tidy-init --help` says.
fn help() -> Result<String> {
    tidy_init_says(&["--help"])
}

/// The programs that Debian packages of ours replace, each with what the original is.
const DROP_INS: [(&str, &str); 3] = [
    ("catatonit", "catatonit 0.1.7"),
    ("dumb-init", "dumb-init 1.2.5"),
    ("tini", "tini 0.19"),
];

/// A man page for each drop-in. Its options are those that `-h` lists under that name.
fn drop_ins(date: &str) -> Result<Vec<(&'static str, Vec<u8>)>> {
    // The init is the parent of its command.
    let program = tidy_init_says(&["--", "sh", "-c", "readlink /proc/$PPID/exe"])?;
    let page = |(name, original): (&'static str, &str)| {
        let said = Process::new(&program).arg0(name).arg("-h").output();
        let said = said.with_context(|| format!("cannot run {program}"))?;
        // As the originals have it, some show their help on standard error.
        let help = [said.stdout, said.stderr].concat();
        let help = String::from_utf8(help).context("help is UTF-8")?;
        let help = help.trim_end();
        let (_, usage) = help.split_once("Usage: ").context("it shows its usage")?;
        let (usage, options) = usage.split_once("\n\n").context("then its options")?;
        let mut page = Roff::new();
        page.control("TH", [name, "1", date, "tidy-init", "User Commands"]);
        page.control("SH", ["NAME"]);
        page.text([roman(format!(
            "{name} - {}, compatible with {original}",
            about().summary
        ))]);
        page.control("SH", ["SYNOPSIS"]);
        page.text([roman(usage)]);
        page.control("SH", ["DESCRIPTION"]);
        page.text([roman(format!(
            "This {name} is tidy-init, called by another name. It takes the options and variables \
             of {original}, prints its messages, forwards the same signals and exits with the same \
             statuses."
        ))]);
        page.control("SH", ["OPTIONS"]);
        page.control("nf", []);
        page.text([roman(options)]);
        page.control("fi", []);
        page.control("SH", ["ENVIRONMENT"]);
        page.control("TP", []);
        page.text([bold("TIDY_INIT_OPTS")]);
        page.text([roman(
            "Native options of tidy-init(1), which are read before those of the command line.",
        )]);
        page.control("SH", ["SEE ALSO"]);
        page.text(see_also(&["tidy-init(1)"]));
        Ok((name, page.to_roff().into_bytes()))
    };
    DROP_INS.into_iter().map(page).collect()
}

fn tidy_init_says(arguments: &[&str]) -> Result<String> {
    command::output(
        command::cargo()
            .args(["run", "--quiet", "--package", NAME, "--"])
            .args(arguments),
    )
}

/// The native options.
fn options() -> impl Iterator<Item = Documented> {
    NATIVE.grammar.options.documented()
}

/// The native command line as clap knows it. It parses nothing: pages are made of it.
pub fn tidy_init() -> Command {
    let mut command = Command::new(NAME)
        .version(VERSION)
        .about(about().summary)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let mut heading = "";
    for spec in options() {
        if !spec.group.is_empty() {
            heading = spec.group;
        }
        let mut option = Arg::new(spec.long)
            .long(spec.long)
            .help(spec.help.replace('\n', " "))
            .help_heading(heading);
        if let Some(letter) = spec.short {
            option = option.short(letter);
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
            _ if spec.long == "pre-stop" => option.value_hint(ValueHint::CommandName),
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
    before.text([roman(about().description.join(" "))]);
    man(tidy_init(), date, &before, &after)
}

const EXAMPLES: &[(&str, &str)] = &[
    (
        "Lets nginx finish its requests when it is stopped, and waits until their last bytes have \
         arrived.",
        "tidy-init -r TERM:QUIT --linger 10s -- nginx -g 'daemon off;'",
    ),
    (
        "Runs a script before the stop, for at most 20 seconds together with it. The script gets \
         the variables TIDY_INIT_COMMAND_PID and TIDY_INIT_SIGNAL.",
        "tidy-init --pre-stop /drain.sh -k 20s -- server",
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
    if shell == Shell::Bash {
        return leave_the_command_alone(&script);
    }
    script
}

/// Behind `--`, or behind the command's name, words are the command's: clap_complete's script for bash
/// would offer our options there.
fn leave_the_command_alone(script: &[u8]) -> Vec<u8> {
    let with_value: Vec<String> = options()
        .filter(|spec| !spec.value.is_empty())
        .flat_map(|spec| {
            let short = spec.short.map(|letter| format!("-{letter}"));
            short.into_iter().chain([format!("--{}", spec.long)])
        })
        .collect();
    let guard = format!(
        r#"    local at=1
    while [[ $at -lt $COMP_CWORD ]]; do
        case "${{COMP_WORDS[at]}}" in
            --) at=$((at + 1)); break ;;
            {})
                # `--grace=5s` is three words here.
                [[ "${{COMP_WORDS[at + 1]}}" == = ]] && at=$((at + 1))
                at=$((at + 2)) ;;
            -*) at=$((at + 1)) ;;
            *) break ;;
        esac
    done
    if [[ $at -le $COMP_CWORD && ( $at -lt $COMP_CWORD || "${{COMP_WORDS[at - 1]}}" == -- ) ]]; then
        if declare -F _command_offset > /dev/null; then
            _command_offset "$at"
        else
            COMPREPLY=( $(compgen -c -f -- "${{COMP_WORDS[COMP_CWORD]}}") )
        fi
        return 0
    fi
"#,
        with_value.join("|")
    );
    let script = String::from_utf8_lossy(script);
    let begin = "_tidy__init() {\n";
    script
        .replacen(begin, &format!("{begin}{guard}"), 1)
        .into_bytes()
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
        options().map(|spec| spec.long.to_owned()).collect()
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
        for spec in options() {
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
        assert_eq!(
            completed(&["-v", "--grace", "5s", "--ver"]),
            "--verbose --version"
        );
        assert_eq!(
            completed(&["--grace", "=", "5s", "--ver"]),
            "--verbose --version"
        );
        // The command's options are not ours.
        for words in [
            &["--", "sh", "--gr"][..],
            &["-k", "5s", "sh", "--gr"],
            &["sh", "--gr"],
        ] {
            assert_eq!(completed(words), "", "{words:?}");
        }
        let programs = completed(&["-v", "--", "/bin/bas"]);
        assert!(programs.contains("/bin/bash"), "{programs}");
    }

    #[test]
    fn a_drop_in_has_a_page_of_its_own_options() {
        let (_, pages) = pages();
        for (name, option, not) in [
            ("tini", "\\-e STATUS", "\\-\\-grace"),
            ("dumb-init", "\\-\\-single\\-child", "\\-\\-grace"),
            ("catatonit", "\\-P ", "\\-\\-grace"),
        ] {
            let page = pages.drop_in(name).expect("it has a page");
            let page = String::from_utf8_lossy(page);
            assert!(page.contains(option) && !page.contains(not), "{page}");
            assert!(page.contains(".TH") && page.contains("2001"), "{page}");
        }
    }
}
