//! Hedged requests: where the first server is slow to answer, the next one is asked too.
//! The first good answer counts, and the other requests are aborted.

use std::time::Duration;
use virid::task::any_group;
use virid::time::{sleep, timeout};

/// How long one server may keep us waiting before the next is asked.
const PATIENCE: Duration = Duration::from_millis(5);

/// A server: how long it takes, and what it says then.
#[derive(Clone, Copy)]
struct Server(&'static str, Duration, bool);

const SERVERS: [Server; 4] = [
    Server("down", Duration::ZERO, false),
    Server("stuck", Duration::from_secs(3_600), true),
    Server("slow", Duration::from_millis(10), true),
    Server("spare", Duration::from_secs(3_600), true),
];

async fn ask(server: Server) -> Result<String, String> {
    let Server(name, takes, is_up) = server;
    sleep(takes).await;
    match is_up {
        true => Ok(format!("an answer of {name}")),
        false => Err(format!("{name} refuses")),
    }
}

/// The first good answer, or why nobody gave one.
async fn hedge(servers: impl IntoIterator<Item = Server>) -> Result<String, Vec<String>> {
    let servers: Vec<_> = servers.into_iter().collect();
    any_group(|group| async move {
        for server in servers {
            let request = group.spawn(ask(server));
            // Ends early where the request fails, and then the next is asked at once.
            let _ = timeout(PATIENCE, request).await;
        }
    })
    .await
}

fn main() {
    let answer = virid::block_on(hedge(SERVERS));
    println!("{answer:?}");
    assert_eq!(answer.as_deref(), Ok("an answer of slow"));
    let refused = virid::block_on(hedge(SERVERS.into_iter().take(1)));
    println!("{refused:?}");
    assert_eq!(refused, Err(vec!["down refuses".into()]));
}
