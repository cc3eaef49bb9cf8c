//! The kernel's files, as they are or as a test has laid them out elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Where `/proc` and `/sys` are.
#[derive(Debug)]
pub(crate) struct System {
    root: PathBuf,
}

impl System {
    /// Files below another directory than `/`, if one is named.
    pub(crate) fn below(root: Option<&Path>) -> Self {
        Self {
            root: root.unwrap_or(Path::new("/")).to_owned(),
        }
    }

    /// The text of a file, without what is blank around it; `None` where there is no
    /// such file.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()?;
        Some(text.trim().to_owned())
    }

    /// The number that a file consists of.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    /// What stands behind `key:`, or behind `key` and blanks, in a file of such lines.
    pub(crate) fn field(&self, path: &str, key: &str) -> Option<String> {
        self.read(path)?.lines().find_map(|line| {
            let behind = line.trim_start().strip_prefix(key)?;
            let value = behind.strip_prefix([':', ' ', '\t'])?;
            Some(value.trim().to_owned())
        })
    }

    /// The first number of a [`field`](Self::field).
    pub(crate) fn count(&self, path: &str, key: &str) -> Option<u64> {
        let field = self.field(path, key)?;
        field.split_whitespace().next()?.parse().ok()
    }
}

/// How many are in a list as the kernel writes it, such as `0-3,8`.
pub(crate) fn listed(list: &str) -> Option<usize> {
    let ranges = list.trim().split(',').filter(|range| !range.is_empty());
    ranges
        .map(|range| match range.split_once('-') {
            None => range.parse::<usize>().ok().map(|_| 1),
            Some((first, last)) => {
                let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
                Some(last.checked_sub(first)? + 1)
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn lists_of_processors() {
        assert_eq!(listed("0"), Some(1));
        assert_eq!(listed("0-3,8\n"), Some(5));
        assert_eq!(listed("7-3"), None);
        assert_eq!(listed("x"), None);
    }
}
