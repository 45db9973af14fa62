//! The convolutions of an autoencoder of images.
//!
//! The encoder has strided convolutions with `⌊(kernel − 1) / 2⌋` zeros around each map, so that an odd kernel makes `⌈n /
//! stride⌉` places of `n`. The decoder mirrors them by transposed convolutions: the transposed convolution of a geometry leads
//! back to exactly the sides it came from, odd ones too, and costs what the convolution does, where a convolution after
//! enlarging the map costs `stride²` times as much. A kernel that is no multiple of the stride lets faint grids through (Odena, Dumoulin
//! & Olah 2016); a kernel of 4 at stride 2 does not.

use latentia_ops::Geometry;

use super::config::AutoencoderConfig;
use crate::{Error, Result, codes::MAX_WIDTH, data::Preprocess};

/// The largest kernel that is believed.
const MAX_KERNEL: usize = 255;

impl AutoencoderConfig {
    /// Checks what can be checked without the images.
    pub(super) fn check_convolutions(&self) -> Result<()> {
        if let Some(maps) = self.channels.iter().find(|&&maps| maps == 0 || maps > MAX_WIDTH) {
            return Err(Error::config(
                "model.channels",
                format!("found a convolution with {maps} maps, expected 1 to {MAX_WIDTH}"),
            ));
        }
        if !(1..=MAX_KERNEL).contains(&self.kernel) {
            return Err(Error::config(
                "model.kernel",
                format!("found {}, expected 1 to {MAX_KERNEL} pixels", self.kernel),
            ));
        }
        if !(1..=self.kernel).contains(&self.stride) {
            return Err(Error::config(
                "model.stride",
                format!(
                    "found {}, expected 1 to {}: with more than model.kernel some pixels would not be looked at",
                    self.stride, self.kernel
                ),
            ));
        }
        if !self.channels.is_empty() && !self.view_hidden.is_empty() {
            return Err(Error::config(
                "model.view-hidden",
                "found layers for each view and model.channels: convolutions take a row as one image. Leave one of the two out",
            ));
        }
        Ok(())
    }

    /// The convolutions of the encoder for rows of this schema, first to last; none where there are no `channels`.
    ///
    /// # Errors
    /// Rows that are not images, and layers that do not fit them.
    pub(crate) fn convolutions(&self, preprocess: &Preprocess) -> Result<Vec<Geometry>> {
        if self.channels.is_empty() {
            return Ok(Vec::new());
        }
        let image = preprocess.image.filter(|image| image.len() == preprocess.width());
        let Some(image) = image else {
            return Err(Error::config(
                "model.channels",
                format!(
                    "convolutions need rows that are images, found {} columns. Read images (a folder of PNG or JPEG files, an IDX \
                     file, an NPY array [rows, height, width]), or leave model.channels out",
                    preprocess.features.len()
                ),
            ));
        };
        let (mut height, mut width, mut channels) = (image.height, image.width, image.channels);
        let mut layers = Vec::with_capacity(self.channels.len());
        for (i, &maps) in self.channels.iter().enumerate() {
            if self.kernel > height.min(width) {
                let images = format!("images of {} x {}", image.height, image.width);
                return Err(match i {
                    0 => Error::config(
                        "model.kernel",
                        format!("found {}, expected at most {} for {images}", self.kernel, height.min(width)),
                    ),
                    _ => Error::config(
                        "model.channels",
                        format!(
                            "found {} convolutions, but number {} would be given a map of {height} x {width}, smaller than \
                             model.kernel {} ({images}, model.stride {}): expected at most {i}, or a smaller kernel or \
                             stride",
                            self.channels.len(),
                            i + 1,
                            self.kernel,
                            self.stride
                        ),
                    ),
                });
            }
            let (kernel, stride) = (self.kernel, self.stride);
            let padding = (kernel - 1) / 2;
            let layer = Geometry { height, width, channels, maps, kernel, stride, padding };
            (height, width, channels) = (layer.map_height(), layer.map_width(), maps);
            layers.push(layer);
        }
        let numbers = height * width * channels;
        if numbers > MAX_WIDTH {
            return Err(Error::config(
                "model.channels",
                format!(
                    "the last map would have {height} x {width} x {channels} = {numbers} numbers, expected at most {MAX_WIDTH}: \
                     use more convolutions, fewer maps or a larger stride"
                ),
            ));
        }
        Ok(layers)
    }
}
