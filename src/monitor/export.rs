//! A file with what a monitor tells, written again and again by a thread of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::view::View;
use crate::primitives::Monitor;

/// The shortest time between two files.
const SHORTEST: Duration = Duration::from_millis(10);

/// Dropped, the thread writes once more and ends.
#[derive(Debug)]
pub(super) struct Export {
    has_ended: Arc<Monitor<bool>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Export {
    /// Writes the first file before it returns.
    pub(super) fn begin(view: Arc<View>, path: &Path, interval: Duration) -> io::Result<Self> {
        let path = path.to_owned();
        let interval = interval.max(SHORTEST);
        write(&view, &path)?;
        let has_ended = Arc::new(Monitor::new(false));
        let ends = Arc::clone(&has_ended);
        let body = move || {
            while !wait(&ends, interval) {
                // A disk that is full now may not be so the next time; who reads sees
                // that the file is old.
                let _ = write(&view, &path);
            }
            let _ = write(&view, &path);
        };
        let builder = thread::Builder::new().name("virid-monitor".into());
        Ok(Self {
            has_ended,
            thread: Some(builder.spawn(body)?),
        })
    }
}

/// Until the next file is due, or the end has come. Whether it has.
fn wait(has_ended: &Monitor<bool>, interval: Duration) -> bool {
    let state = has_ended.lock();
    if *state {
        return true;
    }
    // A wait that ends early writes early.
    *has_ended.wait_timeout(state, interval)
}

/// Readers see the old file or the new one, and nothing in between.
fn write(view: &View, path: &Path) -> io::Result<()> {
    let beside = beside(path);
    fs::write(&beside, view.prometheus())?;
    fs::rename(&beside, path).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

/// A name in the same folder, and so on the same file system, that no other process
/// uses; and none that collectors of `*.prom` take for a file of theirs.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

impl Drop for Export {
    fn drop(&mut self) {
        *self.has_ended.lock() = true;
        self.has_ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}
