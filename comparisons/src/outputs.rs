//! The files that a document is shown in besides the terminal: the HTML report, and the
//! tables and the picture of a Markdown file.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::readme::Readme;
use crate::report::{self, Theme};
use crate::results::Document;
use crate::runtimes::BASELINE;

/// What comes between the markers of a Markdown file, and the picture it refers to.
#[derive(Debug)]
pub(crate) struct Tables {
    text: String,
    pictures: Vec<(PathBuf, String)>,
}

impl Tables {
    /// Those of the document in the file `results`, to whose side the picture goes.
    pub(crate) fn new(document: &Document, results: &Path, readme: &Readme<'_>) -> Self {
        let beside = |theme: Theme| {
            let stem = results.file_stem().unwrap_or_default().to_string_lossy();
            let theme_name = match theme {
                Theme::Light => "light",
                Theme::Dark => "dark",
            };
            results.with_file_name(format!("{stem}-{theme_name}.svg"))
        };
        let pictures = [Theme::Light, Theme::Dark].into_iter();
        let pictures: Vec<(PathBuf, String)> = pictures
            .filter_map(|theme| Some((beside(theme), report::sweep(document, theme)?)))
            .collect();
        let links: Vec<String> = pictures
            .iter()
            .map(|(path, _)| link(path, readme.directory()))
            .collect();
        let picture = match &links[..] {
            [light, dark] => Some([light.as_str(), dark.as_str()]),
            _ => None,
        };
        let mut text = report::markdown(document, BASELINE, picture);
        text.push_str(&format!(
            "- every sample: [{}]({})\n",
            results.file_name().unwrap_or_default().to_string_lossy(),
            link(results, readme.directory())
        ));
        Self { text, pictures }
    }

    /// Writes both.
    pub(crate) fn write(&self, readme: &Readme<'_>) -> io::Result<()> {
        for (path, text) in &self.pictures {
            fs::write(path, text)?;
        }
        readme.write(&self.text)
    }

    /// The files that are not as [`write`](Self::write) would leave them.
    pub(crate) fn differences(&self, readme: &Readme<'_>) -> Vec<String> {
        let mut differ = Vec::new();
        if !readme.holds(&self.text) {
            differ.push(readme.path().display().to_string());
        }
        for (path, text) in &self.pictures {
            if fs::read_to_string(path).ok().as_ref() != Some(text) {
                differ.push(path.display().to_string());
            }
        }
        differ
    }
}

/// The way from a directory to a file in it or below it; any other file by its full
/// name.
fn link(file: &Path, directory: &Path) -> String {
    let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file = full(file);
    let below = fs::canonicalize(directory).ok().and_then(|directory| {
        let parent = fs::canonicalize(file.parent()?).ok()?;
        let file = parent.join(file.file_name()?);
        Some(file.strip_prefix(directory).ok()?.to_owned())
    });
    below.unwrap_or(file).display().to_string()
}

/// Writes the HTML report.
pub(crate) fn write_html(document: &Document, path: &Path) -> io::Result<()> {
    fs::write(path, report::page(document, BASELINE))
}
