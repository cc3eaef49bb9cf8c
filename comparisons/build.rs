//! Records the compiler, which is part of every result.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    let version = version.trim().trim_start_matches("rustc ");
    let version = if version.is_empty() {
        "unknown"
    } else {
        version
    };
    println!("cargo::rustc-env=COMPARISONS_RUSTC={version}");
}
