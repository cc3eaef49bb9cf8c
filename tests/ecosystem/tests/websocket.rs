//! async-tungstenite over async-net: a protocol of another crate over its streams.

#[path = "support/callers.rs"]
mod callers;
mod support;

use async_net::{TcpListener, TcpStream};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use futures_util::StreamExt;

use callers::in_task_and_on_green_thread;

#[test]
fn echo() {
    in_task_and_on_green_thread(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = virid::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            let mut echoed = 0;
            while let Some(message) = socket.next().await {
                let message = message.unwrap();
                if message.is_close() {
                    break;
                }
                echoed += message.len();
                socket.send(message).await.unwrap();
            }
            echoed
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut socket, _) = client_async("ws://localhost/", stream).await.unwrap();
        let mut sent = 0;
        for len in [0, 1, 125, 126, 65_536, 200_000] {
            for message in [
                Message::binary(vec![len as u8; len]),
                Message::text("x".repeat(len)),
            ] {
                sent += message.len();
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
            }
        }
        socket.close(None).await.unwrap();
        assert_eq!(server.await.unwrap(), sent);
    });
}
