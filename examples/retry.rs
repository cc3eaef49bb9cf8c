//! Retrying what fails for a while: longer and longer pauses between the attempts, each
//! with a limit of its own. Straight-line code; no worker waits.

use std::time::Duration;
use virid::{thread, time};

const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(5);

/// Calls `attempt` until it succeeds, at most [`ATTEMPTS`] times.
fn retry<T, E>(mut attempt: impl FnMut(u32) -> Result<T, E>) -> Result<T, E> {
    let mut pause = FIRST_PAUSE;
    let mut last = attempt(1);
    for number in 2..=ATTEMPTS {
        if last.is_ok() {
            break;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        last = attempt(number);
    }
    last
}

/// A service that is there from the fourth request on.
async fn ask(number: u32) -> Result<&'static str, String> {
    time::sleep(Duration::from_millis(1)).await;
    if number < 4 {
        Err(format!("busy at request {number}"))
    } else {
        Ok("here you are")
    }
}

fn main() {
    let answer = virid::run(|| {
        retry(|number| {
            let answer = virid::block_on(time::timeout(LIMIT, ask(number)));
            let answer = answer.unwrap_or_else(|late| Err(late.to_string()));
            println!("attempt {number}: {answer:?}");
            answer
        })
    });
    assert_eq!(answer, Ok("here you are"));
}
