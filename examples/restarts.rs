//! A supervisor of tasks: one that panics is started again, after a pause that grows; one
//! that panics too often ends them all. Asked to stop, they clean up first.

use std::time::Duration;
use virid::task::{CancellationToken, JoinHandle, try_group};
use virid::{task, time};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const MOST_RESTARTS: u32 = 3;

/// Keeps a service running until the token is cancelled: how often it was started again.
async fn supervise<F>(name: &str, token: CancellationToken, mut start: F) -> Result<u32, String>
where
    F: FnMut(u32) -> JoinHandle<()>,
{
    let mut pause = FIRST_PAUSE;
    for restarts in 0..=MOST_RESTARTS {
        match start(restarts).await {
            Ok(()) => return Ok(restarts),
            Err(error) => println!("{name}: {error}"),
        }
        // No pause is waited for that somebody wants to end.
        token.run_until_cancelled(time::sleep(pause)).await;
        pause *= 2;
    }
    Err(format!("{name} has panicked too often"))
}

/// A service that panics in its first `panics` lives, and then runs until it is asked to
/// end.
async fn service(token: CancellationToken, panics: u32, life: u32) {
    assert!(life >= panics, "life {life} is too hard");
    token.cancelled().await;
}

fn main() {
    std::panic::set_hook(Box::new(|_| ())); // the supervisor says it
    let stable = virid::block_on(try_group(|group| async move {
        let token = CancellationToken::new();
        let (asked, lives) = (token.clone(), token.child_token());
        let supervisor = group.spawn(async move {
            let start = move |life| task::spawn(service(lives.clone(), 2, life));
            supervise("mailer", token, start).await
        });
        time::sleep(Duration::from_millis(20)).await;
        asked.cancel(); // as a signal of the system would
        Ok(supervisor.await.unwrap_or(u32::MAX))
    }));
    println!("mailer: {stable:?} restarts");
    assert!(stable.is_ok_and(|restarts| restarts <= 2));

    let hopeless = virid::block_on(try_group(|group| async move {
        group.spawn(std::future::pending::<Result<u32, String>>()); // is aborted
        let token = group.token();
        let start = |life| task::spawn(service(CancellationToken::new(), 9, life));
        supervise("indexer", token, start).await
    }));
    println!("{hopeless:?}");
    assert!(hopeless.is_err());
}
