//! Join handles carry each task's value back, in the order they are awaited.

use virid::Runtime;

/// The number of steps that the Collatz rule takes from `start` to 1.
fn steps(start: u64) -> u32 {
    let (mut number, mut steps) = (start, 0);
    while number != 1 {
        number = match number % 2 {
            0 => number / 2,
            _ => 3 * number + 1,
        };
        steps += 1;
    }
    steps
}

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let longest = runtime.block_on(async {
        let tasks: Vec<_> = (1..=10_000)
            .map(|start| (start, virid::spawn(async move { steps(start) })))
            .collect();
        let mut longest = (0, 0);
        for (start, task) in tasks {
            let steps = task.await?;
            if steps > longest.1 {
                longest = (start, steps);
            }
        }
        std::io::Result::Ok(longest)
    })?;
    assert_eq!(longest, (6_171, 261));
    println!("{} takes {} steps", longest.0, longest.1);
    Ok(())
}
