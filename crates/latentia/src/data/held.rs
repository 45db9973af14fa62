//! The rows of a file while it is not known yet which part each of them belongs to.

use std::borrow::Cow;

use super::{Chunk, Matrix};

/// A chunk in as little memory as loses nothing: numbers that are all whole and from 0 to 255, as the pixels of most images
/// are, take a byte each.
pub(crate) struct Held {
    first_row: u64,
    pub(crate) rows: usize,
    numbers: Numbers,
    /// As in [`Chunk::texts`].
    pub(crate) texts: Vec<Vec<Option<String>>>,
}

enum Numbers {
    Floats(Matrix),
    Bytes { cols: usize, values: Vec<u8> },
}

impl Numbers {
    fn new(x: Matrix) -> Self {
        // By their bits: -0 and NaN are no bytes.
        let is_byte = |&v: &f32| f32::from(v as u8).to_bits() == v.to_bits();
        match x.as_slice().iter().all(is_byte) {
            true => Self::Bytes { cols: x.cols(), values: x.as_slice().iter().map(|&v| v as u8).collect() },
            false => Self::Floats(x),
        }
    }
}

impl From<Chunk> for Held {
    fn from(chunk: Chunk) -> Self {
        let Chunk { first_row, rows, numbers, texts } = chunk;
        Self { first_row, rows, numbers: Numbers::new(numbers), texts }
    }
}

impl From<Held> for Chunk {
    fn from(held: Held) -> Self {
        let Held { first_row, rows, numbers, texts } = held;
        let numbers = match numbers {
            Numbers::Floats(x) => x,
            Numbers::Bytes { cols, values } => floats(rows, cols, &values),
        };
        Self { first_row, rows, numbers, texts }
    }
}

impl Held {
    /// As in [`Chunk::numbers`].
    pub(crate) fn numbers(&self) -> Cow<'_, Matrix> {
        match &self.numbers {
            Numbers::Floats(x) => Cow::Borrowed(x),
            Numbers::Bytes { cols, values } => Cow::Owned(floats(self.rows, *cols, values)),
        }
    }
}

fn floats(rows: usize, cols: usize, bytes: &[u8]) -> Matrix {
    Matrix::new(rows, cols, bytes.iter().map(|&v| f32::from(v)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_with_their_bits() {
        let bytes: Vec<f32> = (0..=255u8).map(f32::from).collect();
        for odd in [0.0, 255.0, -0.0, 0.5, 256.0, -1.0, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE] {
            let values: Vec<f32> = bytes.iter().copied().chain([odd, 7.0]).collect();
            let chunk = Chunk { rows: 3, numbers: Matrix::new(3, 86, values.clone()), ..Chunk::default() };
            let held = Held::from(chunk);
            let small = matches!(held.numbers, Numbers::Bytes { .. });
            assert_eq!(small, odd.to_bits() == 0 || odd == 255.0, "{odd}");
            let bits = |x: &Matrix| x.as_slice().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let expected: Vec<u32> = values.iter().map(|v| v.to_bits()).collect();
            assert_eq!(bits(&held.numbers()), expected, "{odd}");
            assert_eq!(bits(&Chunk::from(held).numbers), expected, "{odd}");
        }
    }
}
