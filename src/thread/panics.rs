//! The panics of a green thread that waits while it unwinds: taken out of what the
//! standard library counts for its worker, and put back before the thread goes on.
//!
//! That count is one number for each thread of the system. Left alone, all green
//! threads of a worker would seem to panic while one of them waits in a destructor:
//! locks would be poisoned that should not, and others not that should. And it could
//! not be known whether a thread itself unwinds, or has caught its panic: one that
//! unwinds must not get its own end thrown at it, which would abort the process, and
//! one that waits to be ended must. With each thread's panics taken along,
//! `std::thread::panicking` is right for every one.
//!
//! Nothing but a panic changes the count: it goes up where one starts and down where
//! it is caught, each time on the thread of the system that does so. So a [`Token`]
//! is a small stack whose panic has started elsewhere and is not caught yet, because
//! a destructor waits there. Where the worker lets it go on, the panic is caught and
//! the worker's count is one lower; where the worker starts another one on it, one
//! higher. It then lies in store, for any worker: a token has always started one
//! panic more than it has caught. The first one starts on a thread of the system
//! that ends with it.
//!
//! To let a stack go on on another thread of the system is right for this one: all
//! that ever runs there is in this file, and keeps nothing that belongs to a thread.
//! Its only thread-local is the count, which `start` and `catch` reach in frames
//! of their own, neither of which looks at it on both sides of a switch.
//!
//! Where there are no tokens (the system refuses a thread or a stack; no `unix`), the
//! panics stay in the count, and in `context::unwinding`. While there are such, no
//! thread of the worker that seems to unwind is ended: it may have to wait for
//! those, and nothing aborts.

use std::io;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use corosensei::{Coroutine, Yielder};

use super::stack::{Size, Stack};
use crate::context;
use crate::primitives::Mutex;

/// Whether there are tokens. Elsewhere panics may be bound to their thread.
const HAS_TOKENS: bool = cfg!(all(unix, panic = "unwind"));

/// Panics inside each other that are taken out at most: more than anybody has.
const MOST_NESTED: usize = 64;

/// Tokens that are made at once at most.
const MOST_MADE: usize = 64;

/// A stack on which a panic waits to be caught. Never dropped: it would unwind.
struct Token(ManuallyDrop<Coroutine<(), (), (), Stack>>);

// SAFETY: what is on the stack belongs to no thread, see the head of this file.
unsafe impl Send for Token {}

/// Those that nobody uses, and how many there are in all.
struct Store {
    tokens: Vec<Token>,
    made: usize,
}

static STORE: Mutex<Store> = Mutex::new(Store {
    tokens: Vec::new(),
    made: 0,
});

impl Token {
    /// With a panic of the calling thread.
    fn new() -> io::Result<Self> {
        let stack = Stack::take(Size::of(0)?)?;
        let live = |yielder: &Yielder<(), ()>, ()| {
            loop {
                catch(yielder);
                yielder.suspend(());
            }
        };
        let mut token = Self(ManuallyDrop::new(Coroutine::with_stack(stack, live)));
        token.turn();
        Ok(token)
    }

    /// Lets the calling thread catch the panic, or start one.
    fn turn(&mut self) {
        self.0.resume(());
    }

    /// One from the store.
    fn take() -> io::Result<Self> {
        let mut store = STORE.lock();
        if store.tokens.is_empty() {
            let count = store.made.clamp(1, MOST_MADE);
            // The panics that it leaves in its own count end with it.
            let makes = move || {
                (0..count)
                    .map(|_| Self::new())
                    .collect::<io::Result<Vec<_>>>()
            };
            let maker = std::thread::Builder::new().name("virid-panics".into());
            let made = maker.spawn(makes)?.join();
            store.tokens = made.unwrap_or_else(|panic| resume_unwind(panic))?;
            store.made += count;
        }
        Ok(store.tokens.pop().expect("some were made"))
    }
}

/// A frame of its own: it looks at the count after the switch only.
#[inline(never)]
fn catch(yielder: &Yielder<(), ()>) {
    let caught = catch_unwind(AssertUnwindSafe(|| start(yielder)));
    debug_assert!(caught.is_err(), "nothing but a panic leads here");
}

/// A frame of its own: it looks at the count before the switch only.
#[inline(never)]
fn start(yielder: &Yielder<(), ()>) {
    /// Waits when it is dropped.
    struct Waits<'a>(&'a Yielder<(), ()>);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            self.0.suspend(());
        }
    }
    let _waits = Waits(yielder);
    // No hook hears of it.
    resume_unwind(Box::new(()));
}

/// The panics of a thread that is suspended, where there are tokens for them.
#[must_use = "they are put back before the thread goes on"]
pub(super) struct Panics(Option<Vec<Token>>);

impl Panics {
    /// Before the calling green thread is suspended, which unwinds.
    #[cold]
    pub(super) fn take_out() -> Self {
        let mut tokens = Vec::new();
        // Where others are left in the count, the own ones cannot be told from them.
        if HAS_TOKENS && context::unwinding() == 0 {
            while tokens.len() < MOST_NESTED {
                let Ok(mut token) = Token::take() else {
                    break;
                };
                token.turn();
                tokens.push(token);
                if !std::thread::panicking() {
                    return Self(Some(tokens));
                }
            }
        }
        put_back(tokens);
        context::set_unwinding(context::unwinding() + 1);
        Self(None)
    }

    /// Before it goes on.
    #[cold]
    pub(super) fn put_back(self) {
        match self.0 {
            Some(tokens) => put_back(tokens),
            None => context::set_unwinding(context::unwinding() - 1),
        }
    }
}

fn put_back(mut tokens: Vec<Token>) {
    tokens.iter_mut().for_each(Token::turn);
    STORE.lock().tokens.append(&mut tokens);
}
