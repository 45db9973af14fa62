//! Working memory that is kept from call to call: fresh megabytes cost page faults every time.

use std::cell::RefCell;

/// 64 bytes on a boundary of 64: a cache line and the largest vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [f32; 16]);

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` floats on a 64-byte boundary, their contents left over from earlier use.
///
/// Each thread keeps its buffers; nested calls get different ones.
pub fn with<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut lines = FREE.with_borrow_mut(|free| free.pop()).unwrap_or_default();
    let need = len.div_ceil(16);
    if lines.len() < need {
        // The old contents are of no use: drop them before asking for more.
        lines = Vec::new();
        lines.resize(need, Line([0.0; 16]));
    }
    // SAFETY: `Line` is an array of floats without padding, and `need` lines hold `len` of them.
    let floats = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<f32>(), len) };
    let result = f(floats);
    FREE.with_borrow_mut(|free| free.push(lines));
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn nested_buffers_are_apart_and_aligned() {
        super::with(100, |a| {
            a.fill(1.0);
            super::with(50, |b| {
                b.fill(2.0);
                assert_eq!(b.as_ptr() as usize % 64, 0);
            });
            assert!(a.len() == 100 && a.iter().all(|&v| v == 1.0));
        });
        super::with(0, |empty| assert!(empty.is_empty()));
    }
}
