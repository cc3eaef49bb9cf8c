//! A service whose monitor finds what a busy worker does to the tasks behind it, and
//! says where the one that waited was spawned.

use std::sync::mpsc::channel;
use std::time::Duration;
use std::{io, thread};
use virid::monitor::SpawnMonitor;
use virid::{Builder, spawn};

const SLOW: Duration = Duration::from_millis(20);

/// A request, which spawns two tasks of its own.
async fn answer(request: u64) -> u64 {
    let (a, b) = (spawn(async move { request }), spawn(async { 1 }));
    a.await.unwrap() + b.await.unwrap()
}

fn main() -> io::Result<()> {
    let runtime = Builder::new().worker_threads(1).build()?;
    let (slow, told) = channel();
    let monitor = SpawnMonitor::builder()
        .sampling(1)
        .slow_threshold(SLOW)
        .on_slow(move |place, waited| slow.send((place.line(), waited)).unwrap())
        .attach(&runtime);

    for request in 0..1_000 {
        let answer = runtime.spawn(answer(request)).join().unwrap();
        assert_eq!(answer, request + 1);
    }
    println!("healthy: {}", monitor.stats());
    assert_eq!((monitor.stats().count, monitor.samples()), (1_000, 3_000));

    // A task that keeps its worker, the only one, and a request behind it.
    let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
    let busy = runtime.spawn(async move {
        inside.send(()).unwrap();
        released.recv().unwrap();
    });
    is_inside.recv().unwrap();
    let line = line!() + 1;
    let behind = runtime.spawn(answer(1));
    thread::sleep(2 * SLOW);
    release.send(()).unwrap();
    assert_eq!(behind.join().unwrap(), 2);
    busy.join().unwrap();
    println!("sick:    {}", monitor.stats());

    let waited = told.iter().find(|slow| slow.0 == line).unwrap().1;
    println!("the task of line {line} has waited for {waited:?}; what a collector gets:");
    assert!(waited >= 2 * SLOW && monitor.slow_samples() >= 1);
    let text = monitor.prometheus();
    let waits = text.lines().filter(|line| line.contains("spawn_wait_s"));
    waits.for_each(|line| println!("  {line}"));
    Ok(())
}
