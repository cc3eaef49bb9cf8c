//! A table, and the two ways to draw it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

/// A table whose rows come in groups.
#[derive(Debug)]
pub(crate) struct Table {
    /// Title and alignment of each column.
    pub(crate) columns: Vec<(String, Align)>,
    /// Rows that belong together.
    pub(crate) groups: Vec<Vec<Row>>,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    /// One text per column. A row with fewer ends in a text that may run on.
    pub(crate) cells: Vec<String>,
    /// What the row stands out by.
    pub(crate) emphasis: Emphasis,
}

/// What a row stands out by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emphasis {
    /// Nothing.
    None,
    /// Nothing in its group is known to be faster.
    Best,
    /// It has no result.
    Failed,
}

/// Which side of a column its texts keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

const GAP: &str = "  ";

impl Table {
    /// Draws for a terminal, with colour.
    pub(crate) fn terminal(&self) -> String {
        self.terminal_within(usize::MAX)
    }

    /// The same with so many columns of text at most. Columns of the table that do not
    /// fit are left out, the last ones first.
    pub(crate) fn terminal_within(&self, most: usize) -> String {
        let mut widths = self.widths();
        let total = |widths: &[usize]| {
            widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
        };
        while total(&widths) > most && widths.len() > 1 {
            widths.pop();
        }
        let rule = "─".repeat(total(&widths));
        let dim = Style::new().dimmed();
        let titles: Vec<&str> = self.columns.iter().map(|column| &*column.0).collect();
        let mut text = String::new();
        self.line(&mut text, &titles, &widths, Style::new().bold());
        for group in &self.groups {
            let _ = writeln!(text, "{dim}{rule}{dim:#}");
            for row in group {
                let cells: Vec<&str> = row.cells.iter().map(String::as_str).collect();
                self.line(&mut text, &cells, &widths, row.emphasis.style());
            }
        }
        text
    }

    /// Draws as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("|");
        for (title, _) in &self.columns {
            let _ = write!(text, " {title} |");
        }
        text.push_str("\n|");
        for (_, align) in &self.columns {
            text.push_str(match align {
                Align::Left => ":--|",
                Align::Right => "--:|",
            });
        }
        text.push('\n');
        for row in self.groups.iter().flatten() {
            text.push('|');
            for column in 0..self.columns.len() {
                let cell = row.cells.get(column).map_or("", |cell| cell);
                let cell = cell.replace('|', "\\|");
                // The first column is the name of the group.
                let best = row.emphasis == Emphasis::Best && column > 0;
                let mark = if best && !cell.is_empty() { "**" } else { "" };
                let _ = write!(text, " {mark}{cell}{mark} |");
            }
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.groups.iter().flatten().filter_map(|row| {
                // The last text of a short row runs on into the columns behind.
                let runs_on = row.cells.len() < self.columns.len() && column + 1 == row.cells.len();
                let cell = row.cells.get(column).filter(|_| !runs_on)?;
                Some(cell.chars().count())
            });
            cells
                .chain([self.columns[column].0.chars().count()])
                .max()
                .unwrap_or(0)
        };
        (0..self.columns.len()).map(width).collect()
    }

    fn line(&self, text: &mut String, cells: &[&str], widths: &[usize], style: Style) {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate().take(widths.len()) {
            let runs_on = cells.len() < widths.len() && column + 1 == cells.len();
            let width = if runs_on { 0 } else { widths[column] };
            let _ = match self.columns[column].1 {
                Align::Left => write!(line, "{cell:<width$}{GAP}"),
                Align::Right => write!(line, "{cell:>width$}{GAP}"),
            };
        }
        let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
    }
}

impl Emphasis {
    fn style(self) -> Style {
        match self {
            Self::None => Style::new(),
            Self::Best => AnsiColor::Green.on_default().bold(),
            Self::Failed => AnsiColor::Red.on_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |cells: &[&str], emphasis| Row {
            cells: cells.iter().map(|&cell| cell.to_owned()).collect(),
            emphasis,
        };
        Table {
            columns: vec![
                ("name".to_owned(), Align::Left),
                ("ns".to_owned(), Align::Right),
                ("x".to_owned(), Align::Right),
            ],
            groups: vec![vec![
                row(&["a", "10", "1"], Emphasis::Best),
                row(&["bb", "crashed|twice"], Emphasis::Failed),
            ]],
        }
    }

    #[test]
    fn terminal_aligns_and_lets_a_failure_run_on() {
        let plain = anstream::adapter::strip_str(&table().terminal()).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "name  ns  x");
        assert_eq!(lines[2], "a     10  1");
        assert_eq!(lines[3], "bb    crashed|twice");
    }

    #[test]
    fn terminal_leaves_out_what_does_not_fit() {
        let plain = anstream::adapter::strip_str(&table().terminal_within(9)).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "name  ns");
        assert_eq!(lines[2], "a     10");
    }

    #[test]
    fn markdown_has_every_column_in_every_row() {
        assert_eq!(
            table().markdown(),
            "| name | ns | x |\n|:--|--:|--:|\n| a | **10** | **1** |\n| bb | crashed\\|twice |  |\n"
        );
    }
}
