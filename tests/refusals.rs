//! Proves that memory or a thread which is refused, by the allocator or by the system, at
//! any one request or from it on, ends in an error that names it or in an abort that does:
//! never in a hang, a wrong result or a crash. Each request fails in a process of its own.

#![cfg(all(
    not(virid_loom),
    target_os = "linux",
    feature = "sync",
    feature = "time"
))]

#[path = "support/child.rs"]
mod child;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_int, c_void};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use virid::task::JoinSet;
use virid::{Builder, thread};

const NEVER: usize = usize::MAX / 2;

/// Requests that are still granted, of each kind; those after it are refused while
/// `REFUSALS` are left.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(NEVER);
static MAPPINGS: AtomicUsize = AtomicUsize::new(NEVER);
static THREADS: AtomicUsize = AtomicUsize::new(NEVER);
static REFUSALS: AtomicUsize = AtomicUsize::new(0);

fn is_refused(left: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_err()
        && REFUSALS
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
}

struct Refusing;

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

// SAFETY: the system's allocator, but for requests that are refused, which any may be.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(&ALLOCATIONS) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

type Map = unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, i64) -> *mut c_void;

/// libc's function, but for calls that are refused.
///
/// # Safety
///
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    static REAL: OnceLock<Map> = OnceLock::new();
    let real = REAL.get_or_init(|| {
        // SAFETY: the name is a C string.
        let address = unsafe { libc::dlsym(libc::RTLD_NEXT, c"mmap".as_ptr()) };
        assert!(!address.is_null());
        // SAFETY: libc's function of that name has this type.
        unsafe { std::mem::transmute::<*mut c_void, Map>(address) }
    });
    if is_refused(&MAPPINGS) {
        // SAFETY: the C library has such a place for every thread.
        let error = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { *error = libc::ENOMEM };
        return libc::MAP_FAILED;
    }
    // SAFETY: the caller keeps the contract.
    unsafe { real(address, length, protection, flags, file, offset) }
}

type Body = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Body,
    *mut c_void,
) -> c_int;

/// libc's function, but for calls that are refused.
///
/// # Safety
///
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    body: Body,
    argument: *mut c_void,
) -> c_int {
    static REAL: OnceLock<Create> = OnceLock::new();
    if is_refused(&THREADS) {
        return libc::EAGAIN;
    }
    let real = REAL.get_or_init(|| {
        // SAFETY: the name is a C string.
        let address = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
        assert!(!address.is_null());
        // SAFETY: libc's function of that name has this type.
        unsafe { std::mem::transmute::<*mut c_void, Create>(address) }
    });
    // SAFETY: the caller keeps the contract.
    unsafe { real(thread, attributes, body, argument) }
}

/// Something of everything.
fn program() {
    let builder = Builder::new().worker_threads(2).max_blocking_threads(2);
    let runtime = builder.build().expect("no runtime");
    let small: Vec<_> = (0..2_000u64)
        .map(|number| runtime.spawn(async move { number }))
        .collect();
    let large = runtime.spawn(async {
        let bytes = [1u8; 5_000];
        virid::yield_now().await;
        bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    });
    let sum: u64 = small.into_iter().map(|task| task.join().unwrap()).sum();
    assert_eq!((sum, large.join().unwrap()), (1_999_000, 5_000));
    let sum: u64 = runtime.run(|| {
        let lock = virid::sync::Mutex::new(0);
        thread::scope(|scope| {
            for number in 0..200 {
                let lock = &lock;
                scope.spawn(move || {
                    thread::yield_now();
                    *lock.lock().unwrap() += number;
                });
            }
        });
        thread::sleep(Duration::from_micros(10));
        lock.into_inner().unwrap()
    });
    assert_eq!(sum, 19_900);
    let blocking = runtime.spawn_blocking(|| 7);
    let sum = runtime.block_on(async {
        let mut set = JoinSet::new();
        (0..100).for_each(|number| _ = set.spawn(async move { number }));
        set.join_all().await.into_iter().sum::<u32>()
    });
    assert_eq!((sum, blocking.join().unwrap()), (4_950, 7));
}

fn child(role: &str) {
    let (kind, rest) = role.split_once(' ').unwrap();
    let (granted, refusals) = rest.split_once(' ').unwrap();
    let left = match kind {
        "allocation" => &ALLOCATIONS,
        "mapping" => &MAPPINGS,
        _ => &THREADS,
    };
    let (granted, refusals) = (granted.parse().unwrap(), refusals.parse().unwrap());
    let body = move || {
        REFUSALS.store(refusals, Ordering::SeqCst);
        left.store(granted, Ordering::SeqCst);
        program();
        left.store(NEVER, Ordering::SeqCst);
    };
    let ended = std::thread::spawn(body).join();
    left.store(NEVER, Ordering::SeqCst);
    ended.expect("refused");
}

/// Whether the child heard of a refusal: what it did then was as it should be.
fn hears(test: &str, kind: &str, granted: usize, refusals: usize) -> bool {
    let role = format!("{kind} {granted} {refusals}");
    let Output { status, stderr, .. } = child::run(test, &role, &[]);
    if status.success() {
        return false;
    }
    let said = String::from_utf8_lossy(&stderr);
    let is_named = ["memory", "os error 12", "os error 11", "code: 11"]
        .iter()
        .any(|text| said.contains(text));
    let is_orderly = status.code() == Some(101) || status.signal() == Some(libc::SIGABRT);
    assert!(is_orderly && is_named, "{role}: {status}: {said}");
    true
}

/// Refuses the first request, the second and so on, and then fewer, until the program
/// makes no more.
fn refuse_each(test: &str, kind: &str, dense: usize, sparse: usize) {
    if let Some(role) = child::role() {
        return child(&role);
    }
    let (mut granted, mut heard, mut unheard) = (0, 0, 0);
    while unheard < 6 {
        let refusals = if granted % 2 == 0 { 1 } else { NEVER };
        if hears(test, kind, granted, refusals) {
            (heard, unheard) = (heard + 1, 0);
        } else {
            unheard += 1;
        }
        granted += if granted < dense { 1 } else { sparse };
    }
    println!("{kind}: heard of {heard} refusals, up to request {granted}");
    assert!(heard > 0, "nothing was refused");
}

#[test]
fn an_allocation_that_is_refused_is_named() {
    refuse_each(
        "an_allocation_that_is_refused_is_named",
        "allocation",
        40,
        61,
    );
}

#[test]
fn a_mapping_that_is_refused_is_named() {
    refuse_each(
        "a_mapping_that_is_refused_is_named",
        "mapping",
        usize::MAX,
        1,
    );
}

#[test]
fn a_thread_that_is_refused_is_named() {
    refuse_each("a_thread_that_is_refused_is_named", "thread", 40, 61);
}
