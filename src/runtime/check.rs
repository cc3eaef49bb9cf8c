//! Whether the settings of a runtime are possible.

use std::io;
use std::num::NonZero;
use std::thread;

use super::builder::Builder;
#[cfg(not(virid_loom))]
use crate::thread::stack;

/// More workers than any machine has cores; beyond it a number is a mistake.
const MOST_WORKERS: usize = 4096;

/// Tasks that memory can be made for before there are any: 64 GiB of cells.
const MOST_PREWARMED: usize = 1 << 30;

/// A stack larger than any machine's memory is a mistake too.
const LARGEST_STACK: usize = 1 << 40;

const WORKERS_VARIABLE: &str = "VIRID_WORKERS";

impl Builder {
    /// How many there are to be.
    pub(super) fn workers(&self) -> io::Result<usize> {
        let (workers, source) = match self.worker_threads {
            Some(workers) => (workers, "worker_threads"),
            None => match std::env::var_os(WORKERS_VARIABLE).filter(|text| !text.is_empty()) {
                None => {
                    let cores = thread::available_parallelism().map_or(1, NonZero::get);
                    return Ok(cores.min(MOST_WORKERS));
                }
                Some(text) => {
                    let number = text.to_str().and_then(|text| text.trim().parse().ok());
                    let number = number.ok_or_else(|| {
                        invalid(format!(
                            "{WORKERS_VARIABLE}={text:?} is not in 1..={MOST_WORKERS}; set it to \
                             a number of workers or unset it"
                        ))
                    })?;
                    (number, WORKERS_VARIABLE)
                }
            },
        };
        if (1..=MOST_WORKERS).contains(&workers) {
            Ok(workers)
        } else {
            Err(invalid(format!(
                "{source}: {workers} workers; a runtime has 1..={MOST_WORKERS}"
            )))
        }
    }

    /// Whether all other settings are possible.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.thread_name.contains('\0') {
            return Err(invalid(format!(
                "thread_name: {:?} contains a NUL byte, which a thread's name cannot",
                self.thread_name
            )));
        }
        if self.max_blocking_threads == 0 {
            return Err(invalid(String::from(
                "max_blocking_threads: 0 threads could run nothing; the least is 1",
            )));
        }
        if self.prewarm.0 > MOST_PREWARMED {
            return Err(invalid(format!(
                "prewarm: {} tasks; the most is {MOST_PREWARMED}",
                self.prewarm.0
            )));
        }
        #[cfg(not(virid_loom))]
        if let Some(bytes) = self.stack_size {
            stack::Size::of(bytes)?;
        }
        match self.thread_stack_size {
            Some(bytes) if bytes > LARGEST_STACK => Err(invalid(format!(
                "thread_stack_size: {bytes} bytes; the most is {LARGEST_STACK}"
            ))),
            _ => Ok(()),
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
