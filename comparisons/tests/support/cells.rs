//! One cell of the results of a run.

use serde_json::Value;

pub(crate) fn cell<'a>(document: &'a Value, runtime: &str) -> &'a Value {
    let mut cells = document["cells"].as_array().unwrap().iter();
    cells
        .find(|cell| cell["runtime"] == runtime)
        .unwrap_or_else(|| panic!("no cell of {runtime}"))
}
