//! A closure that blocks until a test lets it go.

use std::sync::mpsc::{Receiver, Sender, channel};

/// Lets its closures go on when it is dropped.
pub(crate) struct Release(#[expect(dead_code, reason = "it is there to be dropped")] Sender<()>);

/// Blocks until the other half is dropped, and says when it begins.
pub(crate) struct Block {
    begins: Sender<()>,
    released: Receiver<()>,
}

impl Block {
    pub(crate) fn wait(self) {
        self.begins.send(()).unwrap();
        _ = self.released.recv();
    }
}

/// What a closure waits with, what lets it go, and what says that it has begun.
pub(crate) fn block() -> (Block, Release, Receiver<()>) {
    let ((begins, has_begun), (release, released)) = (channel(), channel());
    let block = Block { begins, released };
    (block, Release(release), has_begun)
}
