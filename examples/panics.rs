//! A panic stays in its task: the joiner gets it, everyone else goes on.

use virid::Runtime;

fn main() -> std::io::Result<()> {
    let runtime = Runtime::builder().worker_threads(1).build()?;
    let faulty = runtime.spawn(async { panic!("out of cheese") });
    let healthy = runtime.spawn(async { "the worker goes on" });

    let error = faulty.join().map(|()| "no panic").expect_err("it panics");
    assert!(error.is_panic());
    println!("{error}");
    assert_eq!(error.into_panic().downcast_ref(), Some(&"out of cheese"));

    let text = healthy.join()?;
    assert_eq!(text, "the worker goes on");
    println!("{text}");
    Ok(())
}
