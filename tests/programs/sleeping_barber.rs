//! Dijkstra's sleeping barber. The barber sleeps while nobody waits; a customer who finds
//! all chairs taken goes away and comes back later.

use super::{sync, thread};
use std::collections::VecDeque;
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
20 customers came, 20 were shaved
there were never more than 3 in the chairs
";

const CHAIRS: usize = 3;
const CUSTOMERS: usize = 20;

#[derive(Default)]
struct Shop {
    chairs: Mutex<VecDeque<usize>>,
    somebody_came: Condvar,
    shaved: Mutex<Vec<usize>>,
    somebody_is_shaved: Condvar,
}

fn customer(own: usize, shop: &Shop) {
    loop {
        let mut chairs = shop.chairs.lock().unwrap();
        if chairs.len() < CHAIRS {
            chairs.push_back(own);
            break;
        }
        drop(chairs);
        thread::yield_now();
    }
    shop.somebody_came.notify_one();
    let shaved = shop.shaved.lock().unwrap();
    let waits = |shaved: &mut Vec<usize>| !shaved.contains(&own);
    drop(shop.somebody_is_shaved.wait_while(shaved, waits).unwrap());
}

fn barber(shop: &Shop) -> usize {
    let mut most = 0;
    for _ in 0..CUSTOMERS {
        let chairs = shop.chairs.lock().unwrap();
        let is_empty = |chairs: &mut VecDeque<usize>| chairs.is_empty();
        let mut chairs = shop.somebody_came.wait_while(chairs, is_empty).unwrap();
        most = most.max(chairs.len());
        let customer = chairs.pop_front().unwrap();
        drop(chairs);
        thread::yield_now(); // shaves
        shop.shaved.lock().unwrap().push(customer);
        shop.somebody_is_shaved.notify_all();
    }
    most
}

pub(crate) fn run() -> String {
    let shop = &Shop::default();
    let most = thread::scope(|scope| {
        let barber = scope.spawn(|| barber(shop));
        for own in 0..CUSTOMERS {
            scope.spawn(move || customer(own, shop));
        }
        barber.join().unwrap()
    });
    assert!((1..=CHAIRS).contains(&most));
    let mut shaved = shop.shaved.lock().unwrap();
    shaved.sort_unstable();
    assert!(shaved.iter().copied().eq(0..CUSTOMERS));
    format!(
        "{CUSTOMERS} customers came, {} were shaved\n\
         there were never more than {CHAIRS} in the chairs\n",
        shaved.len()
    )
}
