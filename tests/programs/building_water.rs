//! Building H2O: atoms come one by one, and pass in threes, two of hydrogen with one of
//! oxygen.

use super::{sync, thread};
use sync::{Barrier, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
20 atoms of oxygen and 40 of hydrogen made 20 molecules
all of them are HHO
";

#[derive(Default)]
struct Vessel {
    /// Of the molecule that is being made.
    atoms: Vec<char>,
    molecules: Vec<String>,
}

fn atom(kind: char, vessel: &Mutex<Vessel>, emptied: &Condvar, three: &Barrier) {
    let most = if kind == 'H' { 2 } else { 1 };
    let has_no_place =
        |vessel: &mut Vessel| vessel.atoms.iter().filter(|atom| **atom == kind).count() == most;
    let mut place = emptied
        .wait_while(vessel.lock().unwrap(), has_no_place)
        .unwrap();
    place.atoms.push(kind);
    drop(place);
    if three.wait().is_leader() {
        let mut vessel = vessel.lock().unwrap();
        vessel.atoms.sort_unstable();
        let molecule = vessel.atoms.drain(..).collect();
        vessel.molecules.push(molecule);
        emptied.notify_all();
    }
}

pub(crate) fn run() -> String {
    let (vessel, emptied) = (&Mutex::new(Vessel::default()), &Condvar::new());
    let three = &Barrier::new(3);
    thread::scope(|scope| {
        for kind in ['O', 'H', 'H'].repeat(20) {
            scope.spawn(move || atom(kind, vessel, emptied, three));
        }
    });
    let molecules = &vessel.lock().unwrap().molecules;
    assert!(molecules.iter().all(|molecule| molecule == "HHO"));
    format!(
        "20 atoms of oxygen and 40 of hydrogen made {} molecules\n\
         all of them are {}\n",
        molecules.len(),
        molecules[0]
    )
}
