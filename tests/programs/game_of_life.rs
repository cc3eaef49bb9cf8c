//! Conway's game of life, with a thread for each row of the world. All meet at a barrier
//! before they look at the rows beside theirs, and before they change their own.

use super::{sync, thread};
use sync::{Barrier, RwLock};

pub(crate) const PRINTS: &str = "\
.#......
..#.....
###.....
........
........
........
........
........
after 20 generations
........
........
........
........
........
......#.
.......#
.....###
";

const SIZE: usize = 8;

type Row = [bool; SIZE];

/// Whether a cell lives on, or is born. The world is round.
fn lives(rows: [&Row; 3], x: usize) -> bool {
    let around = [(x + SIZE - 1) % SIZE, x, (x + 1) % SIZE];
    let alive = |row: &Row| around.into_iter().filter(|x| row[*x]).count();
    let neighbours = rows.into_iter().map(alive).sum::<usize>() - usize::from(rows[1][x]);
    neighbours == 3 || neighbours == 2 && rows[1][x]
}

fn show(world: &[RwLock<Row>]) -> String {
    let line = |row: &RwLock<Row>| -> String {
        let cells = *row.read().unwrap();
        let cells = cells.into_iter().map(|lives| if lives { '#' } else { '.' });
        cells.chain(['\n']).collect()
    };
    world.iter().map(line).collect()
}

pub(crate) fn run() -> String {
    let world: &[RwLock<Row>; SIZE] = &Default::default();
    for (x, y) in [(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)] {
        world[y].write().unwrap()[x] = true;
    }
    let before = show(world);
    let all = &Barrier::new(SIZE);
    thread::scope(|scope| {
        for y in 0..SIZE {
            scope.spawn(move || {
                for _ in 0..20 {
                    let rows = [y + SIZE - 1, y, y + 1].map(|y| *world[y % SIZE].read().unwrap());
                    let next = std::array::from_fn(|x| lives(rows.each_ref(), x));
                    all.wait(); // all have read
                    *world[y].write().unwrap() = next;
                    all.wait(); // all have written
                }
            });
        }
    });
    format!("{before}after 20 generations\n{}", show(world))
}
