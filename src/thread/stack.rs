//! Stacks for green threads: address space in large mappings, a guard below each
//! stack, and lists of those that are free.
//!
//! A free stack is *warm* while it has its first page: with it the next thread costs
//! no page fault, which with the guard is most of what a new one costs. There are
//! [`MOST_WARM`] of them at most, and none that nobody has used for one
//! [`COOLING`] to two, if workers park: see [`cool`]. [`trim`] gives back all. A free
//! stack is never unmapped, and keeps its guard.
//!
//! That a stack has more than its first page is seen by a mark at that page's end,
//! which whoever goes on from there leaves unharmed only by chance; such pages go
//! when the stack cools.
//!
//! A guard is [`GUARD_BYTES`] long, because one page does not stop a C function
//! whose frame is larger: compiled Rust touches every page of a frame, C does not.
//! Guards are installed by `MADV_GUARD_INSTALL` (Linux 6.13), which costs nothing
//! but page table entries; where the kernel does not know it, by `mprotect`, with
//! which a process has room for some 32,000 stacks (`vm.max_map_count`).

use std::collections::VecDeque;
use std::io;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use corosensei::stack::{Stack as StackBounds, StackPointer};

use crate::primitives::{AtomicBool, AtomicPtr, AtomicUsize, Mutex, Ordering};

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

/// The stacks of one size that nobody uses: their first addresses.
struct Free {
    /// The last one was used last.
    warm: VecDeque<usize>,
    cold: Vec<usize>,
    /// How few of the warm ones there were since the last period began. So many were
    /// not used meanwhile, the first ones.
    least: usize,
    /// How many of them were not used for a whole one, and are to cool.
    due: usize,
}

static FREE: [Mutex<Free>; SIZES] = [const { Mutex::new(Free::new()) }; SIZES];

/// How many stacks are warm, about. Orders nothing: who takes one holds a lock.
static WARM: AtomicUsize = AtomicUsize::new(0);

/// How many are at most, in a process: 4 GiB of pages.
const MOST_WARM: usize = (4 << 20) / (PAGE_BYTES >> 10);

/// A stack that was not used for so long cools, and for less than twice as long.
pub(crate) const COOLING: Duration = Duration::from_secs(1);

/// When the period began.
static PERIOD: Mutex<Option<Instant>> = Mutex::new(None);

/// Stacks that cool at once: so long does a worker not look up.
const MOST_AT_ONCE: usize = 256;

impl Free {
    const fn new() -> Self {
        Self {
            warm: VecDeque::new(),
            cold: Vec::new(),
            least: 0,
            due: 0,
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let Some(first) = self.warm.pop_back() else {
            return self.cold.pop();
        };
        let left = self.warm.len();
        (self.least, self.due) = (self.least.min(left), self.due.min(left));
        WARM.fetch_sub(1, Ordering::Relaxed);
        Some(first)
    }
}

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
        let first = match free.pop() {
            Some(first) => first,
            None => {
                map_more(size, &mut free.cold)?;
                free.pop().expect("some were mapped")
            }
        };
        drop(free);
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

    /// The mark at the end of the first page.
    fn mark(&self) -> *mut [usize; MARK_LEN] {
        // SAFETY: the page is inside the mapping.
        let end = unsafe { self.first.add(GUARD_BYTES + self.size.bytes() - PAGE_BYTES) };
        end.cast().as_ptr()
    }

    /// Before a stack is used on which nothing is: makes the mark.
    pub(crate) fn set_mark(&self) {
        // SAFETY: nothing is on the stack.
        unsafe { self.mark().write(MARK) };
    }

    /// Gives a stack back that nothing is on any more.
    pub(crate) fn give_back(self) {
        // SAFETY: the same. Whatever lies there is a number.
        if unsafe { self.mark().read() } != MARK {
            let first = self.first.as_ptr().expose_provenance() + GUARD_BYTES;
            // SAFETY: the same.
            unsafe { forget_pages(first, self.size.bytes() - PAGE_BYTES) };
        }
        let first = self.first.as_ptr().expose_provenance();
        let mut free = FREE[self.size.0 as usize].lock();
        if WARM.fetch_add(1, Ordering::Relaxed) < MOST_WARM {
            free.warm.push_back(first);
            return;
        }
        drop(free);
        WARM.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the same.
        unsafe { forget_pages(first + GUARD_BYTES, self.size.bytes()) };
        FREE[self.size.0 as usize].lock().cold.push(first);
    }
}

/// What no frame is likely to write.
const MARK: [usize; MARK_LEN] = [0x5bd1_e995; MARK_LEN];
const MARK_LEN: usize = 8;

/// Gives pages back to the system. Guards among them stay.
///
/// # Safety
///
/// Nobody needs what is in them.
unsafe fn forget_pages(first: usize, bytes: usize) {
    let address = ptr::with_exposed_provenance_mut(first);
    // SAFETY: as this function's contract says.
    unsafe { libc::madvise(address, bytes, libc::MADV_DONTNEED) };
}

/// Whether there are free stacks with a page.
pub(crate) fn any_is_warm() -> bool {
    WARM.load(Ordering::Relaxed) > 0
}

/// Cools some of the stacks that nobody has used for a while, if it is time. Whether
/// there are more of them.
pub(crate) fn cool() -> bool {
    let is_over = {
        let (mut period, now) = (PERIOD.lock(), Instant::now());
        let is_over = period.is_none_or(|began| now >= began + COOLING);
        if is_over {
            *period = Some(now);
        }
        is_over
    };
    let mut are_more = false;
    for (size, free) in FREE.iter().enumerate() {
        let size = Size(size as u8);
        let mut free = free.lock();
        if is_over {
            free.due = free.least;
            free.least = free.warm.len();
        }
        let count = free.due.min(MOST_AT_ONCE);
        free.due -= count;
        free.least -= count;
        are_more |= free.due > 0;
        let cooling = free.warm.drain(..count).collect();
        drop(free);
        cool_these(size, cooling);
    }
    are_more
}

/// Cools all free stacks. The bytes that this gives back at least.
pub(crate) fn trim() -> usize {
    let mut bytes = 0;
    for (size, free) in FREE.iter().enumerate() {
        let warm = {
            let mut free = free.lock();
            (free.least, free.due) = (0, 0);
            std::mem::take(&mut free.warm)
        };
        bytes += warm.len() * PAGE_BYTES;
        cool_these(Size(size as u8), warm.into());
    }
    bytes
}

fn cool_these(size: Size, mut stacks: Vec<usize>) {
    if stacks.is_empty() {
        return;
    }
    let stride = GUARD_BYTES + size.bytes();
    WARM.fetch_sub(stacks.len(), Ordering::Relaxed);
    stacks.sort_unstable();
    // Those next to each other with one call.
    for row in stacks.chunk_by(|one, next| one + stride == *next) {
        // SAFETY: nobody uses these stacks, and between them there are guards only.
        unsafe { forget_pages(row[0] + GUARD_BYTES, row.len() * stride - GUARD_BYTES) };
    }
    FREE[size.0 as usize].lock().cold.append(&mut stacks);
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
