//! Proves the table in `virid::thread` of what std's own means do on a green thread:
//! waits that keep the worker, and locks that stay locked.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/gate.rs"]
mod gate;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/together.rs"]
mod together;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use rest::rest;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use support::guard;
use together::{STEP, step, together};
use virid::thread;
use workers::workers;

type Call = Box<dyn FnOnce() + Send>;

/// A thread of the system that is inside `hold` until the call is made.
fn held(hold: impl FnOnce(&Sender<()>, &Receiver<()>) + Send + 'static) -> Call {
    let ((inside, is_inside), (release, released)) = (channel(), channel());
    std::thread::spawn(move || hold(&inside, &released));
    is_inside.recv().unwrap();
    Box::new(move || release.send(()).unwrap())
}

/// A wait by means of std, or of another runtime, and what ends it.
fn foreign_waits() -> Vec<(&'static str, Call, Call)> {
    let mut all = locks();
    all.extend(meetings());
    all.extend(loops());
    all.extend(system_calls());
    all
}

fn locks() -> Vec<(&'static str, Call, Call)> {
    static MUTEX: Mutex<()> = Mutex::new(());
    static RW_LOCK: RwLock<()> = RwLock::new(());
    static ONCE: Once = Once::new();
    let stay = |inside: &Sender<()>, release: &Receiver<()>| {
        inside.send(()).unwrap();
        release.recv().unwrap();
    };
    let mutex = held(move |inside, release| {
        let _guard = MUTEX.lock().unwrap();
        stay(inside, release);
    });
    let rw_lock = held(move |inside, release| {
        let _guard = RW_LOCK.write().unwrap();
        stay(inside, release);
    });
    let once = held(move |inside, release| ONCE.call_once(|| stay(inside, release)));
    vec![
        ("Mutex", Box::new(|| drop(MUTEX.lock().unwrap())), mutex),
        (
            "RwLock",
            Box::new(|| drop(RW_LOCK.read().unwrap())),
            rw_lock,
        ),
        ("Once", Box::new(|| ONCE.call_once(|| ())), once),
    ]
}

fn meetings() -> Vec<(&'static str, Call, Call)> {
    static GO: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    let barrier = Arc::new(Barrier::new(2));
    let meets = barrier.clone();
    let (sends, receives) = channel();
    let (filled, drained) = sync_channel(0);
    let (thread, told) = channel::<std::thread::Thread>();
    let unparked = Arc::<AtomicBool>::default();
    let unparks = unparked.clone();
    let (ends, ended) = channel();
    let joined = std::thread::spawn(move || ended.recv().unwrap());
    let (ends_scoped, ended_scoped) = channel();
    let (gate, opened) = (Gate::default(), Gate::default());
    let passed = opened.clone().pass();
    drop(gate);
    vec![
        (
            "Condvar",
            Box::new(|| drop(GO.1.wait_while(GO.0.lock().unwrap(), |go| !*go))),
            Box::new(|| {
                *GO.0.lock().unwrap() = true;
                GO.1.notify_all();
            }),
        ),
        (
            "Barrier",
            Box::new(move || _ = barrier.wait()),
            Box::new(move || _ = meets.wait()),
        ),
        (
            "recv",
            Box::new(move || receives.recv().unwrap()),
            Box::new(move || sends.send(()).unwrap()),
        ),
        (
            "send",
            Box::new(move || filled.send(()).unwrap()),
            Box::new(move || drained.recv().unwrap()),
        ),
        (
            "std::thread::park",
            Box::new(move || {
                thread.send(std::thread::current()).unwrap();
                while !unparked.load(Ordering::SeqCst) {
                    std::thread::park();
                }
            }),
            Box::new(move || {
                unparks.store(true, Ordering::SeqCst);
                told.recv().unwrap().unpark();
            }),
        ),
        (
            "std's join",
            Box::new(move || joined.join().unwrap()),
            Box::new(move || ends.send(()).unwrap()),
        ),
        (
            "std::thread::scope",
            Box::new(move || {
                std::thread::scope(|scope| _ = scope.spawn(move || ended_scoped.recv().unwrap()));
            }),
            Box::new(move || ends_scoped.send(()).unwrap()),
        ),
        (
            "block_on of another crate",
            Box::new(move || futures_lite::future::block_on(passed)),
            Box::new(move || opened.open()),
        ),
    ]
}

fn loops() -> Vec<(&'static str, Call, Call)> {
    static IS_SET: AtomicBool = AtomicBool::new(false);
    static LOCK: Mutex<()> = Mutex::new(());
    let locked = held(|inside, release| {
        let _guard = LOCK.lock().unwrap();
        inside.send(()).unwrap();
        release.recv().unwrap();
    });
    vec![
        (
            "a loop that looks at an atomic",
            Box::new(|| {
                while !IS_SET.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
            }),
            Box::new(|| IS_SET.store(true, Ordering::SeqCst)),
        ),
        (
            "a loop of try_lock",
            Box::new(|| while LOCK.try_lock().is_err() {}),
            locked,
        ),
    ]
}

fn system_calls() -> Vec<(&'static str, Call, Call)> {
    let (mut reader, mut writer) = io::pipe().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut near = TcpStream::connect(address).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    vec![
        (
            "a read of a file, as of stdin",
            Box::new(move || reader.read_exact(&mut [0]).unwrap()),
            Box::new(move || writer.write_all(&[1]).unwrap()),
        ),
        (
            "a read of std::net",
            Box::new(move || near.read_exact(&mut [0]).unwrap()),
            Box::new(move || far.write_all(&[1]).unwrap()),
        ),
        (
            "accept",
            Box::new(move || _ = listener.accept().unwrap()),
            Box::new(move || _ = TcpStream::connect(address).unwrap()),
        ),
    ]
}

#[test]
fn a_wait_that_is_not_virids_keeps_the_worker() {
    guard(|| {
        let runtime = workers(1);
        for (name, wait, release) in foreign_waits() {
            let (inside, is_inside) = channel();
            let has_run = Arc::<AtomicBool>::default();
            let seen = has_run.clone();
            let waits = runtime.go(move || {
                inside.send(()).unwrap();
                wait();
                seen.load(Ordering::SeqCst)
            });
            is_inside.recv().unwrap();
            let other = runtime.go(move || has_run.store(true, Ordering::SeqCst));
            release();
            assert!(!waits.join().unwrap(), "{name} let another run");
            other.join().unwrap();
        }
        // As it is where the wait is virid's.
        let gate = Gate::default();
        let passed = gate.clone().pass();
        let waits = [
            runtime.go(thread::park),
            runtime.go(move || virid::block_on(passed)),
        ];
        rest(&runtime);
        runtime.go(|| ()).join().unwrap();
        waits[0].thread().unpark();
        gate.open();
        waits.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_lock_of_std_stays_locked_while_its_holder_waits() {
    static LOCK: Mutex<()> = Mutex::new(());
    together(
        || {
            let _guard = LOCK.lock().unwrap();
            STEP.set(1);
            step(2);
        },
        || {
            step(1);
            // `lock` would stop the worker that the holder needs.
            assert!(LOCK.try_lock().is_err());
            STEP.set(2);
        },
    );
}

#[test]
fn a_lock_of_std_is_seen_locked_from_where_many_are_spawned_under_it() {
    static LOCK: Mutex<()> = Mutex::new(());
    static LOCKED: AtomicUsize = AtomicUsize::new(0);
    for (threads, deadlocks) in [(100, false), (1_500, true)] {
        LOCKED.store(0, Ordering::SeqCst);
        guard(move || {
            workers(1).run(move || {
                let guard = LOCK.lock().unwrap();
                let child = |_| {
                    thread::spawn(|| {
                        LOCKED.fetch_add(usize::from(LOCK.try_lock().is_err()), Ordering::SeqCst);
                    })
                };
                let threads: Vec<_> = (0..threads).map(child).collect();
                drop(guard);
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
                assert_eq!(LOCKED.load(Ordering::SeqCst) > 0, deadlocks);
            });
        });
    }
}
