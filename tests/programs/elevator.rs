//! An elevator: passengers wait at the floors until it stops there and has room, and get
//! off where they want. It goes up and down, as long as somebody wants to ride.

use super::{sync, thread};
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
20 passengers have arrived at [4, 4, 4, 4, 4] on the floors
the elevator stands still and is empty
";

const FLOORS: usize = 5;
const ROOM: usize = 3;
const PASSENGERS: usize = 20;

#[derive(Default)]
struct Elevator {
    floor: usize,
    on_board: usize,
    arrived: [usize; FLOORS],
}

fn passenger(own: usize, elevator: &Mutex<Elevator>, moved: &Condvar) {
    let (from, to) = (own % FLOORS, (own + 1 + own / FLOORS) % FLOORS);
    let waits = |elevator: &mut Elevator| elevator.floor != from || elevator.on_board == ROOM;
    let mut car = moved.wait_while(elevator.lock().unwrap(), waits).unwrap();
    car.on_board += 1;
    let rides = |elevator: &mut Elevator| elevator.floor != to;
    let mut car = moved.wait_while(car, rides).unwrap();
    car.on_board -= 1;
    car.arrived[to] += 1;
    moved.notify_all(); // there is room
}

fn run_elevator(elevator: &Mutex<Elevator>, moved: &Condvar) {
    let up_and_down = (0..FLOORS).chain((1..FLOORS - 1).rev());
    for floor in up_and_down.cycle() {
        let mut car = elevator.lock().unwrap();
        assert!(car.on_board <= ROOM);
        if car.arrived.iter().sum::<usize>() == PASSENGERS {
            return;
        }
        car.floor = floor;
        moved.notify_all();
        drop(car);
        thread::yield_now(); // the doors are open
    }
}

pub(crate) fn run() -> String {
    let (elevator, moved) = (&Mutex::new(Elevator::default()), &Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| run_elevator(elevator, moved));
        for own in 0..PASSENGERS {
            scope.spawn(move || passenger(own, elevator, moved));
        }
    });
    let car = elevator.lock().unwrap();
    assert_eq!(car.on_board, 0);
    format!(
        "{} passengers have arrived at {:?} on the floors\n\
         the elevator stands still and is empty\n",
        car.arrived.iter().sum::<usize>(),
        car.arrived
    )
}
