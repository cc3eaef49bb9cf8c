//! A TCP echo server with a green thread for each of hundreds of clients, which are
//! green threads too. They wait for their sockets with `block_on`.

use async_net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::Result;
use std::net::SocketAddr;
use virid::{block_on, thread};

const CLIENTS: usize = 300;
const ROUNDS: usize = 20;
const BYTES: usize = 1_000;

/// Sends back what comes until the client has closed; how much that was.
fn echo(mut stream: TcpStream) -> Result<usize> {
    let (mut buffer, mut echoed) = ([0; 512], 0);
    while let len @ 1.. = block_on(stream.read(&mut buffer))? {
        block_on(stream.write_all(&buffer[..len]))?;
        echoed += len;
    }
    Ok(echoed)
}

/// Sends what no other client sends, and reads it back.
fn ask(address: SocketAddr, client: usize) -> Result<()> {
    let mut stream = block_on(TcpStream::connect(address))?;
    for round in 0..ROUNDS {
        let byte = |at| (client * 31 + round * 7 + at) as u8;
        let sent: Vec<u8> = (0..BYTES).map(byte).collect();
        let mut received = vec![0; BYTES];
        block_on(stream.write_all(&sent))?;
        block_on(stream.read_exact(&mut received))?;
        assert_eq!(received, sent);
    }
    Ok(())
}

fn main() -> Result<()> {
    let echoed = virid::run(|| {
        let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (mut clients, mut connections) = (Vec::new(), Vec::new());
        for number in 0..CLIENTS {
            clients.push(thread::spawn(move || ask(address, number)));
            let (stream, _) = block_on(listener.accept())?;
            connections.push(thread::spawn(move || echo(stream)));
        }
        for client in clients {
            client.join().expect("what came back was what was sent")?;
        }
        let end = |thread: thread::JoinHandle<_>| thread.join().expect("echoing does not panic");
        connections.into_iter().map(end).sum::<Result<usize>>()
    })?;
    assert_eq!(echoed, CLIENTS * ROUNDS * BYTES);
    println!("{CLIENTS} clients had {echoed} bytes echoed");
    Ok(())
}
