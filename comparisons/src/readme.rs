//! Keeps the tables in a Markdown file equal to the results.

use std::path::Path;
use std::{fs, io};

const BEGIN: &str = "<!-- sweep:begin -->";
const END: &str = "<!-- sweep:end -->";

/// A Markdown file that has a place for the tables.
#[derive(Debug)]
pub(crate) struct Readme<'a> {
    path: &'a Path,
    before: String,
    between: String,
    after: String,
}

impl<'a> Readme<'a> {
    /// Reads the file and finds the place. Done before measuring, so that a
    /// wrong path does not cost four minutes.
    pub(crate) fn open(path: &'a Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let (before, between, after) = split(&text).ok_or_else(|| {
            format!(
                "{} needs the line `{BEGIN}` once, and `{END}` once below it",
                path.display()
            )
        })?;
        Ok(Self {
            path,
            before: before.to_owned(),
            between: between.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// The directory that links in the file are relative to.
    pub(crate) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// Puts `tables` into the place.
    pub(crate) fn write(&self, tables: &str) -> io::Result<()> {
        let text = format!("{}{}{}", self.before, framed(tables), self.after);
        fs::write(self.path, text)
    }

    /// Whether `tables` are in the place.
    pub(crate) fn holds(&self, tables: &str) -> bool {
        self.between == framed(tables)
    }
}

fn framed(tables: &str) -> String {
    format!("\n\n{}\n\n", tables.trim())
}

/// The text up to and with the first marker, between them, and from the second on.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let once = |marker| {
        let mut found = text.match_indices(marker);
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    };
    let begin = once(BEGIN)? + BEGIN.len();
    let end = once(END)?;
    (begin <= end).then(|| (&text[..begin], &text[begin..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_both_markers_once_and_in_order() {
        let good = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let (before, between, after) = split(&good).unwrap();
        assert_eq!(between, "\nold\n");
        assert_eq!(before, format!("a\n{BEGIN}"));
        assert_eq!(after, format!("{END}\nb\n"));
        assert!(split(&format!("{END}\n{BEGIN}")).is_none());
        assert!(split(BEGIN).is_none());
        assert!(split(&format!("{good}{good}")).is_none());
    }
}
