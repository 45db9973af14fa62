//! One vector type per instruction set, chosen once when the program starts.
//!
//! A kernel is a struct that implements [`Kernel`]: its body is generic over a [`Simd`] token and marked
//! `#[inline(always)]`, so that [`dispatch`] compiles it once per instruction set inside a function that enables that set.
//! Holding a token is the proof that the processor has the instructions, which makes register arithmetic safe; only
//! loads and stores through pointers are not. (The idea is that of the crates `pulp` and `rten-simd`.)
//!
//! Closures do not inherit the instruction set of the function around them: inside a kernel, call `#[inline(always)]`
//! functions and methods instead.

mod level;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod macros;
mod portable;
mod vector;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use level::{Level, LevelError, configured, level, with_level};
pub use vector::Simd;

/// A computation written once and compiled for every instruction set.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The body; mark the implementation `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// Runs a kernel at the level of [`level`].
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs a kernel at a level found earlier: what a thread of a team uses, so that all its members agree.
///
/// # Panics
/// If this processor does not have the level.
#[inline]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    assert!(level.is_available(), "this processor does not have {}", level.name());
    match level {
        // SAFETY: the level was just found to be available.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::run(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Level::Neon => unsafe { neon::run(kernel) },
        _ => kernel.run(portable::Portable),
    }
}

#[cfg(test)]
pub(crate) mod tests;
