//! The smallest program: spawn a task, wait for its answer.

fn main() {
    let task = virid::spawn(async { "hello from a task" });
    let answer = virid::block_on(task).expect("the task does not panic");
    assert_eq!(answer, "hello from a task");
    println!("{answer}");
}
