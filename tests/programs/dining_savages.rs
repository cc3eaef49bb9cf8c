//! Andrews' dining savages. They eat from one pot; who finds it empty wakes the cook and
//! waits until it is full again.

use super::{sync, thread};
use sync::{Arc, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
4 savages ate [30, 30, 30, 30] servings
the cook has filled the pot 24 times
";

const SERVINGS: usize = 5;
const MEALS: usize = 30;

#[derive(Default)]
struct Kitchen {
    pot: Mutex<usize>,
    is_full: Condvar,
    is_empty: Condvar,
}

impl Kitchen {
    fn eat(&self) {
        let mut pot = self.pot.lock().unwrap();
        while *pot == 0 {
            self.is_empty.notify_one();
            pot = self.is_full.wait(pot).unwrap();
        }
        *pot -= 1;
    }

    fn cook(&self) {
        let pot = self.pot.lock().unwrap();
        let mut pot = self.is_empty.wait_while(pot, |pot| *pot > 0).unwrap();
        *pot = SERVINGS;
        self.is_full.notify_all();
    }
}

pub(crate) fn run() -> String {
    let kitchen = Arc::<Kitchen>::default();
    let cook = thread::spawn({
        let kitchen = kitchen.clone();
        move || (0..4 * MEALS / SERVINGS).map(|_| kitchen.cook()).count()
    });
    let savage = |_| {
        let kitchen = kitchen.clone();
        thread::spawn(move || (0..MEALS).map(|_| kitchen.eat()).count())
    };
    let savages: Vec<_> = (0..4).map(savage).collect();
    let ate: Vec<_> = savages
        .into_iter()
        .map(|savage| savage.join().unwrap())
        .collect();
    let filled = cook.join().unwrap();
    assert_eq!(*kitchen.pot.lock().unwrap(), 0);
    format!("4 savages ate {ate:?} servings\nthe cook has filled the pot {filled} times\n")
}
