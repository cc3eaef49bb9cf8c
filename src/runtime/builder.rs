//! The settings of a runtime, and its start.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use core_affinity::CoreId;

use super::handle::Handle;
use super::owner::Runtime;
use crate::context;
use crate::forked;
use crate::scheduler::blocking::Settings;
use crate::scheduler::queue::Queue;
use crate::scheduler::shared::Shared;
use crate::scheduler::spawn;
use crate::scheduler::worker::Worker;
use crate::thread::runner::Runners;
#[cfg(not(virid_loom))]
use crate::thread::stack;
use crate::unwind;

type Hook = Arc<dyn Fn() + Send + Sync>;

impl Runtime {
    /// A runtime with a worker for every core that this process may use, or as
    /// many as the environment variable `VIRID_WORKERS` says.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.spawn(async { 1 + 1 }).join().unwrap(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the operating system refuses a thread (those that were started have
    /// ended by then), or `VIRID_WORKERS` is no number of workers.
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }

    /// Same as [`Builder::new`].
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

/// Settings for a [`Runtime`].
///
/// ```
/// let runtime = virid::Builder::new()
///     .worker_threads(2)
///     .thread_name("solver")
///     .pin_workers(true)
///     .build()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a Builder does nothing until `build` is called"]
pub struct Builder {
    pub(super) worker_threads: Option<usize>,
    pin_workers: bool,
    pub(super) thread_name: String,
    pub(super) thread_stack_size: Option<usize>,
    pub(super) stack_size: Option<usize>,
    spawn_yields: bool,
    pub(super) prewarm: (usize, usize),
    pub(super) max_blocking_threads: usize,
    thread_keep_alive: Duration,
    on_thread_start: Option<Hook>,
    on_thread_stop: Option<Hook>,
}

impl Builder {
    /// The settings of [`Runtime::new`].
    ///
    /// ```
    /// let runtime = virid::Builder::new().build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            worker_threads: None,
            pin_workers: false,
            thread_name: String::from("virid-worker"),
            thread_stack_size: None,
            stack_size: None,
            spawn_yields: true,
            prewarm: (0, 0),
            max_blocking_threads: 512,
            thread_keep_alive: Duration::from_secs(10),
            on_thread_start: None,
            on_thread_stop: None,
        }
    }

    /// How many worker threads run tasks. Default: one for every core that the
    /// process may use, as [`std::thread::available_parallelism`] counts them
    /// (it respects CPU affinity and cgroup quotas). The environment variable
    /// `VIRID_WORKERS`, unless empty, overrides the default, and is not asked
    /// where this is set.
    ///
    /// ```
    /// let runtime = virid::Builder::new().worker_threads(3).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn worker_threads(mut self, workers: usize) -> Self {
        self.worker_threads = Some(workers);
        self
    }

    /// Whether each worker is bound to one core. Worker `i` gets the `i`-th of
    /// the cores that this process may use, beginning anew after the last.
    /// Default: no. Where the operating system refuses, the worker runs
    /// unbound.
    ///
    /// ```
    /// let runtime = virid::Builder::new().pin_workers(true).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pin_workers(mut self, pin: bool) -> Self {
        self.pin_workers = pin;
        self
    }

    /// What the worker threads are called: this name, a dash, and the worker's
    /// number. Threads for what blocks have `-blocking-` in between. Default:
    /// `virid-worker`. Linux shows the first 15 bytes.
    ///
    /// ```
    /// let runtime = virid::Builder::new().thread_name("io").worker_threads(1).build()?;
    /// let name = runtime.spawn(async { std::thread::current().name().map(str::to_owned) });
    /// assert_eq!(name.join().unwrap().as_deref(), Some("io-0"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// How large the stacks of the worker threads are, in bytes, and of those for what
    /// blocks. Async tasks are polled on them. Default: what [`std::thread`] gives, 2 MiB
    /// unless `RUST_MIN_STACK` says otherwise; the operating system rounds up.
    ///
    /// ```
    /// let runtime = virid::Builder::new().thread_stack_size(8 << 20).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.thread_stack_size = Some(bytes);
        self
    }

    /// The size of the stacks of green threads in bytes, rounded up to a power of
    /// two of at least 32 KiB. Default: 128 KiB. It is address space: a thread
    /// that waits takes the pages that it has used, one at least.
    ///
    /// ```
    /// let runtime = virid::Builder::new().stack_size(1 << 20).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Whether a green thread that spawns lets others run first, once over a
    /// thousand tasks wait in its worker's queue. Default: yes, because memory
    /// stays small then, however many it spawns. Not, for programs that hold a
    /// lock of `std::sync` while they spawn.
    ///
    /// ```
    /// let runtime = virid::Builder::new().spawn_yields(false).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn_yields(mut self, yields: bool) -> Self {
        self.spawn_yields = yields;
        self
    }

    /// Makes memory for so many tasks and stacks for so many green threads when
    /// the runtime starts, so that the first ones do not wait for it: cells of 64
    /// bytes, made by `build`, and stacks, of which each worker makes its part as
    /// it starts, 64 at most, and keeps 4 when it parks. Default: none.
    ///
    /// ```
    /// let runtime = virid::Builder::new().prewarm(10_000, 32).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn prewarm(mut self, tasks: usize, stacks: usize) -> Self {
        self.prewarm = (tasks, stacks);
        self
    }

    /// How many threads [`spawn_blocking`](crate::task::spawn_blocking) and
    /// [`thread::blocking`](crate::thread::blocking) may have at a time, besides the
    /// workers. Each starts when something is to run and no other is idle; what comes
    /// when all are busy waits. Default: 512.
    ///
    /// ```
    /// let runtime = virid::Builder::new().max_blocking_threads(4).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.max_blocking_threads = threads;
        self
    }

    /// How long such a thread waits for something to run before it ends. Default: 10
    /// seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = virid::Builder::new().thread_keep_alive(Duration::from_secs(60)).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_keep_alive(mut self, time: Duration) -> Self {
        self.thread_keep_alive = time;
        self
    }

    /// What each worker thread does before its first task, inside the runtime.
    /// It may spawn, and not wait for tasks: `block_on` and `join` panic in it. A
    /// panic of `f` is reported by the panic hook and otherwise ignored.
    ///
    /// ```
    /// let runtime = virid::Builder::new()
    ///     .on_thread_start(|| println!("a worker begins"))
    ///     .build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_thread_start(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(f));
        self
    }

    /// What each worker thread does after its last task. Panics as in
    /// [`on_thread_start`](Self::on_thread_start).
    ///
    /// ```
    /// let runtime = virid::Builder::new()
    ///     .on_thread_stop(|| println!("a worker ends"))
    ///     .build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_thread_stop(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_stop = Some(Arc::new(f));
        self
    }

    /// Starts the workers.
    ///
    /// ```
    /// let nobody = virid::Builder::new().worker_threads(0).build();
    /// assert_eq!(nobody.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for zero workers or more
    /// than 4,096, for zero blocking threads, for a stack above 1 TiB, for a thread name
    /// with a NUL byte, and for a `VIRID_WORKERS` that is no such number; else what the
    /// operating system says when it refuses a thread. No thread is left behind.
    /// [`Unsupported`](io::ErrorKind::Unsupported) in a process that was forked from one in
    /// which a runtime had been built; see [`Runtime`].
    pub fn build(self) -> io::Result<Runtime> {
        let workers = self.workers()?;
        self.check()?;
        if forked::is_forked() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, forked::MESSAGE));
        }
        forked::prepare();
        let cores = if self.pin_workers {
            core_affinity::get_core_ids().unwrap_or_default()
        } else {
            Vec::new()
        };
        let queues: Vec<_> = (0..workers).map(|_| Queue::new()).collect();
        let blocking = Settings {
            most: self.max_blocking_threads,
            keep_alive: self.thread_keep_alive,
            thread_name: self.thread_name.clone(),
            thread_stack_size: self.thread_stack_size,
        };
        let shared = spawn::prepare(&queues, blocking);
        shared.cells().prewarm(self.prewarm.0);
        let mut runtime = Runtime {
            handle: Handle {
                shared: Arc::clone(&shared),
            },
            threads: Vec::with_capacity(workers),
        };
        for (index, queue) in queues.into_iter().enumerate() {
            let core = cores.get(index % cores.len().max(1)).copied();
            match self.start(&shared, index, queue, core) {
                Ok(thread) => runtime.threads.push(thread),
                Err(error) => {
                    // Dropping the runtime ends the workers that did start.
                    shared.leave(workers - index);
                    shared.threads_ended(workers - index);
                    return Err(error);
                }
            }
        }
        Ok(runtime)
    }

    #[cfg(not(virid_loom))]
    fn runners(&self, worker: usize) -> Runners {
        let bytes = self.stack_size.unwrap_or(stack::DEFAULT);
        let size = stack::Size::of(bytes).expect("the size was checked");
        Runners::new(worker, size, self.spawn_yields)
    }

    #[cfg(virid_loom)]
    fn runners(&self, _: usize) -> Runners {
        Runners
    }

    fn start(
        &self,
        shared: &Arc<Shared>,
        index: usize,
        queue: Queue,
        core: Option<CoreId>,
    ) -> io::Result<thread::JoinHandle<()>> {
        let shared = Arc::clone(shared);
        let stacks = self.prewarm.1.div_ceil(shared.workers());
        let settings = self.clone();
        let (on_start, on_stop) = (self.on_thread_start.clone(), self.on_thread_stop.clone());
        let body = move || {
            if let Some(core) = core {
                core_affinity::set_for_current(core);
            }
            {
                let runtime = Arc::as_ptr(&shared).cast();
                context::set_home(runtime);
                // The hooks are inside the runtime, as the tasks are.
                let _entered = context::enter_runtime(runtime);
                call(on_start);
                let runners = settings.runners(index);
                runners.prewarm(stacks);
                Worker::new(Arc::clone(&shared), index, queue, runners).run();
                call(on_stop);
            }
            shared.threads_ended(1);
        };
        let mut builder = thread::Builder::new().name(format!("{}-{index}", self.thread_name));
        if let Some(bytes) = self.thread_stack_size {
            builder = builder.stack_size(bytes);
        }
        builder.spawn(body)
    }
}

fn call(hook: Option<Hook>) {
    let _mark = context::forbid_blocking();
    unwind::contain(|| {
        if let Some(hook) = hook {
            hook();
        }
    });
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("worker_threads", &self.worker_threads)
            .field("pin_workers", &self.pin_workers)
            .field("thread_name", &self.thread_name)
            .field("thread_stack_size", &self.thread_stack_size)
            .field("stack_size", &self.stack_size)
            .field("spawn_yields", &self.spawn_yields)
            .field("prewarm", &self.prewarm)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_keep_alive", &self.thread_keep_alive)
            .field("on_thread_start", &self.on_thread_start.is_some())
            .field("on_thread_stop", &self.on_thread_stop.is_some())
            .finish()
    }
}
