//! A channel without room, as of `sync_channel(0)`: each value goes from one hand into
//! another. Who comes first waits in line with a [`oneshot`] channel, and who comes
//! second ends the wait through it, under one lock that nobody holds for long.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError};

use super::line::{End, Line};
use super::oneshot::{self, Wake};
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
        let takers = {
            let mut place = self.place.lock();
            place.senders -= 1;
            (place.senders == 0).then(|| place.takers.take())
        };
        // Their ends say so to the takers.
        drop(takers);
    }

    pub(super) fn remove_receiver(&self) {
        let (offers, given_back) = {
            let mut place = self.place.lock();
            place.has_receiver = false;
            (place.offers.take(), std::mem::take(&mut place.given_back))
        };
        for (value, back) in offers {
            // A sender that has left meanwhile does not want it.
            drop(back.send(Some(value)));
        }
        drop(given_back);
    }

    /// Gives the value to a taker, if there is one.
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let given = self.place.lock().give(value);
        given.map(Wake::wake)
    }

    pub(super) async fn send(&self, value: T) -> Result<(), SendError<T>> {
        // What is named last is dropped first: who leaves does not wake itself.
        let (_offer, taken) = {
            let mut place = self.place.lock();
            let value = match place.give(value) {
                Ok(wake) => {
                    drop(place);
                    wake.wake();
                    return Ok(());
                }
                Err(TrySendError::Disconnected(value)) => return Err(SendError(value)),
                Err(TrySendError::Full(value)) => value,
            };
            let (back, taken) = oneshot::channel();
            let offer = Offer {
                meeting: self,
                number: place.offers.join((value, back)),
            };
            (offer, taken)
        };
        match taken.await {
            Ok(Some(value)) => Err(SendError(value)),
            // A sender's end is dropped by who takes the value only.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let (value, wake) = self.place.lock().take()?;
        wake.wake();
        Ok(value)
    }

    pub(super) async fn recv(&self) -> Result<T, RecvError> {
        let mut taker = {
            let mut place = self.place.lock();
            match place.take() {
                Ok((value, wake)) => {
                    drop(place);
                    wake.wake();
                    return Ok(value);
                }
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) => {}
            }
            let (give, given) = oneshot::channel();
            Taker {
                meeting: self,
                number: place.takers.join(give),
                given,
            }
        };
        (&mut taker.given).await.map_err(|_| RecvError)
    }
}

impl<T> Place<T> {
    fn give(&mut self, mut value: T) -> Result<Wake, TrySendError<T>> {
        if !self.has_receiver {
            return Err(TrySendError::Disconnected(value));
        }
        while let Some(taker) = self.takers.pop(End::Oldest) {
            match taker.put(value) {
                Ok(wake) => return Ok(wake),
                // It has left just now.
                Err(back) => value = back,
            }
        }
        Err(TrySendError::Full(value))
    }

    fn take(&mut self) -> Result<(T, Wake), TryRecvError> {
        if let Some(value) = self.given_back.pop_front() {
            return Ok((value, Wake::NOBODY));
        }
        match self.offers.pop(End::Oldest) {
            // One that leaves just now has sent it all the same.
            Some((value, sender)) => Ok((value, sender.put(None).unwrap_or(Wake::NOBODY))),
            None if self.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }
}

/// A sender that waits. Dropped before its value was taken, it leaves the line with it.
struct Offer<'a, T> {
    meeting: &'a Meeting<T>,
    number: u64,
}

impl<T> Drop for Offer<'_, T> {
    fn drop(&mut self) {
        let offer = self.meeting.place.lock().offers.leave(self.number);
        // Its destructor is not ours to call under the lock.
        drop(offer);
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
        // From here on it is given nothing, and not woken by its own end.
        self.given.close();
        let give = {
            let mut place = self.meeting.place.lock();
            let give = place.takers.leave(self.number);
            if let Ok(value) = self.given.try_recv() {
                place.given_back.push_back(value);
            }
            give
        };
        drop(give);
    }
}
