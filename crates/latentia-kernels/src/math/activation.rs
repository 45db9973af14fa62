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

/// `alpha` of SELU.
pub(crate) const SELU_ALPHA: f32 = 1.673_263_2;
/// `scale` of SELU.
pub(crate) const SELU_SCALE: f32 = 1.050_701;

impl Activation {
    /// True where the derivative needs the input, not the output.
    pub fn needs_input(self) -> bool {
        matches!(self, Self::Gelu)
    }

    /// `y_i = f(y_i)` in place.
    pub fn forward_in_place(self, y: &mut [f32]) {
        for v in y {
            *v = self.scalar(*v);
        }
    }

    /// `dx_i = dy_i f'(.)`, the derivative taken at `saved`: the output, or the input where
    /// [`needs_input`](Self::needs_input) says so.
    ///
    /// # Panics
    /// If the three lengths differ.
    pub fn backward(self, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
        assert!(saved.len() == dy.len() && dy.len() == dx.len(), "saved, dy and dx differ in length");
        for ((dx, &s), &dy) in dx.iter_mut().zip(saved).zip(dy) {
            *dx = dy * self.scalar_derivative(s);
        }
    }

    fn scalar(self, x: f32) -> f32 {
        match self {
            Self::Identity => x,
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::Relu => {
                if x > 0.0 {
                    x
                } else {
                    0.0 * x
                }
            }
            Self::LeakyRelu(slope) => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Self::Elu(alpha) => {
                if x > 0.0 {
                    x
                } else {
                    alpha * x.exp_m1()
                }
            }
            Self::Selu => SELU_SCALE * if x > 0.0 { x } else { SELU_ALPHA * x.exp_m1() },
            Self::Gelu => {
                let z = f64::from(x) * std::f64::consts::FRAC_1_SQRT_2;
                (0.5 * f64::from(x) * (1.0 + erf(z))) as f32
            }
            Self::Softplus => {
                if x > 20.0 {
                    x
                } else {
                    x.exp().ln_1p()
                }
            }
        }
    }

    fn scalar_derivative(self, s: f32) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::Sigmoid => s * (1.0 - s),
            Self::Tanh => 1.0 - s * s,
            Self::Relu => {
                if s > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Self::LeakyRelu(slope) => {
                if s > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Self::Elu(alpha) => {
                if s > 0.0 {
                    1.0
                } else {
                    s + alpha
                }
            }
            Self::Selu => {
                if s > 0.0 {
                    SELU_SCALE
                } else {
                    s + SELU_SCALE * SELU_ALPHA
                }
            }
            Self::Gelu => {
                let x = f64::from(s);
                let cdf = 0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
                let pdf = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (cdf + x * pdf) as f32
            }
            Self::Softplus => 1.0 - (-s).exp(),
        }
    }
}

/// Error function by its Taylor series (|x| < 3) or continued limit.
fn erf(x: f64) -> f64 {
    if x.abs() >= 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
