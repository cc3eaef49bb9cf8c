//! async-net as it is: an echo in straight-line code, and as futures.

#[path = "support/callers.rs"]
mod callers;
mod support;

use std::io::Result;
use std::net::SocketAddr;

use async_net::{TcpListener, TcpStream, UdpSocket};
use futures_lite::{AsyncReadExt, AsyncWriteExt, io};
use virid::{block_on, thread};

use callers::in_task_and_on_green_thread;
use support::{guard, two_workers};

const CLIENTS: usize = 30;

/// What only this client sends.
fn message(client: usize) -> Vec<u8> {
    (0..3_000).map(|at| (at * 7 + client) as u8).collect()
}

#[test]
fn straight_line_code_on_green_threads() {
    /// Sends back what comes until the client has closed.
    fn echo(mut stream: TcpStream) -> Result<()> {
        let mut buffer = [0; 512];
        while let len @ 1.. = block_on(stream.read(&mut buffer))? {
            block_on(stream.write_all(&buffer[..len]))?;
        }
        Ok(())
    }

    fn ask(address: SocketAddr, client: usize) -> Result<()> {
        let mut stream = block_on(TcpStream::connect(address))?;
        let mut answer = vec![0; message(client).len()];
        for _ in 0..10 {
            block_on(stream.write_all(&message(client)))?;
            block_on(stream.read_exact(&mut answer))?;
            assert_eq!(answer, message(client));
        }
        Ok(())
    }

    guard(|| {
        two_workers().run(|| {
            let listener = block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| thread::spawn(move || ask(address, client)))
                .collect();
            let echoes: Vec<_> = (0..CLIENTS)
                .map(|_| block_on(listener.accept()).unwrap().0)
                .map(|stream| thread::spawn(|| echo(stream)))
                .collect();
            for thread in clients.into_iter().chain(echoes) {
                thread.join().unwrap().unwrap();
            }
        });
    });
}

#[test]
fn futures_of_both_callers() {
    in_task_and_on_green_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| virid::spawn(ask(address, client)))
            .collect();
        for _ in 0..CLIENTS {
            let (stream, _) = listener.accept().await.unwrap();
            virid::spawn(async move { io::copy(stream.clone(), stream).await.unwrap() });
        }
        for client in clients {
            client.await.unwrap();
        }
    });

    async fn ask(address: SocketAddr, client: usize) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&message(client)).await.unwrap();
        let mut answer = vec![0; message(client).len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, message(client));
    }
}

#[test]
fn datagrams() {
    in_task_and_on_green_thread(|| async {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let answers = virid::spawn(async move {
            let mut buffer = [0; 64];
            let (len, from) = server.recv_from(&mut buffer).await.unwrap();
            server.send_to(&buffer[..len], from).await.unwrap();
        });
        client.send_to(b"here", address).await.unwrap();
        let mut buffer = [0; 64];
        let (len, _) = client.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..len], b"here");
        answers.await.unwrap();
    });
}
