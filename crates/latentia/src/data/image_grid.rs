//! Rows as pictures.

use std::io::{BufWriter, Write};

use image::{ExtendedColorType, ImageEncoder, ImageResult, codecs::png::PngEncoder};

use super::{ImageShape, Matrix};

/// More pictures than this are not shown in one image.
const MAX_PICTURES: usize = 4096;

/// Writes rows as a PNG: a square grid, row by row, one pixel apart. Black is 0 (or the least value below it), white
/// the greatest value.
pub(crate) fn image_grid(x: &Matrix, shape: ImageShape, out: &mut impl Write) -> ImageResult<()> {
    let x = x.head(MAX_PICTURES);
    let across = (x.rows() as f64).sqrt().ceil().max(1.0) as usize;
    let down = x.rows().div_ceil(across).max(1);
    let (low, high) = x.as_slice().iter().fold((0f32, f32::MIN_POSITIVE), |(l, h), &v| (l.min(v), h.max(v)));
    let (wide, tall) = (across * (shape.width + 1) - 1, down * (shape.height + 1) - 1);
    let mut pixels = vec![0u8; wide * tall * shape.channels];
    for (k, row) in x.iter_rows().enumerate() {
        let (left, top) = (k % across * (shape.width + 1), k / across * (shape.height + 1));
        for (at, &value) in row.iter().enumerate() {
            let (c, pixel) = (at / (shape.height * shape.width), at % (shape.height * shape.width));
            let (y, x) = (top + pixel / shape.width, left + pixel % shape.width);
            let level = (value - low) / (high - low) * 255.0;
            pixels[(y * wide + x) * shape.channels + c] = level.round() as u8;
        }
    }
    let colour = if shape.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut out = BufWriter::new(out);
    PngEncoder::new(&mut out).write_image(&pixels, wide as u32, tall as u32, colour)?;
    out.flush().map_err(Into::into)
}
