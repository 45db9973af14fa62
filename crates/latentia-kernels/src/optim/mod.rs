//! Parameter updates: one pass over parameters, gradients and state, in place.
//!
//! Every update takes a factor for the gradient (clipping by norm, averaging) and applies it on the way. Equations and
//! defaults are PyTorch's, so that a run can be moved between the two.

/// Settings of Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate `η`.
    pub lr: f64,
    /// Decay `β₁` of the first moment.
    pub beta1: f64,
    /// Decay `β₂` of the second moment.
    pub beta2: f64,
    /// `ε`, added to the root of the second moment.
    pub eps: f64,
    /// Weight decay `λ`.
    pub weight_decay: f64,
    /// Decay the weights directly (AdamW) instead of through the gradient (Adam with an L2 penalty).
    pub decoupled: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

/// Settings of stochastic gradient descent with momentum (dampening 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate `η`.
    pub lr: f64,
    /// Momentum `μ`.
    pub momentum: f64,
    /// Look ahead along the velocity (Nesterov).
    pub nesterov: bool,
    /// Weight decay `λ`.
    pub weight_decay: f64,
}

/// Settings of RMSProp (Tieleman and Hinton 2012).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate `η`.
    pub lr: f64,
    /// Decay `α` of the mean square.
    pub alpha: f64,
    /// `ε`, added to the root of the mean square.
    pub eps: f64,
    /// Momentum `μ`.
    pub momentum: f64,
    /// Weight decay `λ`.
    pub weight_decay: f64,
}

/// One step of Adam at step number `t` (from 1); `m` and `v` start at zero.
///
/// ```text
/// g ← scale·g (+ λθ when coupled)       θ ← θ − ηλθ when decoupled
/// m ← β₁m + (1−β₁)g                     v ← β₂v + (1−β₂)g²
/// θ ← θ − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn adam(
    config: &Adam,
    t: u64,
    grad_scale: f32,
    theta: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let n = theta.len();
    assert!(g.len() == n && m.len() == n && v.len() == n, "adam: the slices differ in length");
    let (c1, c2) = (1.0 - config.beta1.powf(t as f64), 1.0 - config.beta2.powf(t as f64));
    let step = (config.lr / c1) as f32;
    let (root, eps) = ((1.0 / c2.sqrt()) as f32, config.eps as f32);
    let (b1, b2, b2c) = ((1.0 - config.beta1) as f32, config.beta2 as f32, (1.0 - config.beta2) as f32);
    let l2 = if config.decoupled { 0.0 } else { config.weight_decay as f32 };
    let keep = if config.decoupled { (1.0 - config.lr * config.weight_decay) as f32 } else { 1.0 };
    for i in 0..n {
        let grad = g[i] * grad_scale + l2 * theta[i];
        m[i] += b1 * (grad - m[i]);
        v[i] = b2 * v[i] + b2c * grad * grad;
        theta[i] = keep * theta[i] - step * m[i] / (v[i].sqrt() * root + eps);
    }
}

/// One step of stochastic gradient descent; `velocity` is needed when the momentum is not zero and starts at zero.
///
/// ```text
/// g ← scale·g + λθ       v ← μv + g       θ ← θ − η·(g + μv  if nesterov,  v otherwise)
/// ```
///
/// # Panics
/// If the lengths differ, or momentum is asked for without a velocity.
pub fn sgd(config: &Sgd, grad_scale: f32, theta: &mut [f32], g: &[f32], velocity: Option<&mut [f32]>) {
    let n = theta.len();
    assert_eq!(g.len(), n, "sgd: the slices differ in length");
    let (lr, mu, l2) = (config.lr as f32, config.momentum as f32, config.weight_decay as f32);
    if config.momentum == 0.0 {
        for i in 0..n {
            theta[i] -= lr * (g[i] * grad_scale + l2 * theta[i]);
        }
        return;
    }
    let v = velocity.expect("sgd: momentum needs a velocity");
    assert_eq!(v.len(), n, "sgd: the velocity differs in length");
    for i in 0..n {
        let grad = g[i] * grad_scale + l2 * theta[i];
        v[i] = mu * v[i] + grad;
        theta[i] -= lr * if config.nesterov { grad + mu * v[i] } else { v[i] };
    }
}

/// One step of RMSProp; `square` starts at zero, `velocity` is needed when the momentum is not zero.
///
/// ```text
/// g ← scale·g + λθ       s ← αs + (1−α)g²       d = g / (√s + ε)
/// without momentum: θ ← θ − ηd       with momentum: v ← μv + d,  θ ← θ − ηv
/// ```
///
/// # Panics
/// If the lengths differ, or momentum is asked for without a velocity.
pub fn rms_prop(
    config: &RmsProp,
    grad_scale: f32,
    theta: &mut [f32],
    g: &[f32],
    square: &mut [f32],
    velocity: Option<&mut [f32]>,
) {
    let n = theta.len();
    assert!(g.len() == n && square.len() == n, "rms_prop: the slices differ in length");
    let (lr, alpha, eps, l2) =
        (config.lr as f32, config.alpha as f32, config.eps as f32, config.weight_decay as f32);
    let (ac, mu) = ((1.0 - config.alpha) as f32, config.momentum as f32);
    let mut velocity = velocity.filter(|_| config.momentum != 0.0);
    assert!(config.momentum == 0.0 || velocity.is_some(), "rms_prop: momentum needs a velocity");
    for i in 0..n {
        let grad = g[i] * grad_scale + l2 * theta[i];
        square[i] = alpha * square[i] + ac * grad * grad;
        let d = grad / (square[i].sqrt() + eps);
        let d = match &mut velocity {
            Some(v) => {
                v[i] = mu * v[i] + d;
                v[i]
            }
            None => d,
        };
        theta[i] -= lr * d;
    }
}
