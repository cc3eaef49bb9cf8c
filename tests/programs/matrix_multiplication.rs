//! The product of two matrices, with a thread for each row of it.

use super::thread;

pub(crate) const PRINTS: &str = "\
40 rows of 40 numbers
the first begins with [20540, 19760, 18981]
the sum of all is 20893600
";

const SIZE: usize = 40;

type Matrix = Vec<[u32; SIZE]>;

fn multiply(left: &Matrix, right: &Matrix) -> Matrix {
    let mut product = vec![[0; SIZE]; SIZE];
    thread::scope(|scope| {
        for (row, result) in left.iter().zip(&mut product) {
            scope.spawn(move || {
                for (column, number) in result.iter_mut().enumerate() {
                    *number = row
                        .iter()
                        .zip(right)
                        .map(|(a, line)| a * line[column])
                        .sum();
                }
            });
        }
    });
    product
}

pub(crate) fn run() -> String {
    let filled = |number: fn(u32, u32) -> u32| -> Matrix {
        (0..SIZE as u32)
            .map(|row| std::array::from_fn(|column| number(row, column as u32)))
            .collect()
    };
    let left = filled(|row, column| row + column);
    let right = filled(|row, column| row.saturating_sub(column));
    let product = multiply(&left, &right);
    let (first, sum) = (&product[0][..3], product.as_flattened().iter().sum::<u32>());
    format!(
        "{} rows of {SIZE} numbers\n\
         the first begins with {first:?}\n\
         the sum of all is {sum}\n",
        product.len()
    )
}
