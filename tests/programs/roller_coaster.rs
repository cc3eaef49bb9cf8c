//! Andrews' roller coaster. A car leaves when all its seats are taken, and takes others
//! only when all have got off.

use super::{sync, thread};
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
the car went 9 times, with 4 passengers each time
12 passengers had 36 tickets
";

const SEATS: usize = 4;
const PASSENGERS: usize = 12;
const TICKETS: usize = 36;

struct Station {
    tickets: usize,
    on_board: usize,
    /// Whether the car is open to get on, or else to get off.
    boards: bool,
    rides: usize,
}

fn car(station: &Mutex<Station>, changed: &Condvar) {
    for _ in 0..TICKETS / SEATS {
        let waits = |station: &mut Station| station.on_board < SEATS;
        let mut ride = changed.wait_while(station.lock().unwrap(), waits).unwrap();
        ride.rides += 1;
        ride.boards = false;
        changed.notify_all();
        let waits = |station: &mut Station| station.on_board > 0;
        let mut empty = changed.wait_while(ride, waits).unwrap();
        empty.boards = true;
        changed.notify_all();
    }
}

/// How often it rides.
fn passenger(station: &Mutex<Station>, changed: &Condvar) -> usize {
    for rides in 0.. {
        let is_full = |station: &mut Station| !station.boards || station.on_board == SEATS;
        let mut seat = changed
            .wait_while(station.lock().unwrap(), is_full)
            .unwrap();
        if seat.tickets == 0 {
            return rides;
        }
        seat.tickets -= 1;
        seat.on_board += 1;
        changed.notify_all();
        let rides_on = |station: &mut Station| station.boards;
        let mut seat = changed.wait_while(seat, rides_on).unwrap();
        seat.on_board -= 1;
        changed.notify_all();
    }
    unreachable!("tickets have an end")
}

pub(crate) fn run() -> String {
    let station = Station {
        tickets: TICKETS,
        on_board: 0,
        boards: true,
        rides: 0,
    };
    let (station, changed) = (&Mutex::new(station), &Condvar::new());
    let ridden: usize = thread::scope(|scope| {
        scope.spawn(|| car(station, changed));
        let passenger = |_| scope.spawn(|| passenger(station, changed));
        let passengers: Vec<_> = (0..PASSENGERS).map(passenger).collect();
        passengers.into_iter().map(|p| p.join().unwrap()).sum()
    });
    let rides = station.lock().unwrap().rides;
    format!(
        "the car went {rides} times, with {} passengers each time\n\
         {PASSENGERS} passengers had {ridden} tickets\n",
        ridden / rides
    )
}
