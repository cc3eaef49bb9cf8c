//! A test on runtimes of one, two and eight workers.

use super::support::guard;
use super::workers::workers;
use virid::Runtime;

#[track_caller]
pub(crate) fn on_each_size(body: impl Fn(Runtime) + Send + 'static) {
    guard(move || [1, 2, 8].map(workers).into_iter().for_each(body));
}
