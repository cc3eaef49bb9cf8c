//! Atomics, fences, cells, locks and threads: from `std`, or from loom when the
//! models are built (`--cfg virid_loom`).
//!
//! This is the only file that names `std::sync::atomic` or loom, so that every
//! protocol above it is compiled unchanged into its model. Two rules follow
//! from what loom can see: a StoreLoad point is a [`fence`] with `SeqCst`, or a
//! [`light_fence`] against a [`heavy_fence`] (loom models those, but weakens `SeqCst` accesses to `AcqRel`), and shared
//! plain data sits in an [`UnsafeCell`] whose accesses loom checks.

#[cfg(virid_loom)]
pub(crate) use self::with_loom::*;
#[cfg(not(virid_loom))]
pub(crate) use self::with_std::*;

/// A counter that orders nothing and is never part of a protocol; loom does
/// not see it.
#[derive(Debug)]
pub(crate) struct Counter(std::sync::atomic::AtomicU64);

impl Counter {
    pub(crate) const fn new(first: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(first))
    }

    pub(crate) fn fetch_add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// A number that one thread at a time writes and any thread reads; as [`Counter`] part
/// of no protocol.
#[derive(Debug, Default)]
pub(crate) struct Count(std::sync::atomic::AtomicU64);

impl Count {
    pub(crate) const fn new(first: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(first))
    }

    /// Called by the one writer: a load and a store, no read-modify-write.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        use std::sync::atomic::Ordering;
        let before = self.0.load(Ordering::Relaxed);
        // Release and Acquire keep counts of one writer in step: who sees this
        // one sees those before.
        self.0.store(before + more, Ordering::Release);
    }

    /// The same, for a number that may fall.
    #[cfg(not(virid_loom))]
    #[inline]
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, std::sync::atomic::Ordering::Release);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}

/// An address that one thread at a time may use, while others have references to what
/// is around it: who hands over that right orders the two. Loom does not see it.
pub(crate) use std::sync::atomic::AtomicPtr as UnseenPtr;

/// A lock without poisoning, and the threads that wait for what others do under it.
/// For what models leave out: loom does not see it.
#[derive(Debug)]
pub(crate) struct Monitor<T> {
    state: std::sync::Mutex<T>,
    changed: std::sync::Condvar,
}

impl<T> Monitor<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self {
            state: std::sync::Mutex::new(state),
            changed: std::sync::Condvar::new(),
        }
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets go of the lock until somebody notifies, for no longer than `timeout`, or
    /// for no reason.
    pub(crate) fn wait_timeout<'a>(
        &self,
        guard: std::sync::MutexGuard<'a, T>,
        timeout: std::time::Duration,
    ) -> std::sync::MutexGuard<'a, T> {
        match self.changed.wait_timeout(guard, timeout) {
            Ok((guard, _)) => guard,
            Err(error) => error.into_inner().0,
        }
    }

    pub(crate) fn notify_one(&self) {
        self.changed.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.changed.notify_all();
    }
}

/// A number and an address that belong together, written by one thread and read
/// by any; a sequence lock whose sequence is the number itself, which is never
/// used twice and never 0.
#[derive(Debug)]
pub(crate) struct Sequenced<T: 'static> {
    number: std::sync::atomic::AtomicU64,
    address: std::sync::atomic::AtomicPtr<T>,
}

impl<T> Default for Sequenced<T> {
    fn default() -> Self {
        Self {
            number: std::sync::atomic::AtomicU64::new(0),
            address: std::sync::atomic::AtomicPtr::new(std::ptr::null_mut()),
        }
    }
}

impl<T> Sequenced<T> {
    /// Called by the one writer.
    #[inline]
    pub(crate) fn write(&self, number: u64, address: &'static T) {
        use std::sync::atomic::{Ordering, fence};
        let address: *const T = address;
        self.number.store(0, Ordering::Relaxed);
        // Pairs with the Acquire fence in `read`: who sees the new address sees
        // that the old number is gone.
        fence(Ordering::Release);
        self.address.store(address.cast_mut(), Ordering::Relaxed);
        // Pairs with the Acquire load in `read`.
        self.number.store(number, Ordering::Release);
    }

    /// Called by the one writer.
    pub(crate) fn clear(&self) {
        self.number.store(0, std::sync::atomic::Ordering::Relaxed);
    }

    /// `None` before the first write, during one, and when cleared.
    pub(crate) fn read(&self) -> Option<(u64, &'static T)> {
        use std::sync::atomic::{Ordering, fence};
        let number = self.number.load(Ordering::Acquire);
        let address = self.address.load(Ordering::Relaxed);
        // Pairs with the Release fence in `write`.
        fence(Ordering::Acquire);
        if number == 0 || number != self.number.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: `write` stored a reference that lives for ever.
        Some((number, unsafe { &*address }))
    }
}

/// The two halves of a StoreLoad point that one side passes far more often than the
/// other: *write; light fence; read* there, and *write; heavy fence; read* here. One
/// of the two sees what the other wrote.
///
/// Linux can have every thread of the process pass a full fence: `membarrier`, with
/// its private expedited command. Then the light one is none but to the compiler,
/// and the heavy one interrupts the processors on which the process runs. Elsewhere,
/// where the system refuses, and with `VIRID_MEMBARRIER=off` in the environment, both
/// are full fences.
///
/// Models see two full fences. That the other form does what these do is the system's
/// promise, which a test looks into: `tests/unit/fences.rs` sees both sides miss the
/// other's write without the heavy fence, and never with it. After Dice, Huang and
/// Yang, "Asymmetric Dekker synchronization" (2001).
#[cfg(not(virid_loom))]
mod fences {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

    /// Relaxed everywhere: written before the first runtime has a thread, and never
    /// again.
    static IS_LIGHT: AtomicBool = AtomicBool::new(false);

    /// Decides for the whole process what the fences are. Before the first of them.
    pub(crate) fn prepare_fences() {
        static DECIDED: OnceLock<()> = OnceLock::new();
        DECIDED.get_or_init(|| {
            let is_off = std::env::var_os("VIRID_MEMBARRIER").is_some_and(|is| is == "off");
            IS_LIGHT.store(!is_off && system::register(), Ordering::Relaxed);
        });
    }

    #[inline]
    pub(crate) fn light_fence() {
        if IS_LIGHT.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    pub(crate) fn heavy_fence() {
        if IS_LIGHT.load(Ordering::Relaxed) {
            system::fence_all();
        } else {
            fence(Ordering::SeqCst);
        }
    }

    #[cfg(target_os = "linux")]
    mod system {
        fn membarrier(command: libc::c_int) -> bool {
            // SAFETY: the call takes two numbers besides, and touches no memory.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
        }

        pub(super) fn register() -> bool {
            membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
        }

        pub(super) fn fence_all() {
            if !membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
                let error = std::io::Error::last_os_error();
                eprintln!("virid: membarrier failed though it is registered ({error}), aborting");
                std::process::abort();
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    mod system {
        pub(super) fn register() -> bool {
            false
        }

        pub(super) fn fence_all() {
            unreachable!("nothing was registered");
        }
    }
}

/// The unit tests count read-modify-writes.
#[cfg(all(test, not(virid_loom)))]
#[path = "../tests/unit/counted.rs"]
mod counting;
#[cfg(all(test, not(virid_loom)))]
pub(crate) use counting::*;

#[cfg(all(test, not(virid_loom)))]
#[path = "../tests/unit/fences.rs"]
mod fence_tests;

#[cfg(not(virid_loom))]
mod with_std {
    pub(crate) use super::fences::{heavy_fence, light_fence, prepare_fences};
    #[cfg(any(not(target_os = "linux"), virid_sanitize))]
    pub(crate) use std::alloc::{alloc_zeroed, dealloc};
    pub(crate) use std::hint::spin_loop;
    #[cfg(not(test))]
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use std::sync::atomic::{Ordering, fence};
    pub(crate) use std::thread::{
        Thread, current as current_thread, park, park_timeout, yield_now as os_yield,
    };

    /// [`std::cell::UnsafeCell`] behind loom's interface, which hands out the
    /// pointer for the length of one closure only.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Lends the pointer for reading; no write may happen meanwhile.
        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Lends the pointer for writing; no other access may happen meanwhile.
        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// A lock without poisoning: what it guards is never left half-written,
    /// because no user code runs while it is held.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        /// `None` where somebody holds it.
        pub(crate) fn try_lock(&self) -> Option<std::sync::MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(std::sync::TryLockError::Poisoned(error)) => Some(error.into_inner()),
                Err(std::sync::TryLockError::WouldBlock) => None,
            }
        }
    }

    /// A thread-local without a destructor: readable at any time in a thread's
    /// life, also from the destructors of other thread-locals.
    macro_rules! thread_local_const {
        ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
            std::thread_local! {
                $(#[$attribute])* static $name: $type = const { $value };
            }
        };
    }
    pub(crate) use thread_local_const;

    /// A function that statics are made with; loom has no atomics in constants.
    macro_rules! const_fn {
        ($(#[$attribute:meta])* pub(crate) fn $($rest:tt)+) => {
            $(#[$attribute])* pub(crate) const fn $($rest)+
        };
        ($(#[$attribute:meta])* pub fn $($rest:tt)+) => {
            $(#[$attribute])* pub const fn $($rest)+
        };
    }
    pub(crate) use const_fn;

    /// A line that a protocol cannot do without: evaluates it. The name lets a
    /// model run without the statement, or with a wrong value in place of the
    /// right one, to show that the model fails then.
    macro_rules! needed {
        ($name:literal, $statement:expr) => {
            $statement
        };
        ($name:literal, $right:expr, not $wrong:expr) => {
            $right
        };
    }
    pub(crate) use needed;
}

#[cfg(virid_loom)]
mod with_loom {
    pub(crate) use loom::alloc::{alloc, alloc_zeroed, dealloc};
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::thread::{Thread, current as current_thread, park, yield_now as os_yield};

    pub(crate) fn prepare_fences() {}

    pub(crate) fn light_fence() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy_fence() {
        fence(Ordering::SeqCst);
    }

    /// Models have no clock: a timeout never comes.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        park();
    }

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("no user code runs under the lock")
        }
    }

    macro_rules! thread_local_const {
        ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
            loom::thread_local! {
                $(#[$attribute])* static $name: $type = $value;
            }
        };
    }
    pub(crate) use thread_local_const;

    macro_rules! const_fn {
        ($($function:tt)+) => {
            $($function)+
        };
    }
    pub(crate) use const_fn;

    macro_rules! needed {
        ($name:literal, $statement:expr) => {
            if !$crate::primitives::left_out($name) {
                $statement
            }
        };
        ($name:literal, $right:expr, not $wrong:expr) => {
            if $crate::primitives::left_out($name) {
                $wrong
            } else {
                $right
            }
        };
    }
    pub(crate) use needed;

    /// Whether this run of a model is to go without the statement `name`.
    pub(crate) fn left_out(name: &str) -> bool {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| std::env::var("VIRID_LEAVE_OUT").ok());
        chosen.as_deref() == Some(name)
    }
}
