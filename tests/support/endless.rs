//! Green threads that end only when they are told to, and what their joiner hears.

use super::drops::Token;
use virid::task::JoinError;
use virid::thread;

pub(crate) fn is_cancelled<T>(result: thread::Result<T>) -> bool {
    let error = result
        .err()
        .expect("a thread that was to be cancelled has a result");
    error
        .downcast::<JoinError>()
        .expect("no JoinError")
        .is_cancelled()
}

/// Parks for ever, and drops the token when it is unwound.
pub(crate) fn endless(token: Token) {
    let _token = token;
    loop {
        thread::park();
    }
}
