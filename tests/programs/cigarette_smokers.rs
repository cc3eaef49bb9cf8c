//! Patil's cigarette smokers. An agent lays two of three ingredients on the table, and
//! only the smoker who has the third may take them.

use super::{sync, thread};
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
paper and matches: tobacco smokes
matches and tobacco: paper smokes
tobacco and paper: matches smokes
paper and matches: tobacco smokes
matches and tobacco: paper smokes
tobacco and paper: matches smokes
paper and matches: tobacco smokes
the three have smoked [3, 2, 2] times
";

const INGREDIENTS: [&str; 3] = ["tobacco", "paper", "matches"];

/// What is missing on the table, if something lies there; and whether the agent has left.
#[derive(Default)]
struct Table {
    missing: Option<usize>,
    is_closed: bool,
    lines: String,
}

fn smoker(own: usize, table: &Mutex<Table>, changed: &Condvar) -> usize {
    let mut smoked = 0;
    loop {
        let waits = |table: &mut Table| table.missing != Some(own) && !table.is_closed;
        let mut table = changed.wait_while(table.lock().unwrap(), waits).unwrap();
        if table.missing != Some(own) {
            return smoked;
        }
        smoked += 1;
        table.lines += &format!(": {} smokes\n", INGREDIENTS[own]);
        table.missing = None;
        changed.notify_all();
    }
}

pub(crate) fn run() -> String {
    let (table, changed) = (&Mutex::new(Table::default()), &Condvar::new());
    let smoked: Vec<usize> = thread::scope(|scope| {
        let smokers: Vec<_> = (0..3)
            .map(|own| scope.spawn(move || smoker(own, table, changed)))
            .collect();
        for round in 0..7 {
            let mut lies = table.lock().unwrap();
            let missing = round % 3;
            let (one, other) = ((missing + 1) % 3, (missing + 2) % 3);
            lies.lines += &format!("{} and {}", INGREDIENTS[one], INGREDIENTS[other]);
            lies.missing = Some(missing);
            changed.notify_all();
            // Until it was taken.
            drop(changed.wait_while(lies, |table| table.missing.is_some()));
        }
        table.lock().unwrap().is_closed = true;
        changed.notify_all();
        smokers.into_iter().map(|s| s.join().unwrap()).collect()
    });
    let lines = &mut table.lock().unwrap().lines;
    *lines += &format!("the three have smoked {smoked:?} times\n");
    lines.clone()
}
