//! A task that keeps its worker until the test lets go of it.

use std::sync::mpsc::{Sender, channel};
use virid::Runtime;

/// Returns once a worker of `runtime` is taken, which it stays until the sender
/// is dropped.
pub(crate) fn occupy(runtime: &Runtime) -> Sender<()> {
    let ((inside, is_inside), (release, released)) = (channel(), channel());
    drop(runtime.spawn(async move {
        inside.send(()).unwrap();
        _ = released.recv();
    }));
    is_inside.recv().unwrap();
    release
}
