//! Sockets that are no runtime's own: those of async-io, which async-net and smol hand
//! out, for virid's tasks and for async-executor; and the same for green threads, which
//! wait in place.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use async_io::Async;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::hosts::Net;

/// The port is free because the system chooses it.
pub(super) const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Whoever calls is suspended as a task.
pub(super) struct AsyncIo;

impl Net for AsyncIo {
    type Listener = Async<TcpListener>;
    type Stream = Async<TcpStream>;

    fn listen() -> io::Result<(Self::Listener, SocketAddr)> {
        let listener = Async::<TcpListener>::bind(ANYWHERE)?;
        let address = listener.get_ref().local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        without_delay(listener.accept().await?.0)
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        without_delay(Async::<TcpStream>::connect(address).await?)
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }
}

/// As Go has it by default.
fn without_delay(stream: Async<TcpStream>) -> io::Result<Async<TcpStream>> {
    stream.get_ref().set_nodelay(true)?;
    Ok(stream)
}

/// Whoever calls is suspended as a green thread of virid, for each call, as straight-line
/// code has it. None of these futures is ever pending.
pub(super) struct InPlace;

impl Net for InPlace {
    type Listener = <AsyncIo as Net>::Listener;
    type Stream = <AsyncIo as Net>::Stream;

    fn listen() -> io::Result<(Self::Listener, SocketAddr)> {
        AsyncIo::listen()
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        virid::block_on(AsyncIo::accept(listener))
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        virid::block_on(AsyncIo::connect(address))
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        virid::block_on(AsyncIo::read(stream, buffer))
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        virid::block_on(AsyncIo::write_all(stream, bytes))
    }
}
