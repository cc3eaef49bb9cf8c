//! A crawler: it fetches every page of a small web once, eight at a time. A fetch that
//! waits for its turn has no task yet, so memory is that of the addresses, however many
//! links a page has.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use virid::task::JoinSet;
use virid::time::sleep;

const PAGES: u64 = 5_000;
const LIMIT: usize = 8;

static FETCHING: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The links of a page: to two deeper ones, to the one above, and to the first.
async fn fetch(page: u64) -> Vec<u64> {
    let now = FETCHING.fetch_add(1, Ordering::Relaxed) + 1;
    MOST.fetch_max(now, Ordering::Relaxed);
    sleep(Duration::from_micros(100)).await;
    FETCHING.fetch_sub(1, Ordering::Relaxed);
    let links = [2 * page + 1, 2 * page + 2, page / 2, 0];
    links.into_iter().filter(|&link| link < PAGES).collect()
}

async fn crawl(first: u64) -> HashSet<u64> {
    let mut seen = HashSet::from([first]);
    let mut to_fetch = vec![first];
    let mut fetches = JoinSet::new().limit(LIMIT);
    loop {
        while let Some(page) = to_fetch.pop() {
            fetches.spawn(fetch(page)).await; // waits while eight are fetched
        }
        let Some(links) = fetches.join_next().await else {
            return seen;
        };
        let links = links.expect("a fetch does not panic");
        to_fetch.extend(links.into_iter().filter(|&link| seen.insert(link)));
    }
}

fn main() {
    let pages = virid::block_on(crawl(0));
    assert_eq!(pages.len() as u64, PAGES);
    let most = MOST.load(Ordering::Relaxed);
    assert!(most <= LIMIT);
    println!("{} pages, never more than {most} at a time", pages.len());
}
