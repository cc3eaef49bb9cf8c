// The names of std's module, with their signatures and traits. Included by
// tests/sync_names.rs, once with std's and once with virid's.

use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::marker::{PhantomData, PhantomPinned};
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::Duration;
use sync::mpsc::{
    IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, TryIter,
    TryRecvError, TrySendError, channel, sync_channel,
};
use sync::{
    Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock,
    OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
    WaitTimeoutResult,
};

static MUTEX: Mutex<u32> = Mutex::new(1);
static LOCK: RwLock<u32> = RwLock::new(1);
static CONDVAR: Condvar = Condvar::new();
static BARRIER: Barrier = Barrier::new(1);
static ONCE: Once = Once::new();
static CELL: OnceLock<u32> = OnceLock::new();
static LAZY: LazyLock<u32> = LazyLock::new(|| 1);

/// The signature of a method, given once with what it belongs to.
macro_rules! signatures {
    ($($($name:ident)::+: $type:ty;)+) => {
        $(let _: $type = $($name)::+;)+
    };
}

type Waited<'a> = LockResult<(MutexGuard<'a, u32>, WaitTimeoutResult)>;

pub(super) fn every_signature_is_the_same() {
    signatures! {
        Mutex::new: fn(u32) -> Mutex<u32>;
        Mutex::lock: for<'a> fn(&'a Mutex<u32>) -> LockResult<MutexGuard<'a, u32>>;
        Mutex::try_lock: for<'a> fn(&'a Mutex<u32>) -> TryLockResult<MutexGuard<'a, u32>>;
        Mutex::is_poisoned: fn(&Mutex<u32>) -> bool;
        Mutex::clear_poison: fn(&Mutex<u32>);
        Mutex::into_inner: fn(Mutex<u32>) -> LockResult<u32>;
        Mutex::get_mut: for<'a> fn(&'a mut Mutex<u32>) -> LockResult<&'a mut u32>;
        RwLock::new: fn(u32) -> RwLock<u32>;
        RwLock::read: for<'a> fn(&'a RwLock<u32>) -> LockResult<RwLockReadGuard<'a, u32>>;
        RwLock::try_read: for<'a> fn(&'a RwLock<u32>) -> TryLockResult<RwLockReadGuard<'a, u32>>;
        RwLock::write: for<'a> fn(&'a RwLock<u32>) -> LockResult<RwLockWriteGuard<'a, u32>>;
        RwLock::try_write: for<'a> fn(&'a RwLock<u32>) -> TryLockResult<RwLockWriteGuard<'a, u32>>;
        RwLock::is_poisoned: fn(&RwLock<u32>) -> bool;
        RwLock::clear_poison: fn(&RwLock<u32>);
        RwLock::into_inner: fn(RwLock<u32>) -> LockResult<u32>;
        RwLock::get_mut: for<'a> fn(&'a mut RwLock<u32>) -> LockResult<&'a mut u32>;
        Condvar::new: fn() -> Condvar;
        Condvar::wait: for<'a> fn(&Condvar, MutexGuard<'a, u32>) -> LockResult<MutexGuard<'a, u32>>;
        Condvar::wait_timeout: for<'a> fn(&Condvar, MutexGuard<'a, u32>, Duration) -> Waited<'a>;
        Condvar::notify_one: fn(&Condvar);
        Condvar::notify_all: fn(&Condvar);
        WaitTimeoutResult::timed_out: fn(&WaitTimeoutResult) -> bool;
        Barrier::new: fn(usize) -> Barrier;
        Barrier::wait: fn(&Barrier) -> BarrierWaitResult;
        BarrierWaitResult::is_leader: fn(&BarrierWaitResult) -> bool;
        Once::new: fn() -> Once;
        Once::is_completed: fn(&Once) -> bool;
        Once::wait: fn(&Once);
        Once::wait_force: fn(&Once);
        OnceState::is_poisoned: fn(&OnceState) -> bool;
        OnceLock::new: fn() -> OnceLock<u32>;
        OnceLock::get: for<'a> fn(&'a OnceLock<u32>) -> Option<&'a u32>;
        OnceLock::get_mut: for<'a> fn(&'a mut OnceLock<u32>) -> Option<&'a mut u32>;
        OnceLock::set: fn(&OnceLock<u32>, u32) -> Result<(), u32>;
        OnceLock::wait: for<'a> fn(&'a OnceLock<u32>) -> &'a u32;
        OnceLock::into_inner: fn(OnceLock<u32>) -> Option<u32>;
        OnceLock::take: fn(&mut OnceLock<u32>) -> Option<u32>;
        LazyLock::new: fn(fn() -> u32) -> LazyLock<u32>;
        LazyLock::force: for<'a> fn(&'a LazyLock<u32>) -> &'a u32;
        channel: fn() -> (Sender<u32>, Receiver<u32>);
        sync_channel: fn(usize) -> (SyncSender<u32>, Receiver<u32>);
        Sender::send: fn(&Sender<u32>, u32) -> Result<(), SendError<u32>>;
        SyncSender::send: fn(&SyncSender<u32>, u32) -> Result<(), SendError<u32>>;
        SyncSender::try_send: fn(&SyncSender<u32>, u32) -> Result<(), TrySendError<u32>>;
        Receiver::recv: fn(&Receiver<u32>) -> Result<u32, RecvError>;
        Receiver::try_recv: fn(&Receiver<u32>) -> Result<u32, TryRecvError>;
        Receiver::recv_timeout: fn(&Receiver<u32>, Duration) -> Result<u32, RecvTimeoutError>;
        Receiver::iter: for<'a> fn(&'a Receiver<u32>) -> Iter<'a, u32>;
        Receiver::try_iter: for<'a> fn(&'a Receiver<u32>) -> TryIter<'a, u32>;
    }
}

pub(super) fn what_takes_a_closure_takes_the_same() {
    ONCE.call_once(|| ());
    Once::new().call_once_force(|state: &OnceState| assert!(!state.is_poisoned()));
    assert_eq!((CELL.get_or_init(|| 1), &*LAZY), (&1, &1));
    let guard = CONDVAR.wait_while(MUTEX.lock().unwrap(), |value: &mut u32| *value == 0);
    let waited: Waited<'_> =
        CONDVAR.wait_timeout_while(guard.unwrap(), Duration::ZERO, |value: &mut u32| *value == 0);
    assert!(!waited.unwrap().1.timed_out());
    assert!(BARRIER.wait().is_leader());
    assert_eq!(*LOCK.read().unwrap(), 1);
    // What borrows is taken as what does not.
    let name = String::from("x");
    let lazy = LazyLock::new(|| name.len());
    assert_eq!(*lazy, 1);
    let shared: &Mutex<[u32]> = &Mutex::new([1, 2]);
    assert_eq!(shared.lock().unwrap().len(), 2);
    let shared: &RwLock<dyn Debug> = &RwLock::new(1);
    assert_eq!(format!("{:?}", &*shared.read().unwrap()), "1");
}

/// What `Debug` says of each.
pub(super) fn shown() -> Vec<String> {
    let (mutex, lock) = (Mutex::new(1), RwLock::new("x"));
    let mut list = vec![format!("{mutex:?} {mutex:#?} {lock:?} {lock:#?}")];
    // What the lock itself says while it is held is not the same in each Rust.
    let (held, read) = (mutex.lock().unwrap(), lock.read().unwrap());
    list.push(format!("{held:?} {held} {read:?} {read}"));
    drop((held, read));
    let mut written = lock.write().unwrap();
    *written = "y";
    list.push(format!("{written:?} {written}"));
    let (sender, receiver) = channel::<u32>();
    list.push(format!("{sender:?} {:?} {receiver:?}", sync_channel::<u32>(0).0));
    list.push(format!("{:?} {:?}", receiver.iter(), receiver.try_iter()));
    list.push(format!("{:?} {:?}", receiver.into_iter(), Condvar::new()));
    let (barrier, once, cell) = (Barrier::new(1), Once::new(), OnceLock::<u32>::new());
    list.push(format!("{barrier:?} {:?} {once:?} {cell:?}", barrier.wait()));
    once.call_once_force(|state| list.push(format!("{state:?}")));
    let lazy = LazyLock::new(|| 1);
    list.push(format!("{lazy:?} {} {lazy:?} {once:?}", *lazy));
    let value = mutex.lock().unwrap();
    let waited = CONDVAR.wait_timeout_while(value, Duration::ZERO, |_| true);
    list.push(format!("{waited:?}"));
    list
}

/// What asks whether a type has a trait: the method of its own goes before that of a
/// trait, and is there for such types only.
macro_rules! questions {
    ($($name:ident $bound:ident)+) => {
        $(mod $name {
            use super::*;

            pub(super) struct Asks<T: ?Sized>(pub(super) PhantomData<T>);

            impl<T: ?Sized + $bound> Asks<T> {
                pub(super) fn has(&self) -> bool {
                    true
                }
            }

            pub(super) trait Else {
                fn has(&self) -> bool {
                    false
                }
            }

            impl<T: ?Sized> Else for Asks<T> {}
        })+

        $(use $name::Else as _;)+

        /// The names of the traits that the type has.
        macro_rules! traits_of_one {
            ($type:ty) => {{
                let all = [
                    $(($name::Asks(PhantomData::<$type>).has(), stringify!($bound))),+
                ];
                let has = all.into_iter().filter(|(has, _)| *has);
                has.map(|(_, name)| name).collect::<Vec<_>>()
            }};
        }
    };
}

questions! {
    send Send
    sync_ Sync
    unpin Unpin
    unwind_safe UnwindSafe
    ref_unwind_safe RefUnwindSafe
    debug Debug
    display Display
    default Default
    clone Clone
    copy Copy
    partial_eq PartialEq
    eq Eq
    deref Deref
    deref_mut DerefMut
    iterator Iterator
    into_iterator IntoIterator
}

/// Each type's name with the names of the traits that it has.
macro_rules! traits {
    ($($type:ty)+) => {
        vec![$((stringify!($type), traits_of_one!($type))),+]
    };
}

/// Of each generic type with a value of each sort.
macro_rules! traits_of_all {
    ($([$($all:tt)+])+) => {{
        let mut list = Vec::new();
        $(list.extend(traits_of_all!(one $($all)+));)+
        list
    }};
    (one $name:ident) => {
        traits!(
            $name<u32> $name<Cell<u32>> $name<OnlySync> $name<Rc<u32>> $name<&'static mut u32>
            $name<PhantomPinned> $name<String>
        )
    };
    (one $life:lifetime $name:ident) => {
        traits!(
            $name<$life, u32> $name<$life, Cell<u32>> $name<$life, OnlySync> $name<$life, Rc<u32>>
            $name<$life, &'static mut u32> $name<$life, PhantomPinned> $name<$life, String>
        )
    };
}

/// Has none of the traits.
struct Nothing {
    _pinned: PhantomPinned,
    _raw: *const Cell<u32>,
}

/// Can be shared and not be sent.
type OnlySync = std::sync::MutexGuard<'static, u32>;

type Traits = Vec<(&'static str, Vec<&'static str>)>;

pub(super) fn traits_of_what_takes_a_type() -> Traits {
    traits_of_all! {
        [Mutex] [RwLock] [OnceLock] [LazyLock] [Sender] [SyncSender] [Receiver] [IntoIter]
        ['static Iter] ['static TryIter]
        [PoisonError] [TryLockError] [SendError] [TrySendError]
    }
}

pub(super) fn traits_of_guards() -> Traits {
    traits_of_all! {
        ['static MutexGuard] ['static RwLockReadGuard] ['static RwLockWriteGuard]
    }
}

pub(super) fn traits_of_the_others() -> Traits {
    traits! {
        Condvar Barrier BarrierWaitResult WaitTimeoutResult Once OnceState
        RecvError TryRecvError RecvTimeoutError
        Nothing LazyLock<u32, Box<dyn FnOnce() -> u32>> LazyLock<u32, Box<dyn FnOnce() -> u32 + Send>>
    }
}
