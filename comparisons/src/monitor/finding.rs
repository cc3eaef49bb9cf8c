//! What was looked at and how it is, in words.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// It costs something, or could.
    Warn,
    /// What is measured here says nothing of spawning.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// How it is.
    pub(crate) status: Status,
    /// What was looked at, in a word or two.
    pub(crate) topic: &'static str,
    /// What was seen, and what follows from it.
    pub(crate) seen: String,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub(crate) fn ok(topic: &'static str, seen: impl Into<String>) -> Self {
        Self {
            status: Status::Ok,
            topic,
            seen: seen.into(),
            cure: None,
        }
    }

    /// It costs something.
    pub(crate) fn warn(
        topic: &'static str,
        seen: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Warn,
            cure: Some(cure.into()),
            ..Self::ok(topic, seen)
        }
    }

    /// Nothing can be measured here.
    pub(crate) fn fail(
        topic: &'static str,
        seen: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(topic, seen, cure)
        }
    }

    /// A few lines, none longer than [`WIDTH`].
    pub(crate) fn lines(&self, text: &mut String) {
        let style = self.status.style();
        let word = self.status.word();
        let mut head = format!("{style}{word:<5}{style:#} {:<15} ", self.topic);
        for line in wrap(&self.seen, WIDTH - INDENT) {
            let _ = writeln!(text, "{head}{line}");
            head = " ".repeat(INDENT);
        }
        let Some(cure) = &self.cure else { return };
        let mut head = format!("{head}cure: ");
        for line in wrap(cure, WIDTH - INDENT - "cure: ".len()) {
            let _ = writeln!(text, "{head}{line}");
            head = " ".repeat(INDENT + "cure: ".len());
        }
    }
}

impl Status {
    /// The word, which says it all without a colour.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }

    /// Says it once more.
    pub(crate) fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
            Self::Fail => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// The widest line.
pub(crate) const WIDTH: usize = 80;

/// Where what was seen begins.
const INDENT: usize = 22;

/// Lines of at most `width` characters, unless a word is longer.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the start");
        let taken = line.chars().count();
        if taken == 0 {
            line.push_str(word);
        } else if taken + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_a_terminal_and_lose_no_word() {
        let seen = "word ".repeat(60);
        let mut text = String::new();
        Finding::warn("a topic", &*seen, &*seen).lines(&mut text);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(plain.matches("word").count(), 120);
        assert!(plain.starts_with("WARN  a topic         word"));
    }

    #[test]
    fn a_word_that_is_too_long_has_a_line_of_its_own() {
        assert_eq!(
            wrap("a incomprehensible b", 5),
            ["a", "incomprehensible", "b"]
        );
    }
}
