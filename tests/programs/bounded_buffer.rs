//! The bounded buffer, or producers and consumers: who has something waits for room, who
//! wants something waits until there is some, and nothing is lost or had twice.

use super::{sync, thread};
use std::collections::VecDeque;
use sync::{Arc, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
3 producers made 300 things
2 consumers had 300 things, their sum is 44850
there were never more than 4 in the buffer
";

const ROOM: usize = 4;

#[derive(Default)]
struct Buffer {
    things: Mutex<VecDeque<u32>>,
    has_room: Condvar,
    has_things: Condvar,
}

impl Buffer {
    fn put(&self, thing: u32) {
        let things = self.things.lock().unwrap();
        let is_full = |things: &mut VecDeque<u32>| things.len() == ROOM;
        let mut things = self.has_room.wait_while(things, is_full).unwrap();
        things.push_back(thing);
        self.has_things.notify_one();
    }

    /// A thing, and how many there were.
    fn take(&self) -> (u32, usize) {
        let things = self.things.lock().unwrap();
        let is_empty = |things: &mut VecDeque<u32>| things.is_empty();
        let mut things = self.has_things.wait_while(things, is_empty).unwrap();
        let count = things.len();
        self.has_room.notify_one();
        (things.pop_front().unwrap(), count)
    }
}

pub(crate) fn run() -> String {
    let buffer = Arc::<Buffer>::default();
    let produce = |own: u32| {
        let buffer = buffer.clone();
        thread::spawn(move || (own * 100..own * 100 + 100).for_each(|thing| buffer.put(thing)))
    };
    let consume = |_| {
        let buffer = buffer.clone();
        thread::spawn(move || (0..150).map(|_| buffer.take()).collect::<Vec<_>>())
    };
    let producers: Vec<_> = (0..3).map(produce).collect();
    let consumers: Vec<_> = (0..2).map(consume).collect();
    for producer in producers {
        producer.join().unwrap();
    }
    let mut had = Vec::new();
    for consumer in consumers {
        had.extend(consumer.join().unwrap());
    }
    let sum: u32 = had.iter().map(|(thing, _)| thing).sum();
    let most = had.iter().map(|(_, count)| count).max().unwrap();
    assert!(*most <= ROOM);
    format!(
        "3 producers made 300 things\n\
         2 consumers had {} things, their sum is {sum}\n\
         there were never more than {ROOM} in the buffer\n",
        had.len()
    )
}
