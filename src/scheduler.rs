//! The scheduler: where runnable tasks wait, and who is signalled when.
//!
//! # Queues
//!
//! Every worker has a queue, first in, first out: it pushes at its *back*, and a
//! worker that has run dry takes the older half of somebody else's. What a task
//! spawns or wakes goes to the queue of the worker that runs it; what any other
//! thread spawns or wakes goes to the shared injector, crossbeam-deque's list of
//! blocks.
//!
//! The back is a private ring (`ring.rs`), which its owner uses with plain loads and
//! stores, and so does the drop of a handle whose task is the newest there: a task
//! that one worker spawns, detaches and runs costs no read-modify-write and no fence.
//!
//! The ring is short. What is too much moves in batches to the worker's *recent* ones,
//! a deque of Chase and Lev's ("Dynamic circular work-stealing deque", SPAA 2005,
//! crossbeam-deque's), and of many batches the oldest to its *overflow*. The worker
//! goes on with its newest batch, and every eighth time with its oldest; thieves take
//! the oldest, whole (`queue.rs`, `recent.rs`, `overflow.rs`). Below, "all queues" are
//! the injector and the four parts of each worker's queue.
//!
//! # The idle protocol
//!
//! Promise: **no runnable task waits while a worker is parked**, also behind a
//! task that computes for seconds. And a push costs no signal while the workers
//! are busy, or while one of them is looking for work already.
//!
//! *Invariant I.* If a queue holds a task and a worker is parked, then somebody
//! is searching, or is between one of the fences below and what follows it.
//!
//! Four places keep it. Each writes, passes a fence, and reads what the others write;
//! of two fences one comes first, and the later side sees the earlier one's write.
//! Who pushes passes a light fence, and who parks or leaves the search a heavy one
//! (`primitives.rs`): pushes are many.
//!
//! | who                                         | writes             | then reads                        |
//! |---------------------------------------------|--------------------|-----------------------------------|
//! | pusher ([`Shared::notify`], `Worker::push`) | a queue            | its back's length, the idle words |
//! | sleeper (`Worker::announce`)                | its parked bit     | all queues, `closed`              |
//! | last searcher (`Worker::found_work`)        | the searcher count | all queues, if anybody is parked  |
//! | closer ([`Shared::close`])                  | `closed`           | the idle words                    |
//!
//! - *Pusher and sleeper.* Either the pusher sees the parked bit and signals, or
//!   the sleeper sees the task and does not park.
//! - *Pusher and searchers.* A pusher that sees a searcher signals nobody. The
//!   searcher count of that group falls to zero after that look, and whoever
//!   lets it fall looks at all queues: as a sleeper, or in `found_work`, which
//!   signals the next worker. One searcher at a time is woken, and each wakes the
//!   next while there is work: the *wake chain*. Without it two tasks and two
//!   sleepers hang: the first push signals, the second sees a searcher, and the
//!   searcher is content with one task. Where nobody is parked there is nobody to
//!   wake, and the last searcher saves itself the fence: a worker that parks later
//!   changes the same word later, and then looks at all queues itself.
//! - *Searchers among themselves.* A thief moves tasks to its own queue, and
//!   they are in no queue meanwhile. Only searchers do that. One that leaves
//!   others searching looks no further; it releases what it did with its step
//!   out of the count, and the last of the group, whose step comes later on the
//!   same word, acquires it with its fence and finds what was left or moved.
//! - *Pusher and taker.* A worker that pushes to its own back and finds it not
//!   to have been empty signals nobody at all: by the invariant somebody was
//!   told of the earlier task, and has a look at all queues before it. If a thief
//!   takes the earlier task meanwhile, either the pusher's length is 1 after all,
//!   or the last searcher, which has acquired the theft, sees the new task. If
//!   the owner itself takes it, the look either misses that, and finds the
//!   ring not empty, or acquires it, and the push before it: `pop` and the thieves'
//!   step forward release the front, and a look acquires it before it reads the back.
//! - *An owner that moves tasks* from one part of its queue to another holds them
//!   in no queue meanwhile, and is no searcher. It notifies after every move, once
//!   for 62 tasks: whoever has parked on what it saw before is signalled.
//! - *A task that goes back to its worker's queue* (a yield), and one that has waited
//!   for the end of the task before it (`task/keyed.rs`), is pushed between two tasks,
//!   without a signal or a fence. Alone there, it is popped next; where the loop
//!   takes an injected task first, it notifies, and where green threads have started,
//!   of which one may be next, the task is pushed as any other. Behind another task it is covered
//!   as by the pusher's length above, the pop of that other task being what the
//!   look acquires; so a look goes through the parts of a queue from front to back.
//!
//! *Signals.* A notifier moves one parked worker to searching in the same
//! compare-and-swap in which it sees that nobody searches, so no second signal
//! is sent until that worker has searched.
//!
//! # The end
//!
//! [`Shared::close`] lets every worker leave after its current poll. Each drops
//! what its queue holds. The last one waits until no thread is inside a spawn
//! from outside (`visitors.rs`): who enters later finds the runtime closed and
//! drops its own future, and nobody else's. Then it empties the injector and
//! cancels every suspended task, which it finds by the state words of all cells,
//! and waits for those that a waker has in hand; so the runtime's drop returns when
//! no future is left. A thread that wakes a task is a visitor too, because the
//! task that it has queued may end before the call does, and the runtime with it.
//!
//! # Rejected
//!
//! - *Signal on the transition from empty to not empty, and nothing else.* Hangs
//!   with two sleepers, as above.
//! - *A fence on one side only.* Loses wake-ups; the model of each fence fails
//!   without it (`tests/loom.rs`).
//! - *Late spawners that empty the injector themselves*, in place of a count of
//!   visitors: they dropped futures of strangers inside `spawn`, under whatever
//!   lock the caller held, and the runtime's drop returned before.
//! - *First in, first out however many wait.* A tree of tasks then holds half of
//!   them in the queue at its widest, and each is cold when its turn comes: one
//!   worker took 130 ns a node of a million green threads and takes 86, two took 68
//!   and take 48; a flat burst from a green thread took 38 ns on two and takes 34.
//! - *A deque of crossbeam's as the back.* A pop is a read-modify-write, and a push
//!   drains the store buffer at its fence, whichever comes first. A tree of a million
//!   tasks took 35 ns each on two workers and takes 24, of green threads 38 and 26, and
//!   bursts a tenth less (medians of three interleaved runs, x86-64). With a ring of
//!   1,024 the tree took 22, but a burst twice as long: a thief that takes half of a
//!   ring makes its owner pass a fence, one that takes a batch does not. With one of
//!   64 the tree took 33, since so many of its tasks travel in batches.
//! - *A ring that a thief locks*, its owner using a deque meanwhile: the lock is held
//!   for as long as the interrupts take, and what is in the ring is nobody's then.
//! - *A list of sleepers under a lock*, as in Tokio: a notifier that loses its
//!   processor while it holds the lock stops every other that has to signal. One
//!   word per 48 workers decides in one compare-and-swap. (A notifier that loses
//!   it between that and the unpark still delays one signal, and with it the
//!   chain; pushes go on.)

pub(crate) mod blocking;
pub(crate) mod cpu_clock;
pub(crate) mod deque;
mod ending;
#[cfg(all(feature = "time", not(virid_loom)))]
pub(crate) mod events;
mod green;
pub(crate) mod idle;
#[cfg(not(virid_loom))]
mod monitored;
mod outside;
pub(crate) mod overflow;
pub(crate) mod parker;
mod placement;
pub(crate) mod queue;
#[cfg(all(feature = "time", not(virid_loom)))]
mod reactor;
mod recent;
mod remote;
pub(crate) mod ring;
pub(crate) mod running;
mod search;
pub(crate) mod shared;
pub(crate) mod spawn;
mod spawners;
mod threads;
pub(crate) mod visitors;
pub(crate) mod watchdog;
pub(crate) mod watched;
pub(crate) mod worker;

#[cfg(doc)]
use shared::Shared;
