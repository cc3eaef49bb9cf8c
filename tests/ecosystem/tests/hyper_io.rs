//! A socket of async-net as hyper reads and writes it, and its ends.

#[path = "support/callers.rs"]
mod callers;
mod support;

use std::future::poll_fn;
use std::io::{IoSlice, Result};
use std::pin::Pin;

use async_net::unix::UnixStream;
use async_net::{TcpListener, TcpStream};
use futures_lite::AsyncWriteExt;
use hyper::rt::{Read, ReadBuf, Write};
use virid::adapters::hyper::Io;

use callers::in_task_and_on_green_thread;

/// One read into so much room.
async fn read(io: &mut (impl Read + Unpin), room: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; room];
    let mut buffer = ReadBuf::new(&mut bytes);
    poll_fn(|context| Pin::new(&mut *io).poll_read(context, buffer.unfilled())).await?;
    let len = buffer.filled().len();
    bytes.truncate(len);
    Ok(bytes)
}

async fn write(io: &mut (impl Write + Unpin), bytes: &[u8]) -> Result<usize> {
    poll_fn(|context| Pin::new(&mut *io).poll_write(context, bytes)).await
}

#[test]
fn reads_find_all_that_comes_and_the_end() {
    in_task_and_on_green_thread(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut io = Io::new(one);
        // More than there is room for, all of it, less.
        other.write_all(b"abcdefghi").await.unwrap();
        assert_eq!(read(&mut io, 4).await.unwrap(), b"abcd");
        assert_eq!(read(&mut io, 5).await.unwrap(), b"efghi");
        other.write_all(b"jk").await.unwrap();
        assert_eq!(read(&mut io, 8).await.unwrap(), b"jk");
        // Both come after a read that found less than it had room for: more, then the end.
        let writer = virid::spawn(async move {
            virid::yield_now().await;
            other.write_all(b"lm").await
        });
        assert_eq!(read(&mut io, 8).await.unwrap(), b"lm");
        writer.await.unwrap().unwrap();
        for _ in 0..3 {
            assert_eq!(read(&mut io, 8).await.unwrap(), b"");
        }
    });
}

#[test]
fn what_came_with_the_end_is_read_before_it() {
    in_task_and_on_green_thread(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut io = Io::new(one);
        other.write_all(b"last").await.unwrap();
        drop(other);
        assert_eq!(read(&mut io, 100).await.unwrap(), b"last");
        assert_eq!(read(&mut io, 100).await.unwrap(), b"");
    });
}

#[test]
fn writes_wait_for_room_and_lose_nothing() {
    const BYTES: usize = 3_000_000;
    in_task_and_on_green_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reader = virid::spawn(async move {
            let mut io = Io::new(listener.accept().await?.0);
            let mut all = Vec::new();
            loop {
                let part = read(&mut io, 10_000).await?;
                if part.is_empty() {
                    return Result::Ok(all);
                }
                all.extend(part);
            }
        });
        let mut io = Io::new(TcpStream::connect(address).await.unwrap());
        let bytes: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8).collect();
        let mut written = 0;
        while written < BYTES / 2 {
            written += write(&mut io, &bytes[written..BYTES / 2]).await.unwrap();
        }
        assert!(io.is_write_vectored());
        while written < BYTES {
            let (near, far) = bytes[written..].split_at((BYTES - written) / 3);
            let parts = [IoSlice::new(near), IoSlice::new(far)];
            let wrote =
                poll_fn(|context| Pin::new(&mut io).poll_write_vectored(context, &parts)).await;
            written += wrote.unwrap();
        }
        poll_fn(|context| Pin::new(&mut io).poll_flush(context))
            .await
            .unwrap();
        // The other end hears of it while this one can still read.
        poll_fn(|context| Pin::new(&mut io).poll_shutdown(context))
            .await
            .unwrap();
        assert!(reader.await.unwrap().unwrap() == bytes);
        assert_eq!(read(&mut io, 10).await.unwrap(), b"");
    });
}

#[test]
fn errors_of_the_socket_are_passed_on() {
    in_task_and_on_green_thread(|| async {
        let (one, other) = UnixStream::pair().unwrap();
        let mut io = Io::new(one);
        drop(other);
        let error = write(&mut io, b"nobody reads").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
}
