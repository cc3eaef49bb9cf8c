//! Readers and writers: many read a timetable at once, one changes it at a time, and
//! nobody sees a change that is half done.

use super::{sync, thread};
use sync::{Barrier, RwLock};

pub(crate) const PRINTS: &str = "\
6 readers read at the same time
a train leaves at 300, and arrives 45 later
2 writers have made 300 changes, 6 readers have read 1200 times
";

struct Train {
    leaves: u32,
    arrives: u32,
}

pub(crate) fn run() -> String {
    let train = &RwLock::new(Train {
        leaves: 0,
        arrives: 45,
    });
    let (all_read, all_start) = (&Barrier::new(6), &Barrier::new(8));
    let reads: u32 = thread::scope(|scope| {
        let read = |_| {
            scope.spawn(move || {
                let first = train.read().unwrap();
                all_read.wait(); // nobody would pass if it took turns
                drop(first);
                all_start.wait();
                let mut reads = 0;
                while reads < 200 {
                    let train = train.read().unwrap();
                    assert_eq!(train.leaves + 45, train.arrives);
                    reads += 1;
                }
                reads
            })
        };
        let readers: Vec<_> = (0..6).map(read).collect();
        for _ in 0..2 {
            scope.spawn(move || {
                all_start.wait();
                for _ in 0..150 {
                    let mut train = train.write().unwrap();
                    train.leaves += 1;
                    thread::yield_now(); // nobody may look now
                    train.arrives += 1;
                }
            });
        }
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum()
    });
    let train = train.read().unwrap();
    format!(
        "6 readers read at the same time\n\
         a train leaves at {}, and arrives {} later\n\
         2 writers have made {} changes, 6 readers have read {reads} times\n",
        train.leaves,
        train.arrives - train.leaves,
        train.leaves
    )
}
