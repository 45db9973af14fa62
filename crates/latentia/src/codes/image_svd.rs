//! Images compressed by truncated singular value decomposition.
//!
//! Every channel of `height × width` is replaced by `A_k = U_k diag(s_k) V_kᵀ`. No matrix of rank `k` is nearer in the
//! Frobenius norm, and what is lost is the tail of the spectrum (Eckart and Young 1936):
//!
//! ```text
//! ‖A - A_k‖_F² = Σ_{j > k} s_j²
//! ```

use faer::Mat;
use serde::{Deserialize, Serialize};

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite};
use crate::{DataError, Error, Result};
use latentia_linalg::thin_svd;

/// A compressed image: a [`ChannelSvd`] for grey, three for red, green and blue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSvd {
    height: usize,
    width: usize,
    rank: usize,
    channels: Vec<ChannelSvd>,
}

/// The leading singular triplets of one channel: `k (height + width + 1)` numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelSvd {
    /// `U_kᵀ`, `[k, height]`, row-major.
    pub left: Vec<f32>,
    /// `s_1 ≥ … ≥ s_k`.
    pub singular_values: Vec<f32>,
    /// `V_kᵀ`, `[k, width]`, row-major.
    pub right: Vec<f32>,
    /// `Σ_{j > k} s_j²`: the squared error that this rank leaves.
    pub squared_error: f64,
}

/// Keeps the `rank` leading singular triplets of every channel, each a `[height, width]` matrix.
///
/// # Errors
/// When there is no channel or no pixel, channels differ in size, a value is not finite, or `rank` is not within 1 and
/// the shorter side.
pub fn compress(channels: &[Matrix], rank: usize) -> Result<ImageSvd> {
    let Some(first) = channels.first().filter(|c| c.rows() > 0 && c.cols() > 0) else {
        return Err(DataError::new("image", "no pixels", "at least one").into());
    };
    let (height, width) = (first.rows(), first.cols());
    let most = height.min(width);
    if rank == 0 || rank > most {
        return Err(Error::config("rank", format!("{rank} for {height} x {width} pixels; use 1 to {most}")));
    }
    let compressed = channels.iter().map(|channel| {
        check_cols("channel", channel, width)?;
        if channel.rows() != height {
            let (found, expected) = (format!("{} rows", channel.rows()), format!("{height} rows"));
            return Err(DataError::new("channel", found, expected).into());
        }
        check_finite("channel", channel)?;
        let a = Mat::from_fn(height, width, |i, j| f64::from(channel.row(i)[j]));
        let (u, s, v) = thin_svd(a.as_ref())?;
        let leading = |m: &Mat<f64>| (0..rank).flat_map(|j| m.col(j).iter().map(|&v| v as f32)).collect();
        Ok(ChannelSvd {
            left: leading(&u),
            singular_values: s[..rank].iter().map(|&s| s as f32).collect(),
            right: leading(&v),
            squared_error: s[rank..].iter().fold(0.0, |sum, s| sum + s * s),
        })
    });
    Ok(ImageSvd { height, width, rank, channels: compressed.collect::<Result<_>>()? })
}

impl ImageSvd {
    /// An image from its parts, as a file brings them.
    ///
    /// # Errors
    /// When there is no channel or a part has another length than `height`, `width` and `rank` say.
    pub fn from_parts(height: usize, width: usize, rank: usize, channels: Vec<ChannelSvd>) -> Result<Self> {
        let fits = |c: &ChannelSvd| {
            c.singular_values.len() == rank
                && Some(c.left.len()) == rank.checked_mul(height)
                && Some(c.right.len()) == rank.checked_mul(width)
        };
        if channels.is_empty() || !channels.iter().all(fits) {
            let expected = format!("channels of rank {rank} for {height} x {width} pixels");
            return Err(DataError::new("image", "parts of another length", expected).into());
        }
        Ok(Self { height, width, rank, channels })
    }

    /// `A_k` of every channel, `[height, width]`. Values may lie a little outside the range of the original.
    pub fn reconstruct(&self) -> Vec<Matrix> {
        self.channels.iter().map(|channel| self.reconstruct_channel(channel)).collect()
    }

    fn reconstruct_channel(&self, channel: &ChannelSvd) -> Matrix {
        let mut sums = vec![0.0_f64; self.height * self.width];
        for (k, &s) in channel.singular_values.iter().enumerate() {
            let right = &channel.right[k * self.width..(k + 1) * self.width];
            let left = &channel.left[k * self.height..(k + 1) * self.height];
            for (row, &u) in sums.chunks_exact_mut(self.width).zip(left) {
                let us = f64::from(u) * f64::from(s);
                row.iter_mut().zip(right).for_each(|(a, &v)| *a += us * f64::from(v));
            }
        }
        Matrix::new(self.height, self.width, sums.into_iter().map(|v| v as f32).collect())
    }

    /// `‖A - A_k‖_F`, over all channels together.
    pub fn frobenius_error(&self) -> f64 {
        self.channels.iter().map(|c| c.squared_error).sum::<f64>().sqrt()
    }

    /// Bytes of the stored numbers: `4 k (height + width + 1)` a channel.
    pub fn bytes(&self) -> usize {
        4 * self.channels.len() * self.rank * (self.height + self.width + 1)
    }

    /// Bytes of the image it stands for, at one byte a pixel and channel.
    pub fn original_bytes(&self) -> usize {
        self.channels.len() * self.height * self.width
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Singular triplets kept of every channel.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// What is stored of every channel.
    pub fn channels(&self) -> &[ChannelSvd] {
        &self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize, phase: f32) -> Matrix {
        let pixel = |i: usize| {
            let (y, x) = ((i / width) as f32, (i % width) as f32);
            128.0 + 60.0 * (y * 0.7 + phase).sin() + 40.0 * (x * y * 0.13 + phase).cos() + (x * x * 1.7).sin()
        };
        Matrix::new(height, width, (0..height * width).map(pixel).collect())
    }

    #[test]
    fn the_error_is_the_tail_of_the_spectrum() {
        let colour = [picture(20, 13, 0.0), picture(20, 13, 1.0), picture(20, 13, 2.0)];
        let wide = [picture(9, 31, 0.5)];
        for channels in [&colour[..], &wide] {
            let most = channels[0].rows().min(channels[0].cols());
            let norm =
                channels.iter().flat_map(Matrix::as_slice).map(|v| f64::from(v * v)).sum::<f64>().sqrt();
            // The triplets and the pixels are rounded to f32.
            let rounding = 2e-7 * norm;
            let mut before = f64::INFINITY;
            for rank in 1..=most {
                let image = compress(channels, rank).unwrap();
                let pixels = channels.iter().zip(image.reconstruct()).flat_map(|(a, b)| {
                    let pairs: Vec<_> = a.as_slice().iter().copied().zip(b.into_vec()).collect();
                    pairs
                });
                let measured = pixels.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
                let stated = image.frobenius_error();
                assert!((measured - stated).abs() < rounding, "rank {rank}: {measured}, {stated}");
                assert!(stated <= before, "more triplets, less error");
                before = stated;
            }
            assert_eq!(before, 0.0, "full rank loses nothing");
        }
    }

    #[test]
    fn states_its_bytes_and_comes_back_from_its_parts() {
        let image = compress(&[picture(20, 13, 0.0)], 3).unwrap();
        let channel = &image.channels()[0];
        let numbers = channel.left.len() + channel.singular_values.len() + channel.right.len();
        assert_eq!((image.bytes(), image.original_bytes()), (4 * numbers, 260));
        assert_eq!(numbers, 3 * (20 + 13 + 1));
        assert_eq!(ImageSvd::from_parts(20, 13, 3, image.channels().to_vec()).unwrap(), image);
        for (height, width, rank) in [(21, 13, 3), (20, 12, 3), (20, 13, 2), (usize::MAX, 13, 3)] {
            assert!(ImageSvd::from_parts(height, width, rank, image.channels().to_vec()).is_err());
        }
    }

    #[test]
    fn faults_are_named() {
        let mut hole = picture(4, 5, 0.0);
        hole.row_mut(1)[2] = f32::NAN;
        for (channels, rank, words) in [
            (vec![], 1, "no pixels"),
            (vec![Matrix::zeros(0, 3)], 1, "no pixels"),
            (vec![picture(4, 5, 0.0)], 5, "use 1 to 4"),
            (vec![picture(4, 5, 0.0)], 0, "use 1 to 4"),
            (vec![picture(4, 5, 0.0), picture(4, 6, 0.0)], 1, "found 6 columns"),
            (vec![picture(4, 5, 0.0), picture(3, 5, 0.0)], 1, "found 3 rows"),
            (vec![hole], 1, "row 2, column \"3\": found NaN"),
        ] {
            let message = compress(&channels, rank).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
