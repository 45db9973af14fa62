//! Between images and the patches that a kernel looks at.

use super::Geometry;
use crate::simd::{self, Kernel, Simd};

/// The patch of every place of the maps, `[images · places, kernel · kernel · channels]`; zeros outside the image.
pub(super) fn gather(g: Geometry, images: &[f32], patches: &mut [f32]) {
    let row = g.kernel * g.channels;
    let image_row = g.width * g.channels;
    let per_image = g.map_places() * g.patch_len();
    for (image, patches) in images.chunks_exact(g.image_len()).zip(patches.chunks_exact_mut(per_image)) {
        let mut rows = patches.chunks_exact_mut(row);
        for top in (0..g.map_height()).map(|p| p * g.stride) {
            for left in (0..g.map_width()).map(|p| p * g.stride) {
                let (skipped, from, len) = covered(&g, left);
                for (i, patch) in rows.by_ref().take(g.kernel).enumerate() {
                    match (top + i).checked_sub(g.padding).filter(|&y| y < g.height) {
                        Some(y) => {
                            let (before, rest) = patch.split_at_mut(skipped);
                            let (inside, after) = rest.split_at_mut(len);
                            before.fill(0.0);
                            inside.copy_from_slice(&image[y * image_row + from..][..len]);
                            after.fill(0.0);
                        }
                        None => patch.fill(0.0),
                    }
                }
            }
        }
    }
}

/// Adds every patch to its place in the images: the adjoint of [`gather`].
pub(super) fn scatter(g: Geometry, patches: &[f32], images: &mut [f32]) {
    simd::dispatch_at(simd::level(), Scatter { g, patches, images });
}

/// A kernel, so that its sums are compiled for the instruction set at hand.
struct Scatter<'a> {
    g: Geometry,
    patches: &'a [f32],
    images: &'a mut [f32],
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Scatter { g, patches, images } = self;
        let row = g.kernel * g.channels;
        let image_row = g.width * g.channels;
        let per_image = g.map_places() * g.patch_len();
        for (image, patches) in images.chunks_exact_mut(g.image_len()).zip(patches.chunks_exact(per_image)) {
            let mut rows = patches.chunks_exact(row);
            for top in (0..g.map_height()).map(|p| p * g.stride) {
                for left in (0..g.map_width()).map(|p| p * g.stride) {
                    let (skipped, from, len) = covered(&g, left);
                    for (i, patch) in rows.by_ref().take(g.kernel).enumerate() {
                        if let Some(y) = (top + i).checked_sub(g.padding).filter(|&y| y < g.height) {
                            let pixels = &mut image[y * image_row + from..][..len];
                            pixels.iter_mut().zip(&patch[skipped..]).for_each(|(sum, v)| *sum += v);
                        }
                    }
                }
            }
        }
    }
}

/// Of a kernel's row at this column of the padded image: the numbers left of the image, where it begins in the image, and how
/// many lie inside.
#[inline(always)]
fn covered(g: &Geometry, left: usize) -> (usize, usize, usize) {
    let skipped = g.padding.saturating_sub(left).min(g.kernel);
    let from = (left + skipped).saturating_sub(g.padding).min(g.width);
    let len = (g.kernel - skipped).min(g.width - from);
    (skipped * g.channels, from * g.channels, len * g.channels)
}
