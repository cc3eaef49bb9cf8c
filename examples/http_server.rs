//! An HTTP server in straight-line code: a green thread for each connection, which reads
//! requests, works and answers, until the client closes.

use async_net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::{Error, Result};
use std::net::{Shutdown, SocketAddr};
use virid::{block_on, thread};

/// Answers a request. It may wait: only its own connection does.
fn answer(path: &str) -> String {
    thread::sleep(std::time::Duration::from_millis(1));
    let number = path.trim_start_matches("/square/").parse::<u64>();
    let body = number.map_or(String::new(), |number| (number * number).to_string());
    let (status, len) = (if body.is_empty() { 404 } else { 200 }, body.len());
    format!("HTTP/1.1 {status} \r\ncontent-length: {len}\r\n\r\n{body}")
}

fn serve(mut stream: TcpStream) -> Result<()> {
    let (mut read, mut buffer) = (Vec::new(), [0; 1_024]);
    while let len @ 1.. = block_on(stream.read(&mut buffer))? {
        read.extend_from_slice(&buffer[..len]);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(end) = request.parse(&read).map_err(Error::other)? {
            block_on(stream.write_all(answer(request.path.unwrap_or_default()).as_bytes()))?;
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
        let client = |n: u64| thread::spawn(move || ask(address, &format!("/square/{n}")));
        for (n, client) in (0..).zip((0..200).map(client).collect::<Vec<_>>()) {
            assert!(client.join().unwrap()?.ends_with(&format!("\n{}", n * n)));
        }
        assert!(ask(address, "/")?.starts_with("HTTP/1.1 404"));
        println!("200 clients at once, a green thread for each connection: all answered");
        Ok(())
    })
}
