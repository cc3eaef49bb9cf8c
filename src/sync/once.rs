//! What happens once: a word that says how far it is, and an event for those who wait.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use event_listener::{Event, EventListener};

use crate::drive::drive;
use crate::primitives::{AtomicU32, Ordering};

/// Nobody has begun; or who had has panicked; or somebody is at it; or it is done.
const NEW: u32 = 0;
const POISONED: u32 = 1;
const RUNS: u32 = 2;
const DONE: u32 = 3;

const INSTEAD: &str = "the `_async` twin and `.await`";

/// Something that is done once, as [`std::sync::Once`]. Who comes while it is done is
/// suspended, or parked on a plain thread, and the closure may wait.
///
/// ```
/// use virid::sync::Once;
///
/// static START: Once = Once::new();
/// START.call_once(|| println!("once"));
/// START.call_once(|| unreachable!());
/// assert!(START.is_completed());
/// ```
///
/// Where the closure panics, or its thread is cancelled inside it, the `Once` is
/// poisoned, as std's. To call it inside its own closure is a deadlock.
pub struct Once {
    state: AtomicU32,
    /// Something has ended.
    ended: Event,
}

/// What [`Once::call_once_force`] tells its closure; as [`std::sync::OnceState`].
pub struct OnceState {
    was_poisoned: bool,
    /// Not `Sync`, as std's.
    _not_sync: PhantomData<Cell<()>>,
}

impl OnceState {
    /// Whether the closure of an earlier call has panicked.
    ///
    /// ```
    /// virid::sync::Once::new().call_once_force(|state| assert!(!state.is_poisoned()));
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.was_poisoned
    }
}

/// The right to do it, of who has come first. Dropped before it is done, it says that it
/// was not.
struct Running<'a> {
    once: &'a Once,
    was_poisoned: bool,
    end: u32,
}

impl Running<'_> {
    fn state(&self) -> OnceState {
        OnceState {
            was_poisoned: self.was_poisoned,
            _not_sync: PhantomData,
        }
    }

    fn finish(mut self) {
        self.end = DONE;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Ordering: Release pairs with the Acquire of who sees it. `notify` has the
        // fence that orders this before its look for listeners; theirs is in `listen`.
        self.once.state.store(self.end, Ordering::Release);
        self.once.ended.notify(usize::MAX);
    }
}

/// What who comes finds.
enum Begun<'a> {
    Done,
    /// Somebody else is at it.
    Runs,
    Mine(Running<'a>),
}

impl Once {
    /// What nobody has done yet.
    ///
    /// ```
    /// static START: virid::sync::Once = virid::sync::Once::new();
    /// assert!(!START.is_completed());
    /// ```
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub const fn new() -> Self {
        Self {
            state: AtomicU32::new(NEW),
            ended: Event::new(),
        }
    }

    /// Calls `f` if nobody has before, and returns when it is done, by whomever.
    ///
    /// Where somebody else is at it this is a cancellation point: a thread that is
    /// cancelled while it waits leaves no trace; one that is inside `f` poisons it.
    ///
    /// ```
    /// let once = virid::sync::Once::new();
    /// once.call_once(|| ());
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is poisoned, and with what `f` panics with. Inside an async task where
    /// somebody else is at it: use [`call_once_async`](Self::call_once_async) there.
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call_cold(false, &mut |_| f.take().expect("called once")());
        }
    }

    /// The same, and calls `f` also where it is poisoned, which it is not any more when
    /// `f` has returned.
    ///
    /// ```
    /// let once = virid::sync::Once::new();
    /// once.call_once_force(|state| assert!(!state.is_poisoned()));
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with. Inside an async task where somebody else is at it.
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call_cold(true, &mut |state| f.take().expect("called once")(state));
        }
    }

    #[cold]
    #[track_caller]
    fn call_cold(&self, force: bool, f: &mut dyn FnMut(&OnceState)) {
        loop {
            match self.begin(force) {
                Begun::Done => return,
                Begun::Runs => self.wait_cold(),
                Begun::Mine(running) => {
                    f(&running.state());
                    return running.finish();
                }
            }
        }
    }

    #[track_caller]
    fn wait_cold(&self) {
        if let Some(ended) = self.listen() {
            drive(ended, "Once::call_once", INSTEAD);
        }
    }

    /// Hears of the end of who is at it; nothing where that is over.
    fn listen(&self) -> Option<EventListener> {
        let ended = self.ended.listen();
        // Ordering: see `Running`.
        (self.state.load(Ordering::Acquire) == RUNS).then_some(ended)
    }

    /// [`call_once`](Self::call_once) for async tasks, which awaits what `f` gives. To
    /// drop the future inside that poisons it, as a panic there does.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let once = virid::sync::Once::new();
    /// once.call_once_async(|| async { virid::yield_now().await }).await;
    /// assert!(once.is_completed());
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is poisoned, and with what `f` panics with.
    pub async fn call_once_async<F, Fut>(&self, f: F)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = ()>,
    {
        self.call_async(false, |_| f()).await;
    }

    /// [`call_once_force`](Self::call_once_force) for async tasks, as
    /// [`call_once_async`](Self::call_once_async).
    ///
    /// ```
    /// # virid::block_on(async {
    /// let once = virid::sync::Once::new();
    /// once.call_once_force_async(|_| std::future::ready(())).await;
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with.
    pub async fn call_once_force_async<F, Fut>(&self, f: F)
    where
        F: FnOnce(&OnceState) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.call_async(true, f).await;
    }

    pub(super) async fn call_async<F, Fut>(&self, force: bool, f: F)
    where
        F: FnOnce(&OnceState) -> Fut,
        Fut: Future<Output = ()>,
    {
        let running = loop {
            match self.begin(force) {
                Begun::Done => return,
                Begun::Mine(running) => break running,
                Begun::Runs => {
                    if let Some(ended) = self.listen() {
                        ended.await;
                    }
                }
            }
        };
        let does_it = f(&running.state());
        does_it.await;
        running.finish();
    }

    /// For one that nobody else knows yet.
    pub(super) fn call_at_once(&self, f: impl FnOnce()) {
        match self.begin(false) {
            Begun::Mine(running) => {
                f();
                running.finish();
            }
            Begun::Done | Begun::Runs => unreachable!("nobody else is at it"),
        }
    }

    /// Begins it, if it is not done and nobody else is at it.
    #[track_caller]
    fn begin(&self, force: bool) -> Begun<'_> {
        loop {
            // Ordering: Acquire pairs with the Release in `Running`.
            let state = self.state.load(Ordering::Acquire);
            match state {
                DONE => return Begun::Done,
                RUNS => return Begun::Runs,
                POISONED if !force => poisoned_cold(),
                _ => {}
            }
            // Ordering: Acquire as above.
            let taken =
                self.state
                    .compare_exchange(state, RUNS, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return Begun::Mine(Running {
                    once: self,
                    was_poisoned: state == POISONED,
                    end: POISONED,
                });
            }
        }
    }

    /// Whether it is done.
    ///
    /// ```
    /// assert!(!virid::sync::Once::new().is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `Running`.
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Waits until somebody else has done it. A cancellation point where it is not done.
    ///
    /// ```
    /// static READY: virid::sync::Once = virid::sync::Once::new();
    /// virid::thread::spawn(|| READY.call_once(|| ()));
    /// READY.wait();
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is poisoned, and inside an async task where it is not done: use
    /// [`wait_async`](Self::wait_async) there.
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            drive(self.end(false), "Once::wait", INSTEAD);
        }
    }

    /// The same, and does not mind that it is poisoned: who does it all the same, with
    /// [`call_once_force`](Self::call_once_force), is waited for.
    ///
    /// ```
    /// let once = virid::sync::Once::new();
    /// once.call_once(|| ());
    /// once.wait_force();
    /// ```
    ///
    /// # Panics
    ///
    /// Inside an async task where it is not done.
    #[track_caller]
    pub fn wait_force(&self) {
        if !self.is_completed() {
            drive(self.end(true), "Once::wait_force", INSTEAD);
        }
    }

    /// [`wait`](Self::wait) for async tasks.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let once = virid::sync::Once::new();
    /// once.call_once(|| ());
    /// once.wait_async().await;
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where it is poisoned.
    pub async fn wait_async(&self) {
        self.end(false).await;
    }

    /// [`wait_force`](Self::wait_force) for async tasks.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let once = virid::sync::Once::new();
    /// once.call_once(|| ());
    /// once.wait_force_async().await;
    /// # });
    /// ```
    pub async fn wait_force_async(&self) {
        self.end(true).await;
    }

    async fn end(&self, force: bool) {
        while !self.is_completed() {
            let ended = self.ended.listen();
            // Ordering: see `Running`.
            match self.state.load(Ordering::Acquire) {
                DONE => return,
                POISONED if !force => poisoned_cold(),
                _ => ended.await,
            }
        }
    }
}

#[cold]
#[track_caller]
fn poisoned_cold() -> ! {
    panic!("a closure that was to be called once has panicked: the Once is poisoned")
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("poisoned", &self.was_poisoned)
            .finish()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
