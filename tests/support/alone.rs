//! A test in a process of its own, for what other tests would disturb.

use super::child;

/// Runs `body` in a child. `test` is the name of the test that calls this, and
/// does nothing else.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if child::role().is_some() {
        return body();
    }
    let output = child::run(test, "alone", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}
