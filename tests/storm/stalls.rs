//! What threads of a process have to bear: the processor is gone for a while, at any
//! instruction, and wakes come that nobody meant.
//!
//! A signal whose handler sleeps does the first: to all others it looks as if the system
//! had taken the thread's processor.

use crate::dice::Dice;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// The threads that are disturbed.
static THREADS: Mutex<Vec<(libc::pid_t, Thread)>> = Mutex::new(Vec::new());

/// How long the handler sleeps, in nanoseconds.
static STALL: AtomicU64 = AtomicU64::new(0);
static SIGNALS: AtomicU64 = AtomicU64::new(0);

fn own_number() -> libc::pid_t {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::gettid() }
}

/// The calling thread is disturbed from now on.
pub(crate) fn join_in() {
    let own = (own_number(), thread::current());
    THREADS.lock().unwrap().push(own);
}

/// The calling thread ends.
pub(crate) fn leave() {
    let own = own_number();
    THREADS.lock().unwrap().retain(|(number, _)| *number != own);
}

extern "C" fn stall(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
    let nanoseconds = STALL.load(Ordering::Relaxed);
    if nanoseconds == 0 {
        return;
    }
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds as libc::c_long,
    };
    // SAFETY: the C library has such a place for every thread.
    let error = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *error };
    // SAFETY: the time is valid, and what is left of it is not asked for.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
    // SAFETY: as above. Who was interrupted finds its own error.
    unsafe { *error = before };
}

fn install() {
    // SAFETY: all zeros are an action.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    let handler: extern "C" fn(libc::c_int) = stall;
    action.sa_sigaction = handler as *const () as usize;
    // Not on a green thread's stack, which may be small.
    action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the action is valid; its handler does what a handler may.
    let failed = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(failed, 0);
}

fn signal(number: libc::pid_t) {
    let process = std::process::id();
    // SAFETY: all are numbers; a thread that has ended is an error that does no harm.
    unsafe { libc::syscall(libc::SYS_tgkill, process, number, libc::SIGUSR1) };
}

/// Disturbs one of them.
fn disturb(dice: &mut Dice) {
    let threads = THREADS.lock().unwrap();
    if threads.is_empty() {
        return;
    }
    let (number, thread) = &threads[dice.below(threads.len() as u64) as usize];
    match dice.below(12) {
        0..=3 => thread.unpark(),
        // Ten thousand a second, for a moment.
        4 => {
            STALL.store(0, Ordering::Relaxed);
            for _ in 0..100 {
                signal(*number);
                thread::sleep(Duration::from_micros(40));
            }
        }
        choice => {
            let longest = if choice == 5 { 20_000_000 } else { 400_000 };
            STALL.store(dice.below(longest), Ordering::Relaxed);
            signal(*number);
        }
    }
}

/// Ends with the process, or when it is dropped.
pub(crate) struct Disturber(Option<thread::JoinHandle<()>>);

static IS_OVER: AtomicBool = AtomicBool::new(false);

impl Disturber {
    pub(crate) fn start(mut dice: Dice) -> Self {
        install();
        let thread = thread::spawn(move || {
            while !IS_OVER.load(Ordering::Relaxed) {
                disturb(&mut dice);
                thread::sleep(Duration::from_micros(dice.below(600)));
            }
        });
        Self(Some(thread))
    }

    pub(crate) fn signals() -> u64 {
        SIGNALS.load(Ordering::Relaxed)
    }
}

impl Drop for Disturber {
    fn drop(&mut self) {
        IS_OVER.store(true, Ordering::Relaxed);
        self.0.take().unwrap().join().unwrap();
    }
}
