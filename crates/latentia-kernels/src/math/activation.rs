use super::slice::{BLOCK, VectorFn, map_in_place};
use super::vector;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// The function a layer applies to each element.
///
/// The derivative is expressed by what forward keeps: the output `y` for every activation but GELU, which is not
/// monotonic and needs the input (the pre-activation).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Activation {
    /// `y = x`
    #[default]
    Identity,
    /// `y = 1 / (1 + exp(-x))`
    Sigmoid,
    /// `y = tanh(x)`
    Tanh,
    /// `y = max(x, 0)`
    Relu,
    /// `y = x` for `x > 0`, `slope * x` otherwise; `slope` is positive
    LeakyRelu(f32),
    /// `y = x` for `x > 0`, `alpha * (exp(x) - 1)` otherwise (Clevert, Unterthiner and Hochreiter 2016); `alpha` is positive
    Elu(f32),
    /// `y = 1.0507 * elu(x, 1.6733)` (Klambauer, Unterthiner, Mayr and Hochreiter 2017)
    Selu,
    /// `y = x * (1 + erf(x / sqrt(2))) / 2` (Hendrycks and Gimpel 2016), the exact form
    Gelu,
    /// `y = ln(1 + exp(x))`
    Softplus,
}

const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_SCALE: f32 = 1.050_701;

impl Activation {
    /// True where the derivative needs the input, not the output.
    pub fn needs_input(self) -> bool {
        matches!(self, Self::Gelu)
    }

    /// `y_i = f(y_i)` in place.
    pub fn forward_in_place(self, y: &mut [f32]) {
        if self != Self::Identity {
            map_in_place(self, y);
        }
    }

    /// `dx_i = dy_i f'(.)`, the derivative taken at `saved`: the output, or the input where
    /// [`needs_input`](Self::needs_input) says so.
    ///
    /// # Panics
    /// If the three lengths differ.
    pub fn backward(self, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
        assert!(saved.len() == dy.len() && dy.len() == dx.len(), "saved, dy and dx differ in length");
        let level = simd::level();
        let parts = dx.chunks_mut(BLOCK).zip(saved.chunks(BLOCK)).zip(dy.chunks(BLOCK)).collect();
        threads::for_each(parts, |((dx, saved), dy)| {
            simd::dispatch_at(level, Backward { activation: self, saved, dy, dx });
        });
    }

    /// `f(x)` on a vector.
    #[inline(always)]
    pub fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let zero = s.splat(0.0);
        match self {
            Self::Identity => x,
            Self::Sigmoid => vector::sigmoid(s, x),
            Self::Tanh => vector::tanh(s, x),
            Self::Relu => s.max(zero, x),
            Self::LeakyRelu(slope) => s.select(s.lt(zero, x), x, s.mul(x, s.splat(slope))),
            Self::Elu(alpha) => elu(s, x, alpha, 1.0),
            Self::Selu => elu(s, x, SELU_SCALE * SELU_ALPHA, SELU_SCALE),
            Self::Gelu => vector::gelu(s, x),
            Self::Softplus => vector::softplus(s, x),
        }
    }

    /// `dy f'(.)` on a vector, with `saved` as for [`backward`](Self::backward).
    #[inline(always)]
    pub fn pull_back<S: Simd>(self, s: S, saved: S::F, dy: S::F) -> S::F {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let y = saved;
        match self {
            Self::Identity => dy,
            Self::Sigmoid => s.mul(dy, s.mul(y, s.sub(one, y))),
            Self::Tanh => s.mul(dy, s.neg_mul_add(y, y, one)),
            // Selected, not multiplied: an infinite dy times zero would be NaN. A NaN output passes dy on.
            Self::Relu => s.select(s.eq(s.max(zero, y), zero), zero, dy),
            Self::LeakyRelu(slope) => s.select(s.lt(zero, y), dy, s.mul(dy, s.splat(slope))),
            Self::Elu(alpha) => s.select(s.lt(zero, y), dy, s.mul(dy, s.add(y, s.splat(alpha)))),
            Self::Selu => {
                let negative = s.add(y, s.splat(SELU_SCALE * SELU_ALPHA));
                s.mul(dy, s.select(s.lt(zero, y), s.splat(SELU_SCALE), negative))
            }
            Self::Gelu => s.mul(dy, vector::gelu_derivative(s, saved)),
            // f' = sigmoid(x) = 1 - exp(-y)
            Self::Softplus => {
                let decay = vector::exp_m1_negative(s, s.sub(zero, y));
                s.mul(dy, s.sub(zero, decay))
            }
        }
    }
}

impl VectorFn for Activation {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, x: S::F) -> S::F {
        self.apply(s, x)
    }
}

/// `scale * x` above zero, `alpha * (exp(x) - 1)` below.
#[inline(always)]
fn elu<S: Simd>(s: S, x: S::F, alpha: f32, scale: f32) -> S::F {
    let zero = s.splat(0.0);
    let negative = s.mul(vector::exp_m1_negative(s, x), s.splat(alpha));
    s.select(s.lt(zero, x), s.mul(x, s.splat(scale)), negative)
}

struct Backward<'a> {
    activation: Activation,
    saved: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let parts =
            self.dx.chunks_mut(S::LANES).zip(self.saved.chunks(S::LANES)).zip(self.dy.chunks(S::LANES));
        for ((dx, saved), dy) in parts {
            let v = self.activation.pull_back(s, s.load_slice(saved), s.load_slice(dy));
            s.store_slice(dx, v);
        }
    }
}
