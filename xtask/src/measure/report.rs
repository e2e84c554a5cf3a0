//! The figures, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

use super::subject::Subject;

pub struct Report {
    /// Ours first.
    pub rows: Vec<Row>,
    /// The empty command by itself, in microseconds.
    pub bare: f64,
    /// The empty command twice in a row, in microseconds: 1.0 of the ratios.
    pub twice: f64,
    pub rounds: usize,
}

/// The figures of one init; `None` where one was not measured.
pub struct Row {
    pub subject: Subject,
    pub pss_kb: Option<u64>,
    pub syscalls: Option<u64>,
    /// In 10 s.
    pub wake_ups: Option<u64>,
    /// From start to end of an empty command.
    pub micros: f64,
}

impl Report {
    pub fn to_json(&self) -> Value {
        let inits: Vec<Value> = self.rows.iter().map(|row| self.row_to_json(row)).collect();
        json!({
            "rounds": self.rounds,
            "bare_exec_us": self.bare,
            "two_bare_execs_us": self.twice,
            "inits": inits,
        })
    }

    fn row_to_json(&self, row: &Row) -> Value {
        let subject = &row.subject;
        json!({
            "name": subject.name,
            "path": subject.path,
            "version": subject.version,
            "dynamic": subject.dynamic,
            "size": subject.size,
            "pss_kb": row.pss_kb,
            "syscalls": row.syscalls,
            "wake_ups_in_10_s": row.wake_ups,
            "startup_us": row.micros,
            "startup_ratio": row.micros / self.twice,
        })
    }
}

/// A Markdown table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = |micros: f64| format!("{:.2} ({micros:.0} µs)", micros / self.twice);
        let none = || "-".to_owned();
        let head = [
            "init",
            "version",
            "bytes",
            "PSS, kB",
            "syscalls",
            "wake-ups in 10 s",
            "start-up",
        ];
        let mut lines = vec![head.map(str::to_owned)];
        for row in &self.rows {
            let subject = &row.subject;
            lines.push([
                subject.name.to_owned() + if subject.dynamic { " (dynamic)" } else { "" },
                subject.version.clone(),
                subject.size.to_string(),
                row.pss_kb.map_or_else(none, |kb| kb.to_string()),
                row.syscalls.map_or_else(none, |calls| calls.to_string()),
                row.wake_ups
                    .map_or_else(none, |wake_ups| wake_ups.to_string()),
                ratio(row.micros),
            ]);
        }
        for (name, micros) in [("one bare exec", self.bare), ("two bare execs", self.twice)] {
            let mut line = [(); 7].map(|()| none());
            line[0] = name.to_owned();
            line[6] = ratio(micros);
            lines.push(line);
        }
        write_table(f, &lines)?;
        writeln!(
            f,
            "\nStart-up: from start to end of an empty command, medians of {} interleaved rounds on \
             one processor; two bare execs = 1.",
            self.rounds
        )
    }
}

/// The first line is the head; the first two columns are text, the others numbers.
fn write_table<const N: usize>(f: &mut fmt::Formatter<'_>, lines: &[[String; N]]) -> fmt::Result {
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    for (number, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let width = width(column);
            match column {
                0 | 1 => write!(f, "| {cell:<width$} ")?,
                _ => write!(f, "| {cell:>width$} ")?,
            }
        }
        writeln!(f, "|")?;
        if number == 0 {
            for column in 0..N {
                let dashes = "-".repeat(width(column));
                match column {
                    0 | 1 => write!(f, "| {dashes} ")?,
                    _ => write!(f, "| {}: ", &dashes[1..])?,
                }
            }
            writeln!(f, "|")?;
        }
    }
    Ok(())
}
