//! The servers: one axum `Router` and hyper's HTTP/1, and what differs between them.

use std::convert::Infallible;
use std::io::{self, Read};
use std::net::TcpListener;

use async_io::Async;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use hyper::body::Incoming;
use hyper::rt::{Read as HyperRead, Write as HyperWrite};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustix::time::{ClockId, clock_gettime};
use virid::adapters::hyper::Io;
use virid::adapters::tokio::enter_thread;

use super::cli::Kind;

const WORKERS: usize = 2;

type Service = TowerToHyperService<Router>;

/// Serves on a port of the loopback, which it prints, until its input ends; then prints the
/// processor time it took.
pub(crate) fn run(kind: Kind) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let service = TowerToHyperService::new(
        Router::new()
            .route("/", get(async || "hello"))
            .route("/square/{n}", get(square)),
    );
    match kind {
        Kind::Tokio => std::mem::forget(tokio(listener, service)?),
        Kind::Virid => std::mem::forget(virid(listener, service)?),
        Kind::ViridThreads => std::mem::forget(virid_threads(listener, service)?),
        Kind::ViridTokioNet => std::mem::forget(virid_tokio_net(listener, service)?),
    }
    println!("{address}");
    io::stdin().read_to_end(&mut Vec::new())?;
    let time = clock_gettime(ClockId::ProcessCPUTime);
    println!("{}", time.tv_sec * 1_000_000_000 + time.tv_nsec);
    Ok(())
}

async fn square(Path(n): Path<u64>) -> String {
    (n * n).to_string()
}

/// Serves one connection. It ends with its client, perhaps in an error.
async fn serve<S>(io: impl HyperRead + HyperWrite + Unpin, service: S)
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let _ = http1::Builder::new().serve_connection(io, service).await;
}

fn tokio(listener: TcpListener, service: Service) -> io::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(TokioIo::new(stream), service.clone()));
        }
        #[expect(unreachable_code, reason = "says what the block yields")]
        io::Result::Ok(())
    });
    Ok(runtime)
}

fn virid(listener: TcpListener, service: Service) -> io::Result<virid::Runtime> {
    let runtime = virid::Runtime::builder().worker_threads(WORKERS).build()?;
    runtime.spawn(async move {
        let listener = Async::new_nonblocking(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            virid::spawn(serve(Io::new(stream), service.clone()));
        }
        #[expect(unreachable_code, reason = "says what the block yields")]
        io::Result::Ok(())
    });
    Ok(runtime)
}

fn virid_threads(listener: TcpListener, service: Service) -> io::Result<virid::Runtime> {
    use virid::{block_on, thread};

    let runtime = virid::Runtime::builder().worker_threads(WORKERS).build()?;
    runtime.go(move || {
        let listener = Async::new_nonblocking(listener)?;
        loop {
            let (stream, _) = block_on(listener.accept())?;
            stream.get_ref().set_nodelay(true)?;
            let service = service.clone();
            thread::spawn(move || block_on(serve(Io::new(stream), service)));
        }
        #[expect(unreachable_code, reason = "says what the closure yields")]
        io::Result::Ok(())
    });
    Ok(runtime)
}

fn virid_tokio_net(listener: TcpListener, service: Service) -> io::Result<virid::Runtime> {
    let builder = virid::Runtime::builder().worker_threads(WORKERS);
    let runtime = builder.on_thread_start(enter_thread).build()?;
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            virid::spawn(serve(TokioIo::new(stream), service.clone()));
        }
        #[expect(unreachable_code, reason = "says what the block yields")]
        io::Result::Ok(())
    });
    Ok(runtime)
}
