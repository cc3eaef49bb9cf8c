//! An HTTP server in straight-line code: a green thread for each connection, which reads
//! requests, works and answers, until the client closes.

use async_net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::Result;
use std::net::{Shutdown, SocketAddr};
use virid::{block_on, thread};

const CLIENTS: u64 = 200;

/// Answers a request. It may wait: only its own connection does.
fn handle(path: &str) -> (&'static str, String) {
    let number = path.strip_prefix("/square/").map(str::parse::<u64>);
    let Some(Ok(number)) = number else {
        return ("404 Not Found", String::new());
    };
    thread::sleep(std::time::Duration::from_millis(1));
    ("200 OK", (number * number).to_string())
}

fn serve(mut stream: TcpStream) -> Result<()> {
    let (mut read, mut buffer) = (Vec::new(), [0; 1_024]);
    while let len @ 1.. = block_on(stream.read(&mut buffer))? {
        read.extend_from_slice(&buffer[..len]);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(&read).map_err(std::io::Error::other)?;
        if let httparse::Status::Complete(end) = parsed {
            let (status, body) = handle(request.path.unwrap_or_default());
            let len = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {len}\r\n\r\n{body}");
            block_on(stream.write_all(answer.as_bytes()))?;
            read.drain(..end);
        }
    }
    Ok(())
}

/// A client with one request: the answer.
fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = block_on(TcpStream::connect(address))?;
    block_on(stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()))?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    block_on(stream.read_to_string(&mut answer)).map(|_| answer)
}

fn main() -> Result<()> {
    virid::run(|| {
        let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            while let Ok((stream, _)) = block_on(listener.accept()) {
                thread::spawn(move || serve(stream));
            }
        });
        let ask_for = |n: u64| thread::spawn(move || ask(address, &format!("/square/{n}")));
        let clients: Vec<_> = (0..CLIENTS).map(ask_for).collect();
        for (client, n) in clients.into_iter().zip(0..) {
            let answer = client.join().unwrap()?;
            assert!(answer.ends_with(&format!("\r\n\r\n{}", n * n)));
        }
        assert!(ask(address, "/")?.starts_with("HTTP/1.1 404"));
        Ok(())
    })
}
