//! Stacks for green threads: address space in large mappings, a guard below each
//! stack, and lists of those that are free.
//!
//! A guard is [`GUARD_BYTES`] long, because one page does not stop a C function
//! whose frame is larger: compiled Rust touches every page of a frame, C does not.
//! Guards are installed by `MADV_GUARD_INSTALL` (Linux 6.13), which costs nothing
//! but page table entries; where the kernel does not know it, by `mprotect`, with
//! which a process has room for some 32,000 stacks (`vm.max_map_count`).

use std::io;
use std::ptr::{self, NonNull};

use corosensei::stack::{Stack as StackBounds, StackPointer};

use crate::primitives::{AtomicBool, AtomicPtr, Mutex, Ordering};

/// What a stack has at least: a contained panic that prints a backtrace needs 24
/// KiB.
pub(crate) const SMALLEST: usize = 32 << 10;

/// What it has if nobody says otherwise. Address space: a thread that waits keeps one
/// page, whatever the size. The system's tables for that page take a 512th of the
/// distance from stack to stack: 384 bytes, where 256 KiB would make it 640.
pub(crate) const DEFAULT: usize = 128 << 10;

/// The largest that can be asked for.
pub(crate) const LARGEST: usize = 1 << 30;

/// What its owner has of each stack, at the end where it begins: in the page that
/// every thread touches.
pub(crate) const ROOM_BYTES: usize = 256;

const GUARD_BYTES: usize = 64 << 10;
const PAGE_BYTES: usize = 4096;

/// Address space that is mapped at once, or one stack if that is larger.
const MAPPED_AT_ONCE: usize = 64 << 20;

/// One size in powers of two from [`SMALLEST`] to [`LARGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u8);

const SIZES: usize = (LARGEST / SMALLEST).trailing_zeros() as usize + 1;

impl Size {
    /// The smallest that has room for `bytes`.
    ///
    /// # Errors
    ///
    /// Above [`LARGEST`].
    pub(crate) fn of(bytes: usize) -> io::Result<Self> {
        if bytes > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("stack_size: {bytes} bytes; the most is 1 GiB ({LARGEST})"),
            ));
        }
        let size = bytes.max(SMALLEST).next_power_of_two() / SMALLEST;
        Ok(Self(size.trailing_zeros() as u8))
    }

    pub(crate) fn bytes(self) -> usize {
        SMALLEST << self.0
    }
}

/// A stack that this value's owner may run on. Dropping it leaks it: one that was
/// not unwound must never be used again, and one that was is
/// [given back](Self::give_back).
#[derive(Debug)]
pub(crate) struct Stack {
    /// The lowest address, of the guard.
    first: NonNull<u8>,
    size: Size,
}

// SAFETY: memory belongs to no thread.
unsafe impl Send for Stack {}

// SAFETY: the guard is part of the mapping and is no accessible memory; `SMALLEST`
// is more than corosensei asks for, and both ends are aligned: to a page, and to
// `ROOM_BYTES`.
unsafe impl StackBounds for Stack {
    fn base(&self) -> StackPointer {
        self.room().addr()
    }

    fn limit(&self) -> StackPointer {
        self.first.addr()
    }
}

/// The stacks that nobody uses, by size: the first addresses.
static FREE: [Mutex<Vec<usize>>; SIZES] = [const { Mutex::new(Vec::new()) }; SIZES];

/// Stacks that were mapped at once. Never unmapped, and so never freed.
struct Mapping {
    first: usize,
    bytes: usize,
    /// The distance from stack to stack.
    stride: usize,
    /// The one mapped before.
    before: *const Mapping,
}

/// The newest mapping: a list that only grows, for a signal handler to read.
static MAPPED: AtomicPtr<Mapping> = AtomicPtr::new(ptr::null_mut());

/// Held while one is added.
static PUBLISHING: Mutex<()> = Mutex::new(());

impl Mapping {
    /// Puts it ahead of all others.
    fn publish(self) {
        let mapping: &'static mut Self = Box::leak(Box::new(self));
        let _one_at_a_time = PUBLISHING.lock();
        mapping.before = MAPPED.load(Ordering::Relaxed);
        // Ordering: Release pairs with the Acquire in `all`: who finds it sees what
        // it says, and what the lock has shown of those before.
        MAPPED.store(mapping, Ordering::Release);
    }

    fn all() -> impl Iterator<Item = &'static Self> {
        // Ordering: Acquire, as `publish` says.
        let newest: *const Self = MAPPED.load(Ordering::Acquire);
        // SAFETY: a mapping that was published stays as it is.
        let newest = unsafe { newest.as_ref() };
        // SAFETY: the same.
        std::iter::successors(newest, |mapping| unsafe { mapping.before.as_ref() })
    }
}

/// Whether guards are made by `mprotect`.
static BY_PROTECTION: AtomicBool = AtomicBool::new(false);

/// Forces guards by `mprotect`, to test what older kernels do.
const GUARD_VARIABLE: &str = "VIRID_STACK_GUARD";

impl Stack {
    /// A stack, new or used before.
    ///
    /// # Errors
    ///
    /// Where the system has no memory, or no room for another guard.
    pub(crate) fn take(size: Size) -> io::Result<Self> {
        let mut free = FREE[size.0 as usize].lock();
        if free.is_empty() {
            map_more(size, &mut free)?;
        }
        let first = free.pop().expect("some were mapped");
        Ok(Self {
            first: NonNull::new(std::ptr::with_exposed_provenance_mut(first))
                .expect("no mapping is at address 0"),
            size,
        })
    }

    /// [`ROOM_BYTES`] that no frame comes to, aligned to as many.
    pub(crate) fn room(&self) -> NonNull<u8> {
        // SAFETY: the room ends where the stack does, inside the mapping.
        unsafe { self.first.add(GUARD_BYTES + self.size.bytes() - ROOM_BYTES) }
    }

    /// Gives a stack back that nothing is on any more, and its pages to the system.
    pub(crate) fn give_back(self) {
        // SAFETY: the stack is inside the mapping.
        let bottom = unsafe { self.first.add(GUARD_BYTES) };
        // SAFETY: nothing is on the stack.
        unsafe {
            libc::madvise(
                bottom.as_ptr().cast(),
                self.size.bytes(),
                libc::MADV_DONTNEED,
            );
        }
        FREE[self.size.0 as usize]
            .lock()
            .push(self.first.as_ptr().expose_provenance());
    }
}

/// Maps stacks of one size.
fn map_more(size: Size, free: &mut Vec<usize>) -> io::Result<()> {
    let stride = GUARD_BYTES + size.bytes();
    let count = (MAPPED_AT_ONCE / stride).max(1);
    let bytes = stride * count;
    // SAFETY: a new private mapping at an address of the system's choice touches
    // nothing that exists.
    let mapping = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if mapping == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page would be touched as a whole.
    // SAFETY: the advice changes no byte.
    unsafe { libc::madvise(mapping, bytes, libc::MADV_NOHUGEPAGE) };
    let first = mapping.cast::<u8>().expose_provenance();
    for index in 0..count {
        let stack = first + index * stride;
        if let Err(error) = guard(stack) {
            // The first ones of the mapping are as good as any.
            if index > 0 {
                return Ok(());
            }
            // SAFETY: nobody has a stack of it.
            unsafe { libc::munmap(mapping, bytes) };
            return Err(error);
        }
        if index == 0 {
            let before = ptr::null();
            Mapping {
                first,
                bytes,
                stride,
                before,
            }
            .publish();
        }
        free.push(stack);
    }
    Ok(())
}

fn guard(first: usize) -> io::Result<()> {
    /// `MADV_GUARD_INSTALL`, which the libc crate does not name yet.
    const MADV_GUARD_INSTALL: i32 = 102;

    let address = std::ptr::with_exposed_provenance_mut(first);
    let forced = || std::env::var_os(GUARD_VARIABLE).is_some_and(|how| how == "mprotect");
    if !BY_PROTECTION.load(Ordering::Relaxed) && !forced() {
        // SAFETY: the range is the lowest part of a stack that nobody uses.
        if unsafe { libc::madvise(address, GUARD_BYTES, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        BY_PROTECTION.store(true, Ordering::Relaxed);
    }
    // SAFETY: the same.
    if unsafe { libc::mprotect(address, GUARD_BYTES, libc::PROT_NONE) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(io::Error::new(
        error.kind(),
        format!(
            "no guard for another stack ({error}); raise vm.max_map_count, or use Linux 6.13 or \
             later, where a guard is no mapping of its own"
        ),
    ))
}

/// The size of the stack whose guard holds this address, if one does. Takes no lock
/// and allocates nothing: for a signal handler.
pub(crate) fn guard_at(address: usize) -> Option<usize> {
    let holds = |mapping: &&Mapping| {
        let end = mapping.first + mapping.bytes;
        (mapping.first..end).contains(&address)
    };
    let mapping = Mapping::all().find(holds)?;
    let is_guard = (address - mapping.first) % mapping.stride < GUARD_BYTES;
    is_guard.then_some(mapping.stride - GUARD_BYTES)
}

const _: () = assert!(
    ROOM_BYTES.is_power_of_two() && ROOM_BYTES >= corosensei::stack::STACK_ALIGNMENT,
    "frames begin aligned below the room"
);

const _: () = assert!(
    GUARD_BYTES.is_multiple_of(PAGE_BYTES),
    "a guard is whole pages"
);
