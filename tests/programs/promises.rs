//! Promises: values that will be there later. Each step of a computation is a thread that
//! waits for what it needs, in whatever order the steps are started.

use super::{sync, thread};
use sync::{Arc, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
3 * 4 + 5 = 17
the sum of 500 promises is 250000
";

struct Promise<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone + Send + 'static> Promise<T> {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(None), Condvar::new())))
    }

    fn keep(&self, value: T) {
        let (place, is_kept) = &*self.0;
        let before = place.lock().unwrap().replace(value);
        assert!(before.is_none(), "a promise is kept once");
        is_kept.notify_all();
    }

    fn get(&self) -> T {
        let (place, is_kept) = &*self.0;
        let value = place.lock().unwrap();
        let value = is_kept.wait_while(value, |value| value.is_none()).unwrap();
        value.clone().unwrap()
    }

    /// What `f` makes of two others.
    fn of(one: &Self, other: &Self, f: fn(T, T) -> T) -> Self {
        let (promise, one, other) = (Self::new(), one.clone(), other.clone());
        let kept = promise.clone();
        thread::spawn(move || kept.keep(f(one.get(), other.get())));
        promise
    }
}

pub(crate) fn run() -> String {
    let (three, four, five) = (Promise::new(), Promise::new(), Promise::new());
    let product = Promise::of(&three, &four, |a, b| a * b);
    let sum = Promise::of(&product, &five, |a, b| a + b);
    let hears = thread::spawn(move || sum.get());
    five.keep(5);
    four.keep(4);
    three.keep(3);
    let result: u32 = hears.join().unwrap();
    let odd: Vec<_> = (0..500).map(|_| Promise::new()).collect();
    let all = odd.iter().cloned().fold(five.clone(), |all, next| {
        Promise::of(&all, &next, |a, b| a + b)
    });
    for (place, promise) in odd.iter().enumerate().rev() {
        promise.keep(2 * place as u32 + 1);
    }
    let sum = all.get() - five.get();
    format!("3 * 4 + 5 = {result}\nthe sum of 500 promises is {sum}\n")
}
