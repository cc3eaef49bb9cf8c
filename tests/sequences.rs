//! Compares random sequences of calls with a simple model of what they promise, after each
//! call: what has ended and how, what was dropped, what a handle says. What once failed is
//! kept in `tests/sequences.regressions` and comes first; `VIRID_SEQUENCES` is how many
//! come after it.

#![cfg(all(not(virid_loom), feature = "sync"))]

#[path = "support/drops.rs"]
mod drops;
#[path = "sequences/model.rs"]
mod model;
mod support;

use drops::{Drops, Token};
use model::{End, GATES, KEYS, Model, Script, Step};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::guard;
use virid::metrics::WorkerMetrics;
use virid::sync::{Notify, Semaphore};
use virid::task::{self, JoinError, Keyed};
use virid::{Builder, Handle, Runtime, thread};

#[derive(Clone, Debug)]
enum Call {
    Spawn(Script),
    Notify(usize),
    AddPermit,
    /// Of a life, by a number that is taken modulo how many there are.
    Cancel(usize),
    Detach(usize),
    Join(usize),
    Unpark(usize),
    Trim,
}

fn scripts() -> impl Strategy<Value = Script> {
    let step = prop_oneof![
        1 => Just(Step::Yield),
        3 => (0..GATES).prop_map(Step::Gate),
        2 => Just(Step::Permit),
        2 => Just(Step::Park),
    ];
    let key = proptest::option::weighted(0.3, 0..KEYS);
    let steps = proptest::collection::vec(step, 0..4);
    let panics = proptest::bool::weighted(0.1);
    (any::<bool>(), key, any::<bool>(), steps, panics).prop_map(
        |(is_thread, key, inside, steps, panics)| Script {
            is_thread,
            key,
            inside,
            steps,
            panics,
        },
    )
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        8 => scripts().prop_map(Call::Spawn),
        6 => (0..GATES).prop_map(Call::Notify),
        1 => Just(Call::AddPermit),
        3 => any::<usize>().prop_map(Call::Cancel),
        1 => any::<usize>().prop_map(Call::Detach),
        3 => any::<usize>().prop_map(Call::Join),
        4 => any::<usize>().prop_map(Call::Unpark),
        1 => Just(Call::Trim),
    ];
    proptest::collection::vec(call, 1..60)
}

/// What the lives share.
struct World {
    gates: [Notify; GATES],
    permits: Arc<Semaphore>,
    keyed: Keyed<usize>,
    futures: Drops,
    outputs: Drops,
}

type Output = (usize, Token);

enum Held {
    Task(task::JoinHandle<Output>),
    Thread(thread::JoinHandle<Output>),
}

impl Held {
    fn cancel(&self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Thread(thread) => thread.cancel(),
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Task(task) => task.is_finished(),
            Self::Thread(thread) => thread.is_finished(),
        }
    }

    /// How it ended, and whose it says it is.
    fn join(self) -> (End, Option<usize>) {
        let of_payload = |payload: Box<dyn Any + Send>| match payload.downcast::<Output>() {
            Ok(output) => (End::Panic, Some(output.0)),
            Err(payload) => {
                assert!(payload.is::<JoinError>(), "a stranger's panic");
                (End::Cancelled, None)
            }
        };
        match self {
            Self::Task(task) => match task.join() {
                Ok((number, _)) => (End::Output, Some(number)),
                Err(error) if error.is_cancelled() => (End::Cancelled, None),
                Err(error) => of_payload(error.into_panic()),
            },
            Self::Thread(thread) => match thread.join() {
                Ok((number, _)) => (End::Output, Some(number)),
                Err(payload) => of_payload(payload),
            },
        }
    }
}

/// A life and the future's or closure's own token.
struct Real {
    world: Arc<World>,
    script: Script,
    number: usize,
    _token: Token,
}

impl Real {
    async fn task(self) -> Output {
        let mut permit = None;
        for &step in &self.script.steps {
            match step {
                Step::Gate(gate) => self.world.gates[gate].notified().await,
                Step::Permit if self.script.key.is_none() && permit.is_none() => {
                    permit = Some(self.world.permits.clone().acquire_owned().await);
                }
                _ => task::yield_now().await,
            }
        }
        self.end()
    }

    fn thread(self) -> Output {
        let mut permit = None;
        for &step in &self.script.steps {
            match step {
                Step::Gate(gate) => self.world.gates[gate].blocking_notified(),
                Step::Permit if self.script.key.is_none() && permit.is_none() => {
                    permit = Some(self.world.permits.blocking_acquire());
                }
                Step::Park => thread::park(),
                _ => thread::yield_now(),
            }
        }
        drop(permit);
        self.end()
    }

    fn end(self) -> Output {
        let output = (self.number, self.world.outputs.token());
        if self.script.panics {
            resume_unwind(Box::new(output));
        }
        output
    }

    fn spawn(self, handle: &Handle) -> Held {
        let _entered = handle.enter();
        let world = self.world.clone();
        match (self.script.key, self.script.is_thread) {
            (None, false) => Held::Task(task::spawn(self.task())),
            (None, true) => Held::Thread(thread::spawn(move || self.thread())),
            (Some(key), false) => Held::Task(world.keyed.spawn(key, self.task())),
            (Some(key), true) => Held::Thread(world.keyed.go(key, move || self.thread())),
        }
    }
}

/// Until all that could run has run.
fn settle(runtime: &Runtime) {
    let start = Instant::now();
    let is_parked = |worker: &WorkerMetrics| worker.parked() == worker.unparked() + 1;
    loop {
        let metrics = runtime.metrics();
        let unparked: u64 = metrics.workers().iter().map(WorkerMetrics::unparked).sum();
        let is_at_rest = metrics.workers().iter().all(is_parked) && metrics.signals() == unparked;
        if is_at_rest && runtime.metrics() == metrics {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "no rest: {metrics:?}"
        );
        std::thread::yield_now();
    }
}

/// A runtime, the model, and what the test holds of both.
struct Play {
    runtime: Option<Runtime>,
    world: Arc<World>,
    model: Model,
    held: Vec<Option<Held>>,
    threads: Vec<Option<thread::Thread>>,
}

impl Play {
    fn new(workers: usize) -> Self {
        let runtime = Builder::new().worker_threads(workers).build().unwrap();
        let world = World {
            gates: Default::default(),
            permits: Arc::new(Semaphore::new(1)),
            keyed: Keyed::new(),
            futures: Drops::default(),
            outputs: Drops::default(),
        };
        Self {
            runtime: Some(runtime),
            world: Arc::new(world),
            model: Model::new(1),
            held: Vec::new(),
            threads: Vec::new(),
        }
    }

    fn spawn(&mut self, script: Script) {
        let runtime = self.runtime.as_ref().unwrap();
        let real = Real {
            world: self.world.clone(),
            script: script.clone(),
            number: self.held.len(),
            _token: self.world.futures.token(),
        };
        let handle = runtime.handle().clone();
        let held = if script.inside {
            runtime
                .spawn(async move { real.spawn(&handle) })
                .join()
                .unwrap()
        } else {
            real.spawn(&handle)
        };
        self.threads.push(match &held {
            Held::Thread(thread) => Some(thread.thread().clone()),
            Held::Task(_) => None,
        });
        self.held.push(Some(held));
        self.model.spawn(script);
    }

    fn join(&mut self, life: usize) {
        let Some(end) = self.model.end_of(life) else {
            return;
        };
        if let Some(held) = self.held[life].take() {
            let number = (end != End::Cancelled).then_some(life);
            assert_eq!(held.join(), (end, number), "life {life}");
        }
    }

    fn call(&mut self, call: Call) {
        let count = self.held.len();
        match call {
            Call::Spawn(script) => self.spawn(script),
            Call::Notify(gate) => {
                self.world.gates[gate].notify_one();
                self.model.notify(gate);
            }
            Call::AddPermit => {
                self.world.permits.add_permits(1);
                self.model.add_permit();
            }
            Call::Trim => drop(self.runtime.as_ref().unwrap().trim()),
            _ if count == 0 => {}
            Call::Cancel(life) => {
                if let Some(held) = &self.held[life % count] {
                    held.cancel();
                    self.model.cancel(life % count);
                }
            }
            Call::Detach(life) => drop(self.held[life % count].take()),
            Call::Join(life) => self.join(life % count),
            Call::Unpark(life) => {
                if let Some(thread) = &self.threads[life % count] {
                    thread.unpark();
                    self.model.unpark(life % count);
                }
            }
        }
    }

    /// The runtime is as the model says.
    fn compare(&self) {
        for (life, held) in self.held.iter().enumerate() {
            if let Some(held) = held {
                let ended = self.model.end_of(life).is_some();
                assert_eq!(held.is_finished(), ended, "life {life}");
            }
        }
        assert_eq!(self.world.futures.count(), self.model.ended(), "futures");
        let has_output = |life: &usize| {
            let end = self.model.end_of(*life);
            self.held[*life].is_none() && matches!(end, Some(End::Output | End::Panic))
        };
        let outputs = (0..self.held.len()).filter(has_output).count();
        assert_eq!(self.world.outputs.count(), outputs, "outputs");
    }

    fn end(mut self) {
        drop(self.runtime.take());
        self.model.close();
        self.compare();
        for life in 0..self.held.len() {
            self.join(life);
        }
        self.compare();
    }
}

fn play(workers: usize, calls: Vec<Call>) {
    let mut play = Play::new(workers);
    for call in calls {
        play.call(call);
        settle(play.runtime.as_ref().unwrap());
        play.compare();
    }
    play.end();
}

#[test]
fn a_runtime_does_what_a_simple_one_does() {
    guard(|| {
        let count = std::env::var("VIRID_SEQUENCES");
        let kept = FileFailurePersistence::Direct("tests/sequences.regressions");
        let config = Config {
            cases: count.map_or(2_000, |count| count.parse().unwrap()),
            failure_persistence: Some(Box::new(kept)),
            ..Config::default()
        };
        let sequences = (1..4usize, calls());
        let result = TestRunner::new(config).run(&sequences, |(workers, calls)| {
            play(workers, calls);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    });
}
