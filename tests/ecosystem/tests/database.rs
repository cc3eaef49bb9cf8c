//! sqlx with SQLite in memory: with async-io's timers, and in the Tokio context.

#[path = "support/callers.rs"]
mod callers;
mod support;

use std::time::Duration;

use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Error, query, query_scalar};
use virid::adapters::tokio::with_context;

use callers::in_task_and_on_green_thread;

const WRITERS: i64 = 10;
const ROWS: i64 = 20;

/// One connection, for each has a database of its own in memory; the writers queue for it.
async fn open() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1);
    options.connect("sqlite::memory:").await.unwrap()
}

async fn write(pool: SqlitePool, writer: i64) {
    for row in 0..ROWS {
        let insert = query("INSERT INTO numbers VALUES (?)");
        insert
            .bind(writer * ROWS + row)
            .execute(&pool)
            .await
            .unwrap();
    }
}

async fn check(pool: SqlitePool) {
    let (count, sum): (i64, i64) = sqlx::query_as("SELECT count(*), sum(n) FROM numbers")
        .fetch_one(&pool)
        .await
        .unwrap();
    let rows = WRITERS * ROWS;
    assert_eq!((count, sum), (rows, rows * (rows - 1) / 2));
}

/// What is begun and not committed is gone; who waits too long for a connection is told so.
async fn roll_back_and_run_out(pool: SqlitePool) {
    let mut transaction = pool.begin().await.unwrap();
    query("DELETE FROM numbers")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let left: i64 = query_scalar("SELECT count(*) FROM numbers")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(left, 0);
    let impatient = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(5))
        .connect_lazy("sqlite::memory:")
        .unwrap();
    let taken = loop {
        // To open it may take too long as well, on a machine that is busy.
        match impatient.acquire().await {
            Ok(connection) => break connection,
            Err(error) => assert!(matches!(error, Error::PoolTimedOut), "{error}"),
        }
    };
    assert!(matches!(
        impatient.acquire().await,
        Err(Error::PoolTimedOut)
    ));
    drop(taken);
    transaction.rollback().await.unwrap();
}

#[test]
fn as_it_is() {
    in_task_and_on_green_thread(|| async {
        let pool = open().await;
        query("CREATE TABLE numbers (n INTEGER)")
            .execute(&pool)
            .await
            .unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| virid::spawn(write(pool.clone(), n)))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        roll_back_and_run_out(pool.clone()).await;
        check(pool.clone()).await;
        pool.close().await;
    });
}

#[test]
fn in_the_tokio_context() {
    in_task_and_on_green_thread(|| {
        with_context(async {
            let pool = open().await;
            query("CREATE TABLE numbers (n INTEGER)")
                .execute(&pool)
                .await
                .unwrap();
            let writers: Vec<_> = (0..WRITERS)
                .map(|n| virid::spawn(with_context(write(pool.clone(), n))))
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            roll_back_and_run_out(pool.clone()).await;
            check(pool.clone()).await;
            pool.close().await;
        })
    });
}
