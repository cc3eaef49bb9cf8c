//! Keeps the tables in a Markdown file equal to the results.

use std::fs;
use std::path::PathBuf;

const BEGIN: &str = "<!-- recycling:begin -->";
const END: &str = "<!-- recycling:end -->";

/// A Markdown file that has a place for the tables.
pub(crate) struct Readme {
    path: PathBuf,
    before: String,
    after: String,
}

impl Readme {
    /// Reads the file and finds the place. Done before measuring, so that a wrong
    /// path does not cost minutes.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let shown = path.display();
        let text =
            fs::read_to_string(&path).map_err(|error| format!("cannot read {shown}: {error}"))?;
        let (before, after) = split(&text).ok_or_else(|| {
            format!("{shown} needs the line `{BEGIN}` once, and `{END}` once below it")
        })?;
        let (before, after) = (before.to_owned(), after.to_owned());
        Ok(Self {
            path,
            before,
            after,
        })
    }

    /// Puts `tables` into the place.
    pub(crate) fn write(&self, tables: &str) -> Result<(), String> {
        let text = format!("{}\n\n{}\n\n{}", self.before, tables.trim(), self.after);
        fs::write(&self.path, text)
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

/// The text up to and with the first marker, and from the second marker on.
fn split(text: &str) -> Option<(&str, &str)> {
    let once = |marker| {
        let mut found = text.match_indices(marker);
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    };
    let begin = once(BEGIN)? + BEGIN.len();
    let end = once(END)?;
    (begin <= end).then(|| (&text[..begin], &text[end..]))
}
