//! Versions of what was compiled into this binary.

/// The lock file this binary was built with.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");

/// The compiler this binary was built with; set by the build script.
pub(crate) const RUSTC: &str = env!("COMPARISONS_RUSTC");

/// The version of the standard library: the first word of the compiler's.
pub(crate) fn standard_library() -> &'static str {
    RUSTC.split(' ').next().unwrap_or(RUSTC)
}

/// The version of a package in the lock file.
pub(crate) fn locked(package: &str) -> &'static str {
    find(LOCK_FILE, package).unwrap_or("unknown")
}

fn find<'a>(lock_file: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock_file.lines();
    lines.find(|line| value(line, "name") == Some(package))?;
    value(lines.next()?, "version")
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?
        .strip_prefix(" = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_under_the_name() {
        let text = "[[package]]\nname = \"a-b\"\nversion = \"9\"\n\n[[package]]\nname = \"a\"\nversion = \"1.2\"\n";
        assert_eq!(find(text, "a"), Some("1.2"));
        assert_eq!(find(text, "b"), None);
    }

    #[test]
    fn every_compiled_in_runtime_is_locked() {
        use crate::contender::Engine;
        for contender in &crate::runtimes::CONTENDERS {
            if let Engine::Rust {
                package: Some(package),
                ..
            } = contender.engine
            {
                assert_ne!(locked(package), "unknown", "{package}");
            }
        }
    }
}
