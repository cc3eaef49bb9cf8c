//! Crossing a river: the boat takes four, all wolves, all goats, or two of each. Who gets
//! on waits for the others; one of the four rows.

use super::{sync, thread};
use sync::{Barrier, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
16 wolves and 16 goats have crossed in 8 boats
";

/// For wolves and goats: how many wait, and how many places in the boat are theirs.
#[derive(Default)]
struct Bank {
    waiting: [usize; 2],
    places: [usize; 2],
    is_away: bool,
    boats: usize,
}

impl Bank {
    /// Gives the places away, if the boat is here and can be filled.
    fn fill(&mut self) {
        let [wolves, goats] = self.waiting;
        let fits = |load: &[usize; 2]| load[0] <= wolves && load[1] <= goats;
        let load = [[4, 0], [0, 4], [2, 2]].into_iter().find(fits);
        if let (false, Some(load)) = (self.is_away, load) {
            self.waiting = [wolves - load[0], goats - load[1]];
            self.places = load;
            self.is_away = true;
        }
    }
}

fn cross(kind: usize, bank: &Mutex<Bank>, changed: &Condvar, boat: &Barrier) {
    let mut arrives = bank.lock().unwrap();
    arrives.waiting[kind] += 1;
    arrives.fill();
    changed.notify_all();
    let has_no_place = |bank: &mut Bank| bank.places[kind] == 0;
    let mut boards = changed.wait_while(arrives, has_no_place).unwrap();
    boards.places[kind] -= 1;
    drop(boards);
    if boat.wait().is_leader() {
        let mut rows = bank.lock().unwrap();
        rows.boats += 1;
        rows.is_away = false;
        rows.fill();
        changed.notify_all();
    }
}

pub(crate) fn run() -> String {
    let (bank, changed) = (&Mutex::new(Bank::default()), &Condvar::new());
    let boat = &Barrier::new(4);
    let crossed = thread::scope(|scope| {
        let animal = |kind| scope.spawn(move || cross(kind, bank, changed, boat));
        let animals: Vec<_> = [0, 0, 1, 0, 1, 1, 1, 0]
            .repeat(4)
            .into_iter()
            .map(animal)
            .collect();
        animals
            .into_iter()
            .map(|animal| animal.join().unwrap())
            .count()
    });
    let (boats, half) = (bank.lock().unwrap().boats, crossed / 2);
    format!("{half} wolves and {half} goats have crossed in {boats} boats\n")
}
