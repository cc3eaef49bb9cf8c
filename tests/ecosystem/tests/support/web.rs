//! An axum `Router` served by hyper over sockets of async-net, all on virid.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use virid::adapters::hyper::{Io, Timer};

/// Handlers of every kind: ready at once, with a timer, with a green thread, with a body.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/square/{n}", get(square))
        .route("/slow", get(slow))
        .route("/green/{n}", get(green))
        .route("/echo", post(async |body: String| body))
}

async fn square(Path(n): Path<u64>) -> String {
    (n * n).to_string()
}

async fn slow() -> &'static str {
    virid::time::sleep(Duration::from_millis(2)).await;
    "slow"
}

/// A handler in the style of threads: what it calls may wait in the middle.
async fn green(Path(n): Path<u64>) -> String {
    let thread = virid::thread::spawn(move || {
        virid::thread::sleep(Duration::from_millis(1));
        virid::block_on(async { (n + 1).to_string() })
    });
    thread.await.unwrap()
}

/// Listens on the loopback, and serves each connection in a task of its own for as long as
/// the runtime lives.
pub(crate) async fn listen() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    virid::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router());
            virid::spawn(async move {
                if let Err(error) = serve(stream, service).await {
                    panic!("a connection failed: {error}");
                }
            });
        }
    });
    Ok(address)
}

async fn serve<S>(stream: TcpStream, service: S) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<axum::body::Body>, Error = Infallible>,
{
    http1::Builder::new()
        .timer(Timer)
        .serve_connection(Io::new(stream), service)
        .await
}
