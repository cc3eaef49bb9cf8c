//! The word of `virid::sync`'s locks, from `src`, over an event that stands in for that
//! of `event-listener`, which loom cannot look into. It keeps what that one says: a list
//! under a lock, who listens first is notified first, `n` counts those who are notified
//! already, a listener that is dropped notified gives it to the next, and one that is
//! discarded keeps it.

//!
//! And the semaphore, which is nothing but a lock.

#[path = "../../src/sync/raw.rs"]
pub(crate) mod raw;

#[expect(dead_code, unreachable_pub, reason = "models use a part of it")]
#[path = "../../src/sync/acquire.rs"]
mod acquire;
#[expect(dead_code, reason = "models use a part of it")]
#[path = "../../src/sync/line.rs"]
mod line;
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "models use a part of it"
)]
#[path = "../../src/sync/oneshot.rs"]
mod oneshot;
#[expect(dead_code, unreachable_pub, reason = "models use a part of it")]
#[path = "../../src/sync/permit.rs"]
mod permit;
#[expect(dead_code, unreachable_pub, reason = "models use a part of it")]
#[path = "../../src/sync/semaphore.rs"]
mod semaphore;

pub(crate) use semaphore::Semaphore;

pub(crate) mod event {
    use std::collections::VecDeque;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use crate::primitives::Mutex;

    pub(crate) struct Event(Arc<Mutex<List>>);

    #[derive(Default)]
    struct List {
        listening: VecDeque<Entry>,
        next: u64,
    }

    struct Entry {
        number: u64,
        is_notified: bool,
        waker: Option<Waker>,
    }

    impl List {
        fn notify(&mut self, n: usize) -> usize {
            let notified = self.listening.iter().filter(|entry| entry.is_notified);
            let more = n.saturating_sub(notified.count());
            let others = self.listening.iter_mut().filter(|entry| !entry.is_notified);
            let mut told = 0;
            for entry in others.take(more) {
                entry.is_notified = true;
                told += 1;
                if let Some(waker) = entry.waker.take() {
                    waker.wake();
                }
            }
            told
        }

        /// Whether the listener was notified.
        fn remove(&mut self, number: u64) -> bool {
            let place = self.place(number);
            let entry = self.listening.remove(place);
            entry.is_some_and(|entry| entry.is_notified)
        }

        fn place(&self, number: u64) -> usize {
            let mut entries = self.listening.iter();
            entries
                .position(|entry| entry.number == number)
                .expect("listens")
        }
    }

    impl Event {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(List::default())))
        }

        pub(crate) fn listen(&self) -> EventListener {
            let mut list = self.0.lock();
            let number = list.next;
            list.next += 1;
            list.listening.push_back(Entry {
                number,
                is_notified: false,
                waker: None,
            });
            EventListener {
                list: self.0.clone(),
                number,
                has_ended: false,
            }
        }

        pub(crate) fn notify_relaxed(&self, n: usize) -> usize {
            self.0.lock().notify(n)
        }
    }

    pub(crate) struct EventListener {
        list: Arc<Mutex<List>>,
        number: u64,
        has_ended: bool,
    }

    impl Future for EventListener {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let this = &mut *self;
            let mut list = this.list.lock();
            let place = list.place(this.number);
            if list.listening[place].is_notified {
                list.listening.remove(place);
                this.has_ended = true;
                return Poll::Ready(());
            }
            list.listening[place].waker = Some(context.waker().clone());
            Poll::Pending
        }
    }

    pub(crate) trait Listener {
        fn discard(self) -> bool;
    }

    impl Listener for EventListener {
        fn discard(mut self) -> bool {
            self.has_ended = true;
            self.list.lock().remove(self.number)
        }
    }

    impl Drop for EventListener {
        fn drop(&mut self) {
            if self.has_ended {
                return;
            }
            let mut list = self.list.lock();
            if list.remove(self.number) {
                list.notify(1);
            }
        }
    }
}
