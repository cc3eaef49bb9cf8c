//! The system's refusal to start a thread, made by a `pthread_create` of this
//! binary's own.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

type Body = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Body,
    *mut c_void,
) -> c_int;

thread_local! {
    /// How many threads this one may still start before it is refused one.
    pub(crate) static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// libc's function, but for calls that a test has set up to be refused.
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
    match LEFT.get() {
        Some(0) => return libc::EAGAIN,
        Some(left) => LEFT.set(Some(left - 1)),
        None => {}
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
