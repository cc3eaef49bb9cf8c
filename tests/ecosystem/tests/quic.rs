//! quinn on virid: a client and a server on the loopback, with a certificate made here.

#[path = "support/callers.rs"]
mod callers;
mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::rustls::{self, RootCertStore, crypto::ring};
use quinn::{
    ClientConfig, ConnectionError, Endpoint, EndpointConfig, ServerConfig, TransportConfig, VarInt,
};
use virid::adapters::quinn::Runtime;

use callers::in_task_and_on_green_thread;
use support::{guard, two_workers};

const STREAMS: u8 = 20;
const LENGTH: usize = 50_000;

/// For both sides, which trust this certificate alone.
fn configs() -> (ClientConfig, ServerConfig) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(own.cert);
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();

    let server = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let server = QuicServerConfig::try_from(server).unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = QuicClientConfig::try_from(client).unwrap();

    (
        ClientConfig::new(Arc::new(client)),
        ServerConfig::with_crypto(Arc::new(server)),
    )
}

fn endpoint(server: Option<ServerConfig>) -> Endpoint {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(Runtime)).unwrap()
}

/// Sends back what comes on each stream of one connection.
async fn echo(server: Endpoint) {
    let connection = server.accept().await.unwrap().await.unwrap();
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        virid::spawn(async move {
            let message = receive.read_to_end(LENGTH).await.unwrap();
            send.write_all(&message).await.unwrap();
            send.finish().unwrap();
        });
    }
}

#[test]
fn streams_of_one_connection() {
    in_task_and_on_green_thread(|| async {
        let (client_config, server_config) = configs();
        let server = endpoint(Some(server_config));
        let address = server.local_addr().unwrap();
        let echoes = virid::spawn(echo(server.clone()));

        let mut client = endpoint(None);
        client.set_default_client_config(client_config);
        let connection = client.connect(address, "localhost").unwrap().await.unwrap();
        let streams: Vec<_> = (0..STREAMS)
            .map(|n| {
                let connection = connection.clone();
                virid::spawn(async move {
                    let (mut send, mut receive) = connection.open_bi().await.unwrap();
                    let message = vec![n; LENGTH];
                    send.write_all(&message).await.unwrap();
                    send.finish().unwrap();
                    assert_eq!(receive.read_to_end(LENGTH).await.unwrap(), message);
                })
            })
            .collect();
        for stream in streams {
            stream.await.unwrap();
        }
        connection.close(VarInt::from_u32(7), b"done");
        echoes.await.unwrap();
        client.wait_idle().await;
        server.wait_idle().await;
    });
}

/// A peer that has gone is noticed by nothing but the timer.
#[test]
fn timer_ends_a_connection_whose_peer_has_gone() {
    in_task_and_on_green_thread(|| async {
        let (mut client_config, _) = configs();
        let mut transport = TransportConfig::default();
        // It waits for three answers' time at least.
        transport.initial_rtt(Duration::from_millis(1));
        transport.max_idle_timeout(Some(Duration::from_millis(50).try_into().unwrap()));
        client_config.transport_config(Arc::new(transport));
        let mut client = endpoint(None);
        client.set_default_client_config(client_config);
        // Bound, so that nobody answers; and nobody reads.
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connecting = client
            .connect(silent.local_addr().unwrap(), "localhost")
            .unwrap();
        assert!(matches!(connecting.await, Err(ConnectionError::TimedOut)));
    });
}

/// The tasks that drive an endpoint end with their runtime, and who waits hears of it.
#[test]
fn end_of_the_runtime_ends_its_connections() {
    guard(|| {
        let runtime = two_workers();
        let (client_config, server_config) = configs();
        let (client, connection) = {
            let _entered = runtime.enter();
            let server = endpoint(Some(server_config));
            let address = server.local_addr().unwrap();
            virid::spawn(echo(server));
            let mut client = endpoint(None);
            client.set_default_client_config(client_config);
            let connecting = client.connect(address, "localhost").unwrap();
            (client, virid::block_on(connecting).unwrap())
        };
        drop(runtime);
        virid::block_on(connection.closed());
        drop(client);
    });
}
