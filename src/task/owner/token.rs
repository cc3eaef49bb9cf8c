//! Requests to end: a tree of tokens. One lock for a whole tree keeps its links, which are
//! indices, so that a tree may be as deep as there is memory; nobody holds it for longer
//! than it takes to link a token, or to mark those that are cancelled. Who waits is told
//! without it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};

use super::tree::{NONE, Tree};
use crate::drive::drive;
use crate::primitives::{AtomicBool, Mutex, Ordering};

/// A request to end, for all who hold a clone of it; names and meaning are those of
/// `tokio_util::sync::CancellationToken`.
///
/// Nothing is ended by it: who was asked looks with [`is_cancelled`](Self::is_cancelled),
/// awaits [`cancelled`](Self::cancelled), or waits in [`wait`](Self::wait), and ends when
/// that suits it. It works on every runtime. Tokens form a tree: to cancel one cancels its
/// [children](Self::child_token), and theirs, and not its parent. A tree may be as deep
/// and as wide as there is memory.
///
/// Dropping a token cancels nothing ([`drop_guard`](Self::drop_guard) does), and leaves
/// its children with its parent. What was cancelled stays so.
///
/// ```
/// use virid::task::{self, CancellationToken};
///
/// virid::block_on(async {
///     let token = CancellationToken::new();
///     let child = token.child_token();
///     let task = task::spawn(async move {
///         child.cancelled().await;
///         "cleaned up"
///     });
///     token.cancel();
///     assert_eq!(task.await.unwrap(), "cleaned up");
/// });
/// ```
#[derive(Clone)]
pub struct CancellationToken(Arc<Node>);

pub(crate) struct Node {
    links: Arc<Mutex<Tree<Weak<Self>>>>,
    /// Its place in the tree; [`NONE`] for one that was made cancelled.
    key: usize,
    /// Written under the lock of the tree. A node that is cancelled has no place any more.
    is_cancelled: AtomicBool,
    event: Event,
}

impl Drop for Node {
    fn drop(&mut self) {
        // Ordering: Relaxed. Nobody else has it.
        if !self.is_cancelled.load(Ordering::Relaxed) {
            self.links.lock().release(self.key);
        }
    }
}

impl CancellationToken {
    /// The root of a tree.
    ///
    /// ```
    /// assert!(!virid::task::CancellationToken::new().is_cancelled());
    /// ```
    pub fn new() -> Self {
        Self::place(&Arc::new(Mutex::new(Tree::new())), |_| Some(NONE))
    }

    /// Makes a token below the parent that `parent` says under the lock, or one that is
    /// cancelled.
    fn place(
        links: &Arc<Mutex<Tree<Weak<Node>>>>,
        parent: impl FnOnce(&Tree<Weak<Node>>) -> Option<usize>,
    ) -> Self {
        let mut tree = links.lock();
        let parent = parent(&tree);
        let node = Arc::new_cyclic(|me| Node {
            links: links.clone(),
            key: parent.map_or(NONE, |parent| tree.add(parent, me.clone())),
            is_cancelled: AtomicBool::new(parent.is_none()),
            event: Event::new(),
        });
        drop(tree);
        Self(node)
    }

    /// A token that is cancelled when this one is. Cancelling it does nothing to this one.
    ///
    /// ```
    /// let token = virid::task::CancellationToken::new();
    /// let (one, other) = (token.child_token(), token.child_token());
    /// one.cancel();
    /// assert!(!token.is_cancelled() && !other.is_cancelled());
    /// token.cancel();
    /// assert!(other.is_cancelled() && token.child_token().is_cancelled());
    /// ```
    #[must_use]
    pub fn child_token(&self) -> Self {
        Self::place(&self.0.links, |_| {
            // Under the lock: a cancel that comes later finds the child.
            (!self.is_cancelled()).then_some(self.0.key)
        })
    }

    /// Cancels the token and all below it, and tells those who wait for that. Returns when
    /// all of them say so. Does nothing the second time.
    ///
    /// ```
    /// let token = virid::task::CancellationToken::new();
    /// token.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        let mut told = Vec::new();
        {
            let mut tree = self.0.links.lock();
            if self.is_cancelled() {
                return;
            }
            tree.cut(self.0.key, |node| {
                let Some(node) = node.upgrade() else {
                    // Its last token is being dropped, and takes its place out itself.
                    return false;
                };
                // Ordering: Release pairs with the Acquire in `is_cancelled`.
                node.is_cancelled.store(true, Ordering::Release);
                told.push(node);
                true
            });
        }
        for node in told {
            node.event.notify(usize::MAX);
        }
    }

    /// Whether it was cancelled.
    ///
    /// ```
    /// assert!(!virid::task::CancellationToken::new().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `cancel`: what its caller did
        // before is seen.
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Ready when the token is cancelled. Dropped before, it leaves nothing behind.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let token = virid::task::CancellationToken::new();
    /// token.cancel();
    /// token.cancelled().await;
    /// # });
    /// ```
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture {
            token: self,
            listener: None,
        }
    }

    /// [`cancelled`](Self::cancelled) with a future that can be sent anywhere.
    ///
    /// ```
    /// let token = virid::task::CancellationToken::new();
    /// let task = virid::spawn(token.clone().cancelled_owned());
    /// token.cancel();
    /// task.join().unwrap();
    /// ```
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned {
            listener: None,
            token: self,
        }
    }

    /// [`cancelled`](Self::cancelled) for green and plain threads: waits until the token
    /// is cancelled. A cancellation point.
    ///
    /// ```
    /// use virid::{task::CancellationToken, thread};
    ///
    /// let token = CancellationToken::new();
    /// thread::scope(|scope| {
    ///     scope.spawn(|| token.wait());
    ///     token.cancel();
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`cancelled`](Self::cancelled) there. And where it is not
    /// cancelled yet inside [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn wait(&self) {
        const CALL: &str = "CancellationToken::wait";
        drive(self.cancelled(), CALL, "`cancelled().await`");
    }

    /// Awaits a future, of any crate, no longer than until the token is cancelled, and
    /// drops it then. `None` where that was first. A future that is ready when it is
    /// polled has its output, but is not polled under a token that is cancelled already.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let token = virid::task::CancellationToken::new();
    /// assert_eq!(token.run_until_cancelled(async { 7 }).await, Some(7));
    /// token.cancel();
    /// assert_eq!(token.run_until_cancelled(async { 7 }).await, None);
    /// # });
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        let mut future = pin!(future);
        let mut cancelled = self.cancelled();
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            Pin::new(&mut cancelled).poll(context).map(|()| None)
        })
        .await
    }

    /// [`run_until_cancelled`](Self::run_until_cancelled) with a future that keeps the
    /// token.
    ///
    /// ```
    /// let token = virid::task::CancellationToken::new();
    /// let task = virid::spawn(token.clone().run_until_cancelled_owned(std::future::pending::<()>()));
    /// token.cancel();
    /// assert_eq!(task.join().unwrap(), None);
    /// ```
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }

    /// A guard that cancels the token when it is dropped.
    ///
    /// ```
    /// let token = virid::task::CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Ready when the token is cancelled; listens from the first poll on.
fn poll(
    token: &CancellationToken,
    listener: &mut Option<EventListener>,
    context: &mut Context<'_>,
) -> Poll<()> {
    loop {
        if token.is_cancelled() {
            *listener = None;
            return Poll::Ready(());
        }
        match listener {
            // Then it looks again: what is cancelled later, it hears of.
            None => *listener = Some(token.0.event.listen()),
            Some(listening) => {
                if Pin::new(listening).poll(context).is_pending() {
                    return Poll::Pending;
                }
                *listener = None;
            }
        }
    }
}

/// The future of [`CancellationToken::cancelled`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    listener: Option<EventListener>,
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        poll(this.token, &mut this.listener, context)
    }
}

/// The future of [`CancellationToken::cancelled_owned`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct WaitForCancellationFutureOwned {
    listener: Option<EventListener>,
    token: CancellationToken,
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        poll(&this.token, &mut this.listener, context)
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned")
            .finish_non_exhaustive()
    }
}

/// Cancels its token when it is dropped; from [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "a guard that is not kept cancels at once"]
pub struct DropGuard {
    /// Until it is disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// The token, which the guard cancels no more.
    ///
    /// ```
    /// let guard = virid::task::CancellationToken::new().drop_guard();
    /// assert!(!guard.disarm().is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        match self.token.take() {
            Some(token) => token,
            None => unreachable!("it is disarmed once"),
        }
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}
