//! A socket of async-io as hyper reads and writes it.
//!
//! A read that does not fill the buffer has emptied the socket, and the next one waits
//! before it looks again, as Tokio's does: between two requests there is no system call
//! that finds nothing. What has come meanwhile, be it the end, is no less an event: async-io
//! asks whether there is something, not whether something has changed. And the room that
//! hyper has for what is read is not written to first.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_io::Async;
use hyper::rt::{self, ReadBufCursor};
use rustix::io::Errno;

/// A connected socket for hyper: an `async_net::TcpStream`, an `async_io::Async<TcpStream>`,
/// or one of their siblings of the Unix domain.
///
/// **Cancellation**: it keeps no bytes, so a read or write that is dropped loses none. Dropped
/// itself it closes the socket, unless there are clones of that.
///
/// ```no_run
/// use async_net::TcpStream;
/// use virid::adapters::hyper::Io;
///
/// # async fn connect() -> std::io::Result<()> {
/// let stream = TcpStream::connect("127.0.0.1:8080").await?;
/// let io = Io::new(stream); // for `hyper::client::conn::http1::handshake(io)`
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Reading and writing it fail as the socket does.
#[derive(Debug)]
pub struct Io<T> {
    stream: Arc<Async<T>>,
    /// Whether the last read found all there was.
    is_empty: bool,
}

impl<T> Io<T> {
    /// Takes a socket.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use async_io::Async;
    /// use virid::adapters::hyper::Io;
    ///
    /// let (one, _other) = Async::<UnixStream>::pair()?;
    /// let io = Io::new(one);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(stream: impl Into<Arc<Async<T>>>) -> Self {
        Self {
            stream: stream.into(),
            is_empty: false,
        }
    }
}

impl<T: AsFd> rt::Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.is_empty {
                ready!(self.stream.poll_readable(cx))?;
                self.is_empty = false;
            }
            let room = buffer.remaining();
            // SAFETY: `read` only ever initialises.
            let unfilled = unsafe { buffer.as_mut() };
            match rustix::io::read(self.stream.as_fd(), unfilled).map(|(read, _)| read.len()) {
                Ok(len) => {
                    self.is_empty = 0 < len && len < room;
                    // SAFETY: `read` says that it has initialised so many.
                    unsafe { buffer.advance(len) };
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_empty = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl<T> Io<T>
where
    for<'a> &'a T: Write,
{
    /// Does `write`, once there is room.
    fn poll_once_writable<R>(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            match write((*self.stream).as_ref()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => return Poll::Ready(done),
            }
            ready!(self.stream.poll_writable(cx))?;
        }
    }
}

impl<T: AsFd> rt::Write for Io<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_once_writable(cx, |mut stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_once_writable(cx, |mut stream| stream.write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_once_writable(cx, |mut stream| stream.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(self.stream.as_fd(), rustix::net::Shutdown::Write) {
            // Whoever was there has gone first.
            Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            end => Poll::Ready(end.map_err(Into::into)),
        }
    }
}
