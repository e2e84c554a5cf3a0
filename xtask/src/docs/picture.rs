//! The picture of two terminals: Docker stops the same program twice, without an init and with ours. The
//! lines and their times are those of real sessions.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use initlab::{Pty, Sandbox, TempDir, find_program};

use crate::arch::Arch;
use crate::{command, dist, project};

const FILE: &str = "docs/img/docker-stop.svg";

/// What is typed, while a container `web` runs.
const COMMANDS: [&str; 2] = ["time docker stop web", "docker wait web"];

/// The entry points of the two images; the command is the same.
const ENTRY_POINTS: [(&str, &str); 2] = [
    ("without an init", "ENTRYPOINT []"),
    ("with tidy-init", "ENTRYPOINT [\"/bin/tidy-init\", \"--\"]"),
];

const PROMPT: &str = "$ ";

/// How long the picture rests between a command's end and the next one, and before it begins again.
const REST: Duration = Duration::from_millis(700);
const END: Duration = Duration::from_secs(5);

/// A terminal: its lines, each with the time at which it is there.
struct Session {
    title: &'static str,
    entry_point: &'static str,
    lines: Vec<(Duration, String)>,
}

/// Records both sessions, and draws them.
pub fn record() -> Result<()> {
    let arch = Arch::host().context("tidy-init is not built for this machine's architecture")?;
    let binary = dist::build(arch)?;
    let mut sessions = Vec::new();
    for (number, (title, entry_point)) in ENTRY_POINTS.into_iter().enumerate() {
        sessions.push(Session {
            title,
            entry_point,
            lines: play(&binary, entry_point, number)?,
        });
    }
    let path = project::root().join(FILE);
    fs::write(&path, draw(&sessions)).with_context(|| format!("cannot write {FILE}"))
}

/// Types the commands into a shell on a terminal: what is there to see, and when.
fn play(binary: &Path, entry_point: &str, number: usize) -> Result<Vec<(Duration, String)>> {
    let context = TempDir::new();
    let busybox = find_program("busybox").context("busybox is missing: install busybox-static")?;
    for (program, name) in [(binary, "tidy-init"), (&busybox, "sleep")] {
        initlab::copy_executable(program, &context.join(name), 0o755)
            .context("cannot copy a program")?;
    }
    // A program without a handler for TERM, as most are.
    let dockerfile = format!(
        "FROM scratch\nCOPY tidy-init /bin/tidy-init\nCOPY sleep /bin/sleep\n{entry_point}\n\
         CMD [\"/bin/sleep\", \"1000\"]\n"
    );
    fs::write(context.join("Dockerfile"), dockerfile).context("cannot write a Dockerfile")?;
    let name = format!("tidy-init-picture-{}-{number}", std::process::id());
    let docker = |words: &[&str]| command::output(Command::new("docker").args(words));
    let directory = context.path().to_string_lossy().into_owned();
    docker(&["build", "--quiet", "--tag", &name, &directory])?;
    docker(&[
        "run",
        "--detach",
        "--network",
        "none",
        "--name",
        &name,
        &name,
    ])?;
    let lines = type_all(&name);
    let removed = docker(&["rm", "--force", &name]);
    docker(&["rmi", "--force", &name])?;
    removed?;
    lines
}

fn type_all(name: &str) -> Result<Vec<(Duration, String)>> {
    let pty = Pty::open();
    pty.set_window_size(24, 200);
    let mut shell = Sandbox::plain(find_program("bash").context("there is no bash")?)
        .args(["--noprofile", "--norc", "-i"])
        .env("PS1", PROMPT)
        .env("TIMEFORMAT", "%1R seconds")
        .env("TERM", "dumb")
        .timeout(Duration::from_secs(60))
        .terminal(&pty)
        .start();
    wait_for(&pty, |text| text.ends_with(PROMPT))?;
    let mut lines = Vec::new();
    let mut clock = Duration::ZERO;
    for typed in COMMANDS {
        let shown = pty.transcript().len();
        lines.push((clock, format!("{PROMPT}{typed}")));
        clock += REST;
        let begin = Instant::now();
        pty.send_line(&typed.replace("web", name));
        let mut seen = 0;
        // The first line is the echo of what was typed.
        wait_for(&pty, |text| {
            let output = text[shown..].replace('\r', "");
            let complete: Vec<&str> = output.split_inclusive('\n').collect();
            let complete: Vec<&&str> = complete.iter().filter(|l| l.ends_with('\n')).collect();
            for line in complete.iter().skip(1 + seen) {
                seen += 1;
                let line = line.trim_end().replace(name, "web");
                lines.push((clock + begin.elapsed(), line));
            }
            output.contains('\n') && output.ends_with(PROMPT)
        })?;
        clock += begin.elapsed() + REST;
    }
    pty.send_ctrl('d');
    shell.wait_exit();
    ensure!(lines.len() > COMMANDS.len(), "the terminal shows nothing");
    Ok(lines)
}

/// Looks at the terminal until that is so, as often as a film would.
fn wait_for(pty: &Pty, mut done: impl FnMut(&str) -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done(&pty.transcript()) {
        ensure!(
            Instant::now() < deadline,
            "the shell does not answer: {}",
            pty.transcript()
        );
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

// Large letters: on a phone the picture has half its width.
const WIDTH: usize = 680;
const HEIGHT: usize = 212;
const PANE: usize = 332;
const LINE: usize = 26;

fn draw(sessions: &[Session]) -> String {
    let end = |session: &Session| session.lines.last().map_or(Duration::ZERO, |(at, _)| *at);
    let length = sessions.iter().map(end).max().unwrap_or_default() + END;
    let percent = |at: Duration| at.as_secs_f64() / length.as_secs_f64() * 100.0;
    let mut style = String::new();
    let mut panes = String::new();
    let mut told = String::new();
    for (number, session) in sessions.iter().enumerate() {
        let left = number * (WIDTH - PANE);
        let _ = writeln!(
            panes,
            "  <g transform=\"translate({left} 0)\">\n    \
             <rect class=\"screen\" width=\"{PANE}\" height=\"{HEIGHT}\" rx=\"8\"/>\n    \
             <text class=\"title\" x=\"16\" y=\"30\">{}</text>\n    \
             <text class=\"entry\" x=\"16\" y=\"53\">{}</text>",
            escaped(session.title),
            escaped(session.entry_point)
        );
        let _ = write!(told, "{}:", session.title);
        for (index, (at, line)) in session.lines.iter().enumerate() {
            let name = format!("t{number}{index}");
            // Without motion all lines are there from the beginning.
            if *at > Duration::ZERO {
                let at = percent(*at);
                let _ = writeln!(
                    style,
                    "    @keyframes {name} {{ 0%, {:.2}% {{ opacity: 0; }} {at:.2}%, 100% {{ opacity: 1; }} }}\n    \
                     .{name} {{ animation: {name} {:.1}s infinite; }}",
                    at - 0.01,
                    length.as_secs_f64()
                );
            }
            let kind = match line.strip_prefix(PROMPT) {
                Some(_) => "typed",
                None if line.ends_with(" seconds") => "time",
                None => "out",
            };
            let y = 88 + index * LINE;
            let _ = writeln!(
                panes,
                "    <text class=\"{kind} {name}\" x=\"16\" y=\"{y}\">{}</text>",
                escaped(line)
            );
            let _ = write!(told, " {}", escaped(line));
        }
        panes += "  </g>\n";
        told += ". ";
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"title about\">\n  \
         <!-- Recorded and drawn by `cargo xtask docs`, asked for a picture: do not edit. -->\n  \
         <title id=\"title\">docker stop, without an init and with tidy-init</title>\n  \
         <desc id=\"about\">{}</desc>\n  <style>\n    \
         .screen {{ fill: #161b22; stroke: #30363d; }}\n    \
         text {{ font: 17px ui-monospace, Menlo, Consolas, monospace; fill: #c9d1d9; white-space: pre; }}\n    \
         .title {{ font: 600 18px system-ui, sans-serif; fill: #f0f6fc; }}\n    \
         .entry {{ fill: #8b949e; font-size: 13px; }}\n    .typed {{ fill: #79c0ff; }}\n    \
         .time {{ fill: #ffa657; font-weight: 700; }}\n{style}    \
         @media (prefers-reduced-motion: reduce) {{ text {{ animation: none !important; }} }}\n  \
         </style>\n{panes}</svg>\n",
        told.trim_end()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_each_line_at_its_time() {
        let line = |seconds, text: &str| (Duration::from_secs(seconds), text.to_owned());
        let sessions = [Session {
            title: "a",
            entry_point: "b",
            lines: vec![line(0, "$ x <y>"), line(5, "1.0 seconds")],
        }];
        let svg = draw(&sessions);
        // Five of ten seconds.
        assert!(svg.contains("50.00%, 100% { opacity: 1; }"), "{svg}");
        assert!(svg.contains(">$ x &lt;y&gt;</text>"), "{svg}");
        assert!(svg.contains("class=\"time t01\""), "{svg}");
    }

    #[test]
    fn the_picture_that_is_checked_in_shows_both_ends() {
        let svg = fs::read_to_string(project::root().join(FILE)).expect("it is checked in");
        let (_, comment) = svg.split_once("<!--").expect("it says who has drawn it");
        let (comment, _) = comment.split_once("-->").expect("the comment ends");
        assert!(!comment.contains("--"), "XML does not allow it: {comment}");
        for part in [">137</text>", ">143</text>", " seconds</text>"] {
            assert!(svg.contains(part), "{part}");
        }
    }
}
