//! Strided convolutions over images and transposed ones, forward and backward.
//!
//! ```text
//! y_{p,o} = f(b_o + Σ_{i,j,c} W_{o,i,j,c} x_{s p + (i,j) − padding, c})
//! ```
//!
//! An image is `[height, width, channels]`, a map `[map height, map width, maps]`: channels come last, so that what a kernel
//! covers of a row of pixels is contiguous. `W` is `[maps, kernel, kernel, channels]`. The transposed convolution goes from maps
//! to images with the same geometry and the same `W`: without bias and activation it is the adjoint of the convolution.
//!
//! Some images at a time become a matrix of patches, a row for each place of the map, small enough to stay in a core's cache;
//! the rest is a dense layer on its rows. The batch is cut into shares by its size alone and gradients of weights are summed
//! share after share, so that the bits do not depend on the number of threads.

mod patches;

use crate::dense::{self, pull_back};
use crate::gemm::{Shared, Src};
use crate::{Activation, MatMut, MatRef, scratch, threads};
use patches::{gather, scatter};

/// Shapes of a convolution from images to maps; of the transposed one from maps to images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pixels of an image from top to bottom.
    pub height: usize,
    /// Pixels of an image from left to right.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Numbers at each place of the map.
    pub maps: usize,
    /// Side of the square that is looked at.
    pub kernel: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Zeros around the image; less than `kernel`.
    pub padding: usize,
}

impl Geometry {
    /// `(side + 2 padding − kernel) / stride + 1`, rounded down.
    fn places(&self, side: usize) -> usize {
        (side + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Places of the map from top to bottom.
    pub fn map_height(&self) -> usize {
        self.places(self.height)
    }

    /// Places of the map from left to right.
    pub fn map_width(&self) -> usize {
        self.places(self.width)
    }

    /// Numbers of an image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers of a map.
    pub fn map_len(&self) -> usize {
        self.map_places() * self.maps
    }

    /// Places of a map.
    pub fn map_places(&self) -> usize {
        self.map_height() * self.map_width()
    }

    /// Numbers that a kernel covers.
    pub fn patch_len(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Rows and columns that the strides do not reach at the end of an image: PyTorch's `output_padding` of the transposed
    /// convolution.
    pub fn unreached(&self) -> [usize; 2] {
        [self.height, self.width].map(|side| (side + 2 * self.padding - self.kernel) % self.stride)
    }

    #[track_caller]
    fn check(&self, images: usize, maps: usize, weight: &[f32]) -> usize {
        assert!(
            self.stride > 0 && self.kernel > self.padding && self.height.min(self.width) > 0,
            "convolution: {self:?}"
        );
        assert!(self.height.min(self.width) + 2 * self.padding >= self.kernel, "convolution: {self:?}");
        let batch = images / self.image_len().max(1);
        assert!(
            images == batch * self.image_len() && maps == batch * self.map_len(),
            "convolution: {images} numbers of images and {maps} of maps for {self:?}"
        );
        assert_eq!(weight.len(), self.maps * self.patch_len(), "convolution: the weight of {self:?}");
        batch
    }
}

/// Parts of a batch that threads take: enough for many threads, few enough to keep a gradient of the weight for each.
const SHARES: usize = 32;
/// Numbers of patches at a time: a quarter of a megabyte, so that they and their gradient stay in the second-level cache.
const AT_ONCE: usize = 1 << 16;

/// How a batch is cut: images of a share, and of those at a time.
fn cut(g: &Geometry, batch: usize) -> (usize, usize) {
    let share = batch.div_ceil(SHARES).max(1);
    let most = (AT_ONCE / (g.map_places() * g.patch_len())).clamp(1, share);
    (share, share.div_ceil(share.div_ceil(most)))
}

/// A share of a forward pass: what comes in, what goes out, and where the value before the activation goes.
struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    pre: Option<&'a mut [f32]>,
}

/// Cuts a forward pass into shares of so many numbers of input and output.
fn forward_shares<'a>(
    x: &'a [f32],
    y: &'a mut [f32],
    pre: Option<&'a mut [f32]>,
    (x_len, y_len): (usize, usize),
) -> Vec<Forward<'a>> {
    let parts = x.chunks(x_len).zip(y.chunks_mut(y_len));
    let pre = chunks(pre, y_len, parts.len());
    parts.zip(pre).map(|((x, y), pre)| Forward { x, y, pre }).collect()
}

/// A share of a backward pass.
struct Backward<'a> {
    x: &'a [f32],
    saved: &'a [f32],
    dy: &'a [f32],
    dx: Option<&'a mut [f32]>,
    sums: Sums<'a>,
}

/// Cuts a backward pass into shares of so many numbers of input and output.
fn backward_shares<'a>(
    x: &'a [f32],
    (saved, dy): (&'a [f32], &'a [f32]),
    dx: Option<&'a mut [f32]>,
    sums: Vec<Sums<'a>>,
    (x_len, y_len): (usize, usize),
) -> Vec<Backward<'a>> {
    let dx = chunks(dx, x_len, sums.len());
    let outputs = saved.chunks(y_len).zip(dy.chunks(y_len));
    let parts = x.chunks(x_len).zip(outputs).zip(dx).zip(sums);
    parts.map(|(((x, (saved, dy)), dx), sums)| Backward { x, saved, dy, dx, sums }).collect()
}

/// Chunks of `values`, or as many times nothing.
fn chunks(values: Option<&mut [f32]>, len: usize, count: usize) -> Vec<Option<&mut [f32]>> {
    match values {
        Some(values) => values.chunks_mut(len).map(Some).collect(),
        None => (0..count).map(|_| None).collect(),
    }
}

/// `y = f(conv(x, W) + b)`; `pre` receives the value before `f` (needed by [`backward`] where [`Activation::needs_input`] says
/// so).
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn forward(
    g: Geometry,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    y: &mut [f32],
    pre: Option<&mut [f32]>,
) {
    let batch = g.check(x.len(), y.len(), weight);
    let (share, once) = cut(&g, batch);
    let (places, patch) = (g.map_places(), g.patch_len());
    let weight = MatRef::new(weight, g.maps, patch);
    let shares = forward_shares(x, y, pre, (share * g.image_len(), share * g.map_len()));
    threads::for_each(shares, |Forward { x, y, pre }| {
        scratch::with(once * places * patch, |patches| {
            let blocks = x.chunks(once * g.image_len()).zip(y.chunks_mut(once * g.map_len()));
            let pre = chunks(pre, once * g.map_len(), blocks.len());
            for ((x, y), pre) in blocks.zip(pre) {
                let rows = y.len() / g.maps;
                let patches = &mut patches[..rows * patch];
                gather(g, x, patches);
                let pre = pre.map(|pre| MatMut::new(pre, rows, g.maps));
                let patches = MatRef::new(patches, rows, patch);
                dense::forward(patches, weight, Some(bias), activation, MatMut::new(y, rows, g.maps), pre);
            }
        });
    });
}

/// Where a backward pass writes; what is `None` is not computed.
#[derive(Default)]
pub struct Gradients<'a> {
    /// Of what the layer was given.
    pub dx: Option<&'a mut [f32]>,
    /// `[maps, kernel, kernel, channels]`.
    pub dw: Option<&'a mut [f32]>,
    /// One for each number of a place of the output.
    pub db: Option<&'a mut [f32]>,
}

/// Gradients of [`forward`]: `dx = conv_transposed(da, W)`, `dW = Σ da patchᵀ`, `db = Σ da` with `da = dy ∘ f′`.
///
/// `saved` is `y`, or the pre-activation where [`Activation::needs_input`] says so.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn backward(
    g: Geometry,
    x: &[f32],
    weight: &[f32],
    activation: Activation,
    (saved, dy): (&[f32], &[f32]),
    gradients: Gradients,
) {
    let batch = g.check(x.len(), dy.len(), weight);
    let (share, once) = cut(&g, batch);
    let (places, patch) = (g.map_places(), g.patch_len());
    let w = MatRef::new(weight, g.maps, patch);
    let Gradients { dx, dw, db } = gradients;
    summed(batch.div_ceil(share), dw, db, |sums| {
        let lens = (share * g.image_len(), share * g.map_len());
        let shares = backward_shares(x, (saved, dy), dx, sums, lens);
        threads::for_each(shares, |Backward { x, saved, dy, dx, mut sums }| {
            let dpatches_len = if dx.is_some() { once * places * patch } else { 0 };
            scratch::with(once * places * patch, |patches| {
                scratch::with(dpatches_len, |dpatches| {
                    let blocks = x.chunks(once * g.image_len()).zip(saved.chunks(once * g.map_len()));
                    let dx = chunks(dx, once * g.image_len(), blocks.len());
                    for (i, (((x, saved), dy), dx)) in
                        blocks.zip(dy.chunks(once * g.map_len())).zip(dx).enumerate()
                    {
                        let rows = dy.len() / g.maps;
                        gather(g, x, &mut patches[..rows * patch]);
                        let wanted = dx.is_some();
                        dense::backward(
                            MatRef::new(patches, rows, patch),
                            w,
                            activation,
                            MatRef::new(saved, rows, g.maps),
                            MatRef::new(dy, rows, g.maps),
                            dense::Gradients {
                                dx: wanted.then(|| MatMut::new(dpatches, rows, patch)),
                                dw: sums.dw.as_deref_mut().map(|dw| MatMut::new(dw, g.maps, patch)),
                                db: sums.db.as_deref_mut(),
                                accumulate: i > 0,
                            },
                        );
                        if let Some(dx) = dx {
                            dx.fill(0.0);
                            scatter(g, &dpatches[..rows * patch], dx);
                        }
                    }
                });
            });
        });
    });
}

/// `y = f(conv_transposed(x, W) + b)`, from maps `x` to images `y`; `pre` as in [`forward`].
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn transposed(
    g: Geometry,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    y: &mut [f32],
    pre: Option<&mut [f32]>,
) {
    let batch = g.check(y.len(), x.len(), weight);
    assert_eq!(bias.len(), g.channels, "transposed convolution: one bias per channel");
    let (share, once) = cut(&g, batch);
    let (places, patch) = (g.map_places(), g.patch_len());
    let w = MatRef::new(weight, g.maps, patch);
    let shares = forward_shares(x, y, pre, (share * g.map_len(), share * g.image_len()));
    threads::for_each(shares, |Forward { x, y, pre }| {
        scratch::with(once * places * patch, |patches| {
            for (x, y) in x.chunks(once * g.map_len()).zip(y.chunks_mut(once * g.image_len())) {
                let rows = x.len() / g.maps;
                let patches = &mut patches[..rows * patch];
                let product = MatMut::new(patches, rows, patch);
                crate::gemm::gemm(MatRef::new(x, rows, g.maps), w, product, false);
                y.chunks_exact_mut(g.channels).for_each(|pixel| pixel.copy_from_slice(bias));
                scatter(g, patches, y);
            }
        });
        if let Some(pre) = pre {
            pre.copy_from_slice(y);
        }
        activation.forward_in_place(y);
    });
}

/// Gradients of [`transposed`]: `dx = conv(da, W)`, `dW = Σ x patch(da)ᵀ`, `db = Σ da` with `da = dy ∘ f′`.
///
/// `saved` as in [`backward`].
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn transposed_backward(
    g: Geometry,
    x: &[f32],
    weight: &[f32],
    activation: Activation,
    (saved, dy): (&[f32], &[f32]),
    gradients: Gradients,
) {
    let batch = g.check(dy.len(), x.len(), weight);
    let (share, once) = cut(&g, batch);
    let (places, patch) = (g.map_places(), g.patch_len());
    let w = MatRef::new(weight, g.maps, patch);
    let identity = activation == Activation::Identity;
    let Gradients { dx, dw, db } = gradients;
    summed(batch.div_ceil(share), dw, db, |sums| {
        let lens = (share * g.map_len(), share * g.image_len());
        let shares = backward_shares(x, (saved, dy), dx, sums, lens);
        threads::for_each(shares, |Backward { x, saved, dy, dx, mut sums }| {
            scratch::with(if identity { 0 } else { dy.len() }, |da| {
                let pixels = dy.len() / g.channels;
                let [of_saved, of_dy] =
                    [saved, dy].map(|values| Src::rows(MatRef::new(values, pixels, g.channels)));
                let da_out = (!identity).then_some(Shared(da.as_mut_ptr()));
                let db = sums.db.as_deref_mut();
                pull_back(activation, of_saved, of_dy, (pixels, g.channels), da_out, db, false);
                let da: &[f32] = if identity { dy } else { da };
                scratch::with(once * places * patch, |patches| {
                    let blocks = x.chunks(once * g.map_len()).zip(da.chunks(once * g.image_len()));
                    let dx = chunks(dx, once * g.map_len(), blocks.len());
                    for (i, ((x, da), dx)) in blocks.zip(dx).enumerate() {
                        let rows = x.len() / g.maps;
                        gather(g, da, &mut patches[..rows * patch]);
                        let dpatches = MatRef::new(patches, rows, patch);
                        dense::backward(
                            MatRef::new(x, rows, g.maps),
                            w.t(),
                            Activation::Identity,
                            dpatches,
                            dpatches,
                            dense::Gradients {
                                dx: dx.map(|dx| MatMut::new(dx, rows, g.maps)),
                                dw: sums.dw.as_deref_mut().map(|dw| MatMut::new(dw, g.maps, patch).t()),
                                db: None,
                                accumulate: i > 0,
                            },
                        );
                    }
                });
            });
        });
    });
}

/// The gradients of what all images share, of one share of them.
struct Sums<'a> {
    dw: Option<&'a mut [f32]>,
    db: Option<&'a mut [f32]>,
}

/// Calls `work` with places for the sums of every share, and adds them up in order.
fn summed(shares: usize, dw: Option<&mut [f32]>, db: Option<&mut [f32]>, work: impl FnOnce(Vec<Sums>)) {
    let lens = [&dw, &db].map(|d| d.as_ref().map_or(0, |d| d.len()));
    scratch::with(shares * lens[0], |dws| {
        scratch::with(shares * lens[1], |dbs| {
            let of_w = chunks(dw.is_some().then_some(&mut *dws), lens[0].max(1), shares);
            let of_b = chunks(db.is_some().then_some(&mut *dbs), lens[1].max(1), shares);
            work(of_w.into_iter().zip(of_b).map(|(dw, db)| Sums { dw, db }).collect());
            for (total, parts) in [(dw, dws), (db, dbs)] {
                let Some(total) = total else { continue };
                total.fill(0.0);
                for part in parts.chunks_exact(total.len().max(1)) {
                    total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
                }
            }
        });
    });
}

#[cfg(test)]
mod tests;
