//! A channel without room, as of `sync_channel(0)`: each value goes from one hand into
//! another. Who comes first waits in line with a [`oneshot`] channel, and who comes
//! second ends the wait through it, under one lock that nobody holds for long.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError};

use super::line::Line;
use super::oneshot;
use crate::primitives::Mutex;

pub(super) struct Meeting<T> {
    place: Mutex<Place<T>>,
}

struct Place<T> {
    /// Values whose senders wait. They hear that it was taken, or get it back.
    offers: Line<(T, oneshot::Sender<Option<T>>)>,
    /// Receivers that wait.
    takers: Line<oneshot::Sender<T>>,
    /// What takers were given and have left without.
    given_back: VecDeque<T>,
    senders: usize,
    has_receiver: bool,
}

impl<T> Meeting<T> {
    /// With one sender and the receiver.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(Place {
                offers: Line::new(),
                takers: Line::new(),
                given_back: VecDeque::new(),
                senders: 1,
                has_receiver: true,
            }),
        })
    }

    pub(super) fn add_sender(&self) {
        self.place.lock().senders += 1;
    }

    pub(super) fn remove_sender(&self) {
        let mut place = self.place.lock();
        place.senders -= 1;
        if place.senders == 0 {
            // Their ends say so to the takers.
            drop(place.takers.take());
        }
    }

    pub(super) fn remove_receiver(&self) {
        let (offers, given_back) = {
            let mut place = self.place.lock();
            place.has_receiver = false;
            (place.offers.take(), std::mem::take(&mut place.given_back))
        };
        for (_, (value, back)) in offers {
            // A sender that has left meanwhile does not want it.
            drop(back.send(Some(value)));
        }
        drop(given_back);
    }

    /// Gives the value to a taker, if there is one.
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.place.lock().give(value)
    }

    pub(super) async fn send(&self, value: T) -> Result<(), SendError<T>> {
        let (number, mut taken) = {
            let mut place = self.place.lock();
            match place.give(value) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(value)) => return Err(SendError(value)),
                Err(TrySendError::Full(value)) => {
                    let (back, taken) = oneshot::channel();
                    (place.offers.join((value, back)), taken)
                }
            }
        };
        let _leaves = Leaves(|| drop_offer(self, number));
        match (&mut taken).await {
            Ok(Some(value)) => Err(SendError(value)),
            // A sender's end is dropped by who takes the value only.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        self.place.lock().take()
    }

    pub(super) async fn recv(&self) -> Result<T, RecvError> {
        let (number, given) = {
            let mut place = self.place.lock();
            match place.take() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) => {
                    let (give, given) = oneshot::channel();
                    (place.takers.join(give), given)
                }
            }
        };
        let mut taker = Taker {
            meeting: self,
            number,
            given,
        };
        (&mut taker.given).await.map_err(|_| RecvError)
    }
}

/// Whoever sent it is gone; so is the value.
fn drop_offer<T>(meeting: &Meeting<T>, number: u64) {
    let offer = meeting.place.lock().offers.leave(number);
    // Its destructor is not ours to call under the lock.
    drop(offer);
}

impl<T> Place<T> {
    fn give(&mut self, mut value: T) -> Result<(), TrySendError<T>> {
        if !self.has_receiver {
            return Err(TrySendError::Disconnected(value));
        }
        while let Some(taker) = self.takers.pop() {
            match taker.send(value) {
                Ok(()) => return Ok(()),
                Err(back) => value = back,
            }
        }
        Err(TrySendError::Full(value))
    }

    fn take(&mut self) -> Result<T, TryRecvError> {
        if let Some(value) = self.given_back.pop_front() {
            return Ok(value);
        }
        match self.offers.pop() {
            Some((value, sender)) => {
                // One that leaves just now has sent it all the same.
                drop(sender.send(None));
                Ok(value)
            }
            None if self.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }
}

/// Calls the function when it is dropped.
struct Leaves<F: FnMut()>(F);

impl<F: FnMut()> Drop for Leaves<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A receiver that waits. Dropped before it has got a value, it leaves the line, and a
/// value that it was given meanwhile is for the next.
struct Taker<'a, T> {
    meeting: &'a Meeting<T>,
    number: u64,
    given: oneshot::Receiver<T>,
}

impl<T> Drop for Taker<'_, T> {
    fn drop(&mut self) {
        let mut place = self.meeting.place.lock();
        place.takers.leave(self.number);
        if let Ok(value) = self.given.try_recv() {
            place.given_back.push_back(value);
        }
    }
}
