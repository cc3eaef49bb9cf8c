//! What quinn asks of a runtime: to spawn, to time, and to wait for sockets.
//!
//! Its connections are driven by virid's tasks; their sockets and timers are those of
//! async-io, as quinn has them for smol.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::sync::Arc;
//!
//! use quinn::{Endpoint, EndpointConfig, ServerConfig};
//! use virid::adapters::quinn::Runtime;
//!
//! fn listen(config: EndpointConfig, server: ServerConfig) -> std::io::Result<Endpoint> {
//!     let socket = UdpSocket::bind("127.0.0.1:4433")?;
//!     Endpoint::new(config, Some(server), socket, Arc::new(Runtime))
//! }
//! ```

use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket, SmolRuntime};

use crate::runtime::spawn_on_current;

/// Spawns for quinn as [`virid::spawn`](crate::spawn) spawns. See [the module](self).
///
/// An endpoint is driven by a task of the runtime that was current where it was made, a
/// connection by one of the runtime where it was begun or accepted. When a runtime ends,
/// these end with it.
///
/// ```
/// use quinn::Runtime as _;
/// use virid::adapters::quinn::Runtime;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let address = socket.local_addr()?;
/// assert_eq!(Runtime.wrap_udp_socket(socket)?.local_addr()?, address);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// Spawning panics where the default runtime is needed and cannot be started, and waiting
/// where the system refuses the one thread that watches sockets and timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runtime;

impl quinn::Runtime for Runtime {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        SmolRuntime.new_timer(deadline)
    }

    #[track_caller]
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(spawn_on_current(future));
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        SmolRuntime.wrap_udp_socket(socket)
    }
}
