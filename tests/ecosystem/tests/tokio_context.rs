//! Crates that need Tokio's sockets and timers, on virid, with a Tokio runtime beside it.

#[path = "support/callers.rs"]
mod callers;
mod support;
#[path = "support/web.rs"]
mod web;

use std::future::pending;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::current;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::{LocalSet, block_in_place, spawn_blocking, spawn_local};
use tokio::time::{sleep, timeout};
use virid::adapters::tokio::{enter_thread, handle, with_context};
use virid::{block_on, thread};

use callers::in_task_and_on_green_thread;
use support::{guard, two_workers};

const CLIENTS: usize = 30;
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn thread_name() -> String {
    current().name().unwrap_or_default().to_owned()
}

fn has_context() -> bool {
    Handle::try_current().is_ok()
}

async fn ask(address: SocketAddr, client: u8) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (message, mut answer) = (vec![client; 3_000], vec![0; 3_000]);
    for _ in 0..10 {
        stream.write_all(&message).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, message);
    }
}

#[test]
fn sockets() {
    in_task_and_on_green_thread(|| {
        with_context(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| virid::spawn(with_context(ask(address, client as u8))))
                .collect();
            for _ in 0..CLIENTS {
                let (mut stream, _) = listener.accept().await.unwrap();
                virid::spawn(with_context(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.unwrap();
                }));
            }
            for client in clients {
                client.await.unwrap();
            }
        })
    });
}

#[test]
fn sockets_in_straight_line_code() {
    guard(|| {
        two_workers().run(|| {
            let listener = block_on(with_context(TcpListener::bind("127.0.0.1:0"))).unwrap();
            let address = listener.local_addr().unwrap();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    thread::spawn(move || {
                        let connect = with_context(TcpStream::connect(address));
                        let mut stream = block_on(connect).unwrap();
                        let (message, mut answer) = ([client as u8; 100], [0; 100]);
                        for _ in 0..10 {
                            // A socket that exists has its context.
                            block_on(stream.write_all(&message)).unwrap();
                            block_on(stream.read_exact(&mut answer)).unwrap();
                            assert_eq!(answer, message);
                        }
                    })
                })
                .collect();
            let accept = || block_on(with_context(listener.accept())).unwrap().0;
            let echoes: Vec<_> = (0..CLIENTS)
                .map(|_| accept())
                .map(|mut stream| {
                    thread::spawn(move || {
                        let mut buffer = [0; 64];
                        while let len @ 1.. = block_on(stream.read(&mut buffer)).unwrap() {
                            block_on(stream.write_all(&buffer[..len])).unwrap();
                        }
                    })
                })
                .collect();
            for thread in clients.into_iter().chain(echoes) {
                thread.join().unwrap();
            }
        });
    });
}

#[test]
fn timers() {
    in_task_and_on_green_thread(|| {
        with_context(async {
            sleep(MILLISECOND).await;
            assert!(timeout(MILLISECOND, pending::<()>()).await.is_err());
            assert_eq!(timeout(HOUR, async { 1 }).await.unwrap(), 1);
            let mut ticks = tokio::time::interval(MILLISECOND);
            for _ in 0..3 {
                ticks.tick().await;
            }
            tokio::select! {
                () = sleep(HOUR) => panic!("an hour has passed"),
                () = sleep(MILLISECOND) => {}
            }
        })
    });
}

#[test]
fn reqwest_asks_a_server_on_virid() {
    in_task_and_on_green_thread(|| async {
        let address = web::listen().await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let tasks: Vec<_> = (0..20u64)
            .map(|n| {
                let client = client.clone();
                virid::spawn(with_context(async move {
                    for n in n..n + 5 {
                        let url = format!("http://{address}/square/{n}");
                        let answer = client.get(url).send().await.unwrap();
                        assert_eq!(answer.text().await.unwrap(), (n * n).to_string());
                    }
                    let echo = client.post(format!("http://{address}/echo")).body("back");
                    echo.send().await.unwrap().text().await.unwrap()
                }))
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), "back");
        }
        let hurried = with_context(async {
            let request = client.get(format!("http://{address}/slow"));
            request.timeout(Duration::from_nanos(1)).send().await
        });
        assert!(hurried.await.unwrap_err().is_timeout());
    });
}

#[test]
fn files_processes_and_blocking_closures() {
    in_task_and_on_green_thread(|| {
        with_context(async {
            let text = tokio::fs::read_to_string("Cargo.toml").await.unwrap();
            assert!(text.contains("name = \"ecosystem\""));
            let mut child = tokio::process::Command::new("cat");
            child.stdin(Stdio::null()).stdout(Stdio::piped());
            assert!(child.output().await.unwrap().status.success());
            let name = spawn_blocking(thread_name).await.unwrap();
            assert_eq!(name, "virid-tokio");
        })
    });
}

#[test]
fn what_tokio_spawns_runs_on_its_thread_and_outlives_its_spawner() {
    in_task_and_on_green_thread(|| async {
        let (go, wait) = tokio::sync::oneshot::channel();
        let mut spawned = None;
        with_context(async {
            assert!(thread_name().starts_with("virid-worker"));
            spawned = Some(tokio::spawn(async {
                wait.await.unwrap();
                block_in_place(thread_name)
            }));
        })
        .await;
        go.send(()).unwrap();
        assert_eq!(spawned.unwrap().await.unwrap(), "virid-tokio");
        let mut set = tokio::task::JoinSet::new();
        set.spawn_on(async { 5 }, handle());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 5);
    });
}

#[test]
fn block_in_place_is_in_place() {
    in_task_and_on_green_thread(|| {
        with_context(async { assert!(block_in_place(thread_name).starts_with("virid-worker")) })
    });
}

#[test]
fn local_set_on_a_green_thread() {
    guard(|| {
        two_workers().run(|| {
            let set = LocalSet::new();
            let sum = block_on(with_context(set.run_until(async {
                let ten = Rc::new(10);
                let tasks: Vec<_> = (0..10)
                    .map(|n| {
                        let ten = Rc::clone(&ten);
                        spawn_local(async move {
                            sleep(MILLISECOND).await;
                            n * *ten
                        })
                    })
                    .collect();
                let mut sum = 0;
                for task in tasks {
                    sum += task.await.unwrap();
                }
                sum
            })));
            assert_eq!(sum, 450);
        });
    });
}

/// One worker, many green threads and tasks inside and outside, taking turns.
#[test]
fn context_is_in_the_polls_and_nowhere_else() {
    guard(|| {
        let runtime = virid::Runtime::builder().worker_threads(1).build().unwrap();
        runtime.run(|| {
            let threads: Vec<_> = (0..50)
                .map(|n| {
                    thread::spawn(move || {
                        for _ in 0..20 {
                            assert!(!has_context());
                            block_on(with_context(async move {
                                assert!(has_context());
                                match n % 3 {
                                    0 => virid::yield_now().await,
                                    1 => sleep(MILLISECOND / 10).await,
                                    _ => virid::spawn(async { assert!(!has_context()) })
                                        .await
                                        .unwrap(),
                                }
                                assert!(has_context());
                            }));
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
}

/// Reports whether it was dropped in the context.
struct Reports(mpsc::Sender<bool>);

impl Drop for Reports {
    fn drop(&mut self) {
        self.0.send(has_context()).unwrap();
    }
}

async fn waits(reports: mpsc::Sender<bool>, begun: mpsc::Sender<()>) {
    let _reports = Reports(reports);
    begun.send(()).unwrap();
    pending().await
}

#[test]
fn future_is_dropped_in_the_context() {
    guard(|| {
        let runtime = two_workers();
        let (send, dropped) = mpsc::channel();
        // When it is over, though the wrapper lives on.
        let reports = Reports(send.clone());
        let mut over = Box::pin(with_context(async move { drop(reports) }));
        runtime.block_on(&mut over);
        assert!(dropped.recv().unwrap());
        // Aborted while it waits.
        let (begun, has_begun) = mpsc::channel();
        let task = runtime.spawn(with_context(waits(send.clone(), begun.clone())));
        has_begun.recv().unwrap();
        task.abort();
        assert!(dropped.recv().unwrap());
        // Its green thread is cancelled, and unwinds.
        let reports = send.clone();
        let thread = runtime.go(move || block_on(with_context(waits(reports, begun))));
        has_begun.recv().unwrap();
        thread.cancel();
        assert!(thread.join().is_err());
        assert!(dropped.recv().unwrap());
        // It panics.
        let reports = Reports(send);
        let panics = runtime.spawn(with_context(async move {
            let _reports = reports;
            panic!("as it should");
        }));
        assert!(panics.join().unwrap_err().is_panic());
        assert!(dropped.recv().unwrap());
    });
}

#[test]
fn waiting_inside_a_poll_is_refused() {
    guard(|| {
        two_workers().run(|| {
            let waits = || block_on(with_context(async { thread::spawn(|| ()).join().unwrap() }));
            let payload = catch_unwind(AssertUnwindSafe(waits)).unwrap_err();
            let text = payload.downcast_ref::<String>().unwrap();
            assert!(text.contains("inside no_suspend"), "{text}");
            assert!(!has_context());
            // What is meant instead.
            block_on(with_context(async { thread::spawn(|| ()).await.unwrap() }));
        });
    });
}

/// All that a runtime's threads run has the context, without the wrapper.
#[test]
fn threads_that_have_entered() {
    guard(|| {
        let builder = virid::Runtime::builder()
            .worker_threads(2)
            .on_thread_start(enter_thread);
        let runtime = builder.build().unwrap();
        let task = runtime.spawn(async {
            sleep(MILLISECOND).await;
            // And the wrapper does no harm.
            with_context(sleep(MILLISECOND)).await;
        });
        task.join().unwrap();
        runtime.run(|| {
            let address = block_on(web::listen()).unwrap();
            let url = format!("http://{address}/");
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let text = block_on(async { client.get(url).send().await.unwrap().text().await });
            assert_eq!(text.unwrap(), "hello");
            thread::spawn(|| block_on(sleep(MILLISECOND)))
                .join()
                .unwrap();
        });
        assert!(!has_context());
    });
}
