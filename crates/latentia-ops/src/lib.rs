//! Latentia's kernels as differentiable Burn operations.
#![forbid(unsafe_code)]
