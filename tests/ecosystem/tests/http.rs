//! hyper's servers and clients, an axum `Router` among them.

#[path = "support/callers.rs"]
mod callers;
mod support;
#[path = "support/web.rs"]
mod web;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use async_net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::rt::{Sleep, Timer as _};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use smol_hyper::rt::FuturesIo;
use virid::adapters::hyper::{Executor, Io, Timer};
use virid::{block_on, thread};

use callers::in_task_and_on_green_thread;
use support::{guard, two_workers};

type Body = Full<Bytes>;

/// Path, body of the request, body of the answer.
const ASKED: [(&str, &str, &str); 5] = [
    ("/", "", "hello"),
    ("/square/12", "", "144"),
    ("/slow", "", "slow"),
    ("/green/41", "", "42"),
    ("/echo", "back please", "back please"),
];

fn request(path: &str, body: &'static str) -> Request<Body> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"))
        .header("host", "localhost")
        .body(Full::from(body))
        .unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn connect(address: SocketAddr) -> http1::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http1::handshake(Io::new(stream)).await.unwrap();
    virid::spawn(async move { connection.await.unwrap() });
    sender
}

#[test]
fn axum_answers_clients_of_both_kinds() {
    in_task_and_on_green_thread(|| async {
        let address = web::listen().await.unwrap();
        let mut sender = connect(address).await;
        for _ in 0..20 {
            for (path, body, expected) in ASKED {
                sender.ready().await.unwrap();
                let answer = sender.send_request(request(path, body)).await.unwrap();
                assert_eq!(text(answer).await, expected);
            }
        }
        let missing = sender.send_request(request("/nowhere", "")).await.unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn clients_in_straight_line_code() {
    guard(|| {
        two_workers().run(|| {
            let address = block_on(web::listen()).unwrap();
            let clients: Vec<_> = (0..20u64)
                .map(|client| {
                    thread::spawn(move || {
                        let mut sender = block_on(connect(address));
                        for n in client..client + 20 {
                            let path = format!("/square/{n}");
                            block_on(sender.ready()).unwrap();
                            let answer = block_on(sender.send_request(request(&path, "")));
                            assert_eq!(block_on(text(answer.unwrap())), (n * n).to_string());
                        }
                    })
                })
                .collect();
            for client in clients {
                client.join().unwrap();
            }
        });
    });
}

/// The server of HTTP/2 spawns a task for every stream, its client one for the connection:
/// through the executor. Its pings are timed.
#[test]
fn http2_with_executor_and_timer() {
    in_task_and_on_green_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        virid::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut server = auto::Builder::new(Executor);
            server.http1().timer(Timer);
            let period = Duration::from_millis(1);
            server.http2().timer(Timer).keep_alive_interval(period);
            let service = TowerToHyperService::new(web::router());
            let connection = server.serve_connection(Io::new(stream), service);
            // Ends with the client, in an error or not.
            let _ = connection.await;
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let client = http2::Builder::new(Executor).timer(Timer).clone();
        let (sender, connection) = client.handshake(FuturesIo::new(stream)).await.unwrap();
        virid::spawn(connection);
        let answers: Vec<_> = (0..20)
            .flat_map(|_| ASKED)
            .map(|(path, body, expected)| {
                let mut sender: http2::SendRequest<Body> = sender.clone();
                virid::spawn(async move {
                    let answer = sender.send_request(request(path, body)).await.unwrap();
                    assert_eq!(text(answer).await, expected);
                })
            })
            .collect();
        for answer in answers {
            answer.await.unwrap();
        }
    });
}

#[test]
fn timer_ends_a_request_that_never_comes() {
    in_task_and_on_green_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = virid::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let answer =
                async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(Body::default()));
            server::conn::http1::Builder::new()
                .timer(Timer)
                .header_read_timeout(Duration::from_millis(5))
                .serve_connection(Io::new(stream), service_fn(answer))
                .await
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HT").await.unwrap();
        // The server closes.
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert!(server.await.unwrap().unwrap_err().is_timeout());
    });
}

#[test]
fn timer_resets_its_own_waits_and_replaces_others() {
    struct Never;
    impl Sleep for Never {}
    impl Future for Never {
        type Output = ();
        fn poll(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Self::Output> {
            std::task::Poll::Pending
        }
    }

    in_task_and_on_green_thread(|| async {
        let start = Instant::now();
        let soon = start + Duration::from_millis(2);
        let mut wait = Timer.sleep(Duration::from_secs(3_600));
        Timer.reset(&mut wait, soon);
        assert!(wait.is::<virid::time::Sleep>());
        wait.await;
        assert!(Instant::now() >= soon);

        let mut other: Pin<Box<dyn Sleep>> = Box::pin(Never);
        Timer.reset(&mut other, soon);
        other.await;
        Timer.sleep_until(start).await;
        assert!(Timer.now() >= soon);
    });
}
