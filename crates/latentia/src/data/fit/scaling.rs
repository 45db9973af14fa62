//! What numbers are subtracted from and divided by.

use super::super::{ImageShape, ReadOptions, Scale, held::Held, split::Part};

/// What is known of the numeric columns of the training rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) count: u64,
    pub(super) mean: f64,
    squares: f64,
    pub(super) min: f32,
    max: f32,
}

impl Moments {
    const NONE: Self = Self { count: 0, mean: 0.0, squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY };

    /// Welford's update (1962): accurate in one pass, however far the mean is from zero.
    fn push(&mut self, value: f32) {
        if value.is_finite() {
            self.count += 1;
            let x = f64::from(value);
            let delta = x - self.mean;
            self.mean += delta / self.count as f64;
            self.squares += delta * (x - self.mean);
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }

    pub(super) fn is_constant(&self) -> bool {
        self.min >= self.max
    }

    /// Offset and scale.
    pub(super) fn scaling(&self, scale: Scale, unit: f32) -> (f32, f32) {
        let (offset, scale) = match scale {
            Scale::Auto | Scale::None => (0.0, 1.0),
            Scale::Unit => (0.0, f64::from(unit)),
            _ if self.count == 0 => (0.0, 1.0),
            Scale::MinMax if self.is_constant() => (f64::from(self.min), 1.0),
            Scale::MinMax => (f64::from(self.min), f64::from(self.max) - f64::from(self.min)),
            Scale::Standard if self.is_constant() => (f64::from(self.min), 1.0),
            Scale::Standard => (self.mean, (self.squares / self.count as f64).sqrt()),
        };
        let scale = scale.clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
        (offset as f32, scale as f32)
    }
}

/// The moments of each of `columns` numeric columns.
pub(super) fn moments(chunks: &[Held], parts: &[Part], columns: usize) -> Vec<Moments> {
    let mut moments = vec![Moments::NONE; columns];
    let mut parts = parts.iter();
    for chunk in chunks {
        let numbers = chunk.numbers();
        for (i, part) in (0..chunk.rows).zip(&mut parts) {
            if *part == Part::Train && columns > 0 {
                for (m, &value) in moments.iter_mut().zip(numbers.row(i)) {
                    m.push(value);
                }
            }
        }
    }
    moments
}

/// How the columns of a view, or of rows without views, become features.
pub(super) struct Manner<'a> {
    pub(super) options: &'a ReadOptions,
    pub(super) image: Option<ImageShape>,
    pub(super) scale: Scale,
    /// What [`Scale::Unit`] divides by.
    pub(super) unit: f32,
}

impl<'a> Manner<'a> {
    /// Of the numeric columns with these moments; `images` says whether they are pixels of images or parts of images.
    pub(super) fn new(
        options: &'a ReadOptions,
        (image, images, range): (Option<ImageShape>, bool, Option<f32>),
        moments: Vec<Moments>,
    ) -> Self {
        let scale = match options.scale {
            Scale::Auto if images => Scale::Unit,
            Scale::Auto => Scale::Standard,
            scale => scale,
        };
        let unit = range.unwrap_or_else(|| {
            let most = moments
                .iter()
                .filter(|m| m.count > 0)
                .map(|m| m.min.abs().max(m.max.abs()))
                .fold(0.0, f32::max);
            if most > 0.0 { most } else { 1.0 }
        });
        Self { options, image, scale, unit }
    }
}
