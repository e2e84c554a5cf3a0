//! Tables: aligned for people, Markdown for documents.

use tabled::{
    builder::Builder,
    settings::{
        Alignment, Padding, Style,
        object::{Columns, Object, Rows},
    },
};

/// A table with a header. Cells may contain styles, which have no width.
#[derive(Clone, Debug)]
#[must_use]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers: bool,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            numbers: false,
        }
    }

    /// Aligns all columns but the first to the right.
    pub fn numbers(mut self) -> Self {
        self.numbers = true;
        self
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn build(&self, escape: impl Fn(&str) -> String) -> tabled::Table {
        let mut builder = Builder::default();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            builder.push_record(row.iter().map(|cell| escape(cell)));
        }
        builder.build()
    }

    /// Aligned with spaces, with a rule between header and rows.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut table = self.build(str::to_owned);
        table.with(Style::psql().remove_vertical());
        table.modify(Columns::first(), Padding::new(0, 1, 0, 0));
        if self.numbers {
            table.modify(Columns::first().inverse(), Alignment::right());
        }
        let text = table.to_string();
        text.lines()
            .map(str::trim_end)
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// Markdown, as GitHub reads it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut table = self.build(|cell| cell.replace('|', "\\|").replace('\n', " "));
        table.with(Style::markdown());
        if self.numbers {
            table.modify(Columns::first().inverse(), Alignment::right());
            table.modify(Rows::first(), Alignment::left());
        }
        let text = format!("{table}\n");
        if !self.numbers {
            return text;
        }
        // `--:` aligns a column to the right: each but the first.
        let mut lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
        if let Some(rule) = lines.get_mut(1) {
            let first = rule.find("-|").map_or(0, |at| at + 2);
            *rule = rule[..first].to_owned() + &rule[first..].replace("-|", ":|");
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_aligned_and_markdown_is_escaped() {
        let mut table = Table::new(["name", "bytes"]).numbers();
        table.row(["a|b", "1"]);
        table.row(["c", "1000"]);
        assert_eq!(
            table.to_text(),
            "name  bytes\n------------\na|b       1\nc      1000\n"
        );
        assert!(
            table.to_markdown().contains("| a\\|b |"),
            "{}",
            table.to_markdown()
        );
        let rule = table.to_markdown().lines().nth(1).map(str::to_owned);
        assert_eq!(rule.as_deref(), Some("|------|------:|"));
    }
}
