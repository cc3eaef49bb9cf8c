//! Trono's Santa Claus. Santa sleeps until nine reindeer are back, or three elves have a
//! question; a fourth elf waits outside. The reindeer come first.

use super::{sync, thread};
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
Santa has delivered toys 5 times, each time with 9 reindeer
Santa has answered 30 questions, of 3 elves at a time
";

const YEARS: usize = 5;
const QUESTIONS: usize = 30;

#[derive(Default)]
struct Pole {
    reindeer: usize,
    deliveries: usize,
    elves: usize,
    meetings: usize,
    /// That the elves have asked so far.
    questions: usize,
}

fn santa(pole: &Mutex<Pole>, changed: &Condvar) {
    let sleeps = |pole: &mut Pole| pole.reindeer < 9 && pole.elves < 3;
    for _ in 0..YEARS + QUESTIONS / 3 {
        let mut pole = changed.wait_while(pole.lock().unwrap(), sleeps).unwrap();
        if pole.reindeer == 9 {
            pole.reindeer = 0;
            pole.deliveries += 1;
        } else {
            pole.elves = 0;
            pole.meetings += 1;
        }
        changed.notify_all();
    }
}

fn reindeer(pole: &Mutex<Pole>, changed: &Condvar) {
    for year in 0..YEARS {
        let mut pole = pole.lock().unwrap();
        pole.reindeer += 1;
        changed.notify_all();
        let is_harnessed = |pole: &mut Pole| pole.deliveries == year;
        drop(changed.wait_while(pole, is_harnessed).unwrap());
    }
}

fn elf(pole: &Mutex<Pole>, changed: &Condvar) {
    loop {
        let pole = pole.lock().unwrap();
        let mut pole = changed.wait_while(pole, |pole| pole.elves == 3).unwrap();
        if pole.questions == QUESTIONS {
            return;
        }
        pole.questions += 1;
        pole.elves += 1;
        changed.notify_all();
        let meeting = pole.meetings;
        let asks = |pole: &mut Pole| pole.meetings == meeting;
        drop(changed.wait_while(pole, asks).unwrap());
    }
}

pub(crate) fn run() -> String {
    let (pole, changed) = (&Mutex::new(Pole::default()), &Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| santa(pole, changed));
        (0..9).for_each(|_| _ = scope.spawn(|| reindeer(pole, changed)));
        (0..10).for_each(|_| _ = scope.spawn(|| elf(pole, changed)));
    });
    let pole = pole.lock().unwrap();
    format!(
        "Santa has delivered toys {} times, each time with 9 reindeer\n\
         Santa has answered {} questions, of 3 elves at a time\n",
        pole.deliveries,
        pole.meetings * 3
    )
}
