//! What a process hears of its green threads' misfortunes: a mark around the panic
//! hook, and what is said when one has used up its stack: who, where it was spawned,
//! how large the stack is and what to do; then it aborts.
//!
//! Faults elsewhere go to the handler that was there before, so threads of the
//! system keep the standard library's message.

use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use super::current::Current;
use super::stack;
use crate::context;
use crate::primitives::{AtomicBool, AtomicPtr, Ordering};

/// What handled these signals before, in the order of [`SIGNALS`].
static BEFORE: [AtomicPtr<libc::sigaction>; SIGNALS.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS.len()];

/// What a guard raises: it depends on how it was made.
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Bytes of a name that are shown.
const MOST_NAME: usize = 64;

/// Installs both, once in a process.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        mark_hook();
        for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
            let mut old = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: all zeros are an action.
            let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                handle;
            action.sa_sigaction = handler as *const () as usize;
            // On the alternate stack, which the standard library makes for every
            // thread that it starts.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: both are valid, and the handler does only what a handler may.
            let failed = unsafe { libc::sigaction(signal, &raw const action, old.as_mut_ptr()) };
            if failed == 0 {
                // SAFETY: the call has filled it, and zeros were there before.
                let old = Box::new(unsafe { old.assume_init() });
                before.store(Box::into_raw(old), Ordering::Release);
            }
        }
    });
}

/// Lets what is called inside the panic hook know that it is.
///
/// A hook that the program sets later takes the place of this one, unseen.
fn mark_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _inside = context::enter_hook();
        before(info);
    }));
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system passes what belongs to the signal.
    let info = unsafe { &*info };
    // SAFETY: these signals come with an address.
    let address = unsafe { info.si_addr() }.addr();
    if let Some(bytes) = stack::guard_at(address) {
        report(bytes);
    }
    // Not ours: the handler from before sees the fault when it repeats.
    let index = SIGNALS.iter().position(|&ours| ours == signal).unwrap_or(0);
    let before = BEFORE[index].load(Ordering::Acquire);
    if !before.is_null() {
        // SAFETY: it was the system's own answer.
        unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
        return;
    }
    // SAFETY: the default action ends the process.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Prints without an allocation or a lock, and ends the process.
fn report(bytes: usize) -> ! {
    static ONCE: AtomicBool = AtomicBool::new(false);
    if !ONCE.swap(true, Ordering::Relaxed) {
        let mut text = Text {
            bytes: [0; 512],
            len: 0,
        };
        let _ = describe(&mut text, bytes);
        // SAFETY: the buffer is ours and as long as said.
        unsafe { libc::write(2, text.bytes.as_ptr().cast(), text.len) };
    }
    std::process::abort();
}

fn describe(text: &mut Text, bytes: usize) -> fmt::Result {
    write!(text, "\nvirid: green thread ")?;
    if let Some(current) = Current::get() {
        if let Ok(name) = current.name.try_borrow()
            && let Some(name) = &*name
        {
            let ends = name.char_indices().map(|(at, char)| at + char.len_utf8());
            let end = ends.take_while(|&end| end <= MOST_NAME).last().unwrap_or(0);
            write!(text, "'{}' ", &name[..end])?;
        }
        let (id, place) = current.task().origin();
        write!(text, "(task {id}), spawned at {place}, ")?;
    }
    writeln!(
        text,
        "has overflowed its stack of {} KiB; give it more with virid::thread::Builder::stack_size, \
         or all of them with virid::Builder::stack_size",
        bytes >> 10
    )
}

/// A text of limited length.
struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for &byte in part.as_bytes() {
            let place = self.bytes.get_mut(self.len).ok_or(fmt::Error)?;
            *place = byte;
            self.len += 1;
        }
        Ok(())
    }
}
