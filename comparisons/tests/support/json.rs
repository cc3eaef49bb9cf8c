//! The results of a run.

use std::process::Output;

use serde_json::Value;

use crate::run::{stderr, stdout};

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", stdout(output), stderr(output));
    })
}
