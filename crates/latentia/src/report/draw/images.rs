//! Small images side by side.

use super::{Drawing, Drawn, FONT, Ink, UNITS, text_width};
use crate::report::{
    chart::{Images, PixelSize},
    number::count,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use std::fmt::Write;

/// More images than this in a row are too small to be seen.
const COLUMNS: usize = 24;

/// More rows than this make a figure longer than a screen.
const ROWS: usize = 40;

/// Images are enlarged to about this many pixels, so that programs that smooth images, as some printers do, keep them crisp.
const EDGE: usize = 64;

/// The largest side of an image that is drawn.
const LARGEST: usize = 512;

pub(super) fn draw(images: &Images) -> Drawn {
    let size = images.size;
    let rows = images.images.len().min(ROWS);
    let columns = images.images.iter().map(Vec::len).max().unwrap_or(0).min(COLUMNS);
    if rows == 0 || columns == 0 || size.is_empty() {
        return Err("There is nothing to draw: there are no images.".to_owned());
    }
    if !matches!(size.channels, 1 | 3) || size.height.max(size.width) > LARGEST {
        return Err(format!(
            "Images of {} x {} pixels with {} channels are not drawn; images of up to {LARGEST} x {LARGEST} pixels with 1 \
             (grey) or 3 (red, green, blue) channels are.",
            size.height, size.width, size.channels
        ));
    }
    let mut notes = Vec::new();
    if images.images.len() > rows || images.images.iter().any(|r| r.len() > columns) {
        notes.push(format!("At most {ROWS} rows of {COLUMNS} images are drawn."));
    }
    let shown = || images.images.iter().take(rows).flat_map(|r| r.iter().take(columns));
    let broken = shown().filter(|i| i.len() != size.len() || i.iter().any(|v| !v.is_finite())).count();
    if broken > 0 {
        notes.push(format!(
            "{} of {} images have another size or values that are not finite; these pixels are left blank.",
            count(broken),
            count(shown().count())
        ));
    }

    let names = images.row_names.iter().take(rows).map(|n| n.chars().count()).max().unwrap_or(0);
    let left = if names == 0 { 0 } else { text_width(names) * 5 / 4 + 12 * UNITS };
    let sheet = Sheet::new(size, rows, columns, images.rows_per_group);
    let widest = if columns > 8 { 760 * UNITS } else { 560 * UNITS };
    // A cell is at most 72 pixels wide: larger, a digit of 8 x 8 pixels is a mosaic and no digit.
    let cell = ((widest - left.min(widest / 2)) / columns as u32).min(72 * UNITS);
    let width = cell * columns as u32;
    let height = (u64::from(width) * sheet.height as u64 / sheet.width as u64) as u32;
    let uri = sheet.png(images).map_err(|e| format!("This figure could not be drawn: {e}."))?;
    let mut body = String::new();
    for (r, name) in images.row_names.iter().take(rows).enumerate() {
        let middle = sheet.top(r) + size.height * sheet.zoom / 2;
        let middle = (u64::from(width) * middle as u64 / sheet.width as u64) as u32 + FONT / 3;
        let at = left - 12 * UNITS;
        let (name, hex) = (crate::report::html::escaped(name), Ink::Muted.hex());
        let _ = writeln!(
            body,
            "<text x=\"{at}\" y=\"{middle}\" text-anchor=\"end\" fill=\"{hex}\">{name}</text>"
        );
    }
    let _ = writeln!(
        body,
        "<image x=\"{left}\" y=\"0\" width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
         href=\"data:image/png;base64,{uri}\"/>"
    );
    Ok(Drawing { width: left + width, height, body, legend: Vec::new(), notes })
}

/// All images on one sheet with gaps between them, in pixels. The sheet has an alpha channel: gaps show the page.
struct Sheet {
    size: PixelSize,
    rows: usize,
    columns: usize,
    group: usize,
    zoom: usize,
    gap: usize,
    width: usize,
    height: usize,
}

impl Sheet {
    fn new(size: PixelSize, rows: usize, columns: usize, group: usize) -> Self {
        let zoom = (EDGE / size.width.max(size.height)).max(1);
        let gap = (size.width.max(size.height) * zoom).div_ceil(12);
        let mut sheet = Self { size, rows, columns, group: group.max(1), zoom, gap, width: 0, height: 0 };
        sheet.width = columns * (size.width * zoom + gap);
        // Half a gap less, which is the margin above the first row.
        sheet.height = sheet.top(rows - 1) + size.height * zoom + gap - gap / 2;
        sheet
    }

    /// The uppermost pixel of row `r`. Groups, where they are more than one row, are two gaps further apart.
    fn top(&self, r: usize) -> usize {
        let between = if self.group > 1 { 2 * self.gap * (r / self.group) } else { 0 };
        r * (self.size.height * self.zoom + self.gap) + between + self.gap / 2
    }

    fn png(&self, images: &Images) -> Result<String, image::ImageError> {
        let PixelSize { height, width, channels } = self.size;
        let bytes = if channels == 1 { 2 } else { 4 };
        let mut pixels = vec![0u8; self.width * self.height * bytes];
        for (r, row) in images.images.iter().take(self.rows).enumerate() {
            for (c, image) in
                row.iter().take(self.columns).enumerate().filter(|(_, i)| i.len() == self.size.len())
            {
                let top = self.top(r);
                let left = c * (width * self.zoom + self.gap) + self.gap / 2;
                for y in 0..height * self.zoom {
                    for x in 0..width * self.zoom {
                        let from = ((y / self.zoom) * width + x / self.zoom) * channels;
                        let to = ((top + y) * self.width + left + x) * bytes;
                        let values = &image[from..from + channels];
                        if values.iter().all(|v| v.is_finite()) {
                            for (pixel, value) in pixels[to..].iter_mut().zip(values) {
                                *pixel = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
                            }
                            pixels[to + bytes - 1] = 255;
                        }
                    }
                }
            }
        }
        let colour = if channels == 1 { ExtendedColorType::La8 } else { ExtendedColorType::Rgba8 };
        let mut png = Vec::new();
        PngEncoder::new(&mut png).write_image(&pixels, self.width as u32, self.height as u32, colour)?;
        Ok(STANDARD.encode(png))
    }
}
