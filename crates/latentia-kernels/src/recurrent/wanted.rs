//! Lines of memory that are needed after a product, asked for while it is computed.

use crate::simd::Simd;

/// Most lines: rows of a register tile, two vectors of units, seven arrays.
const MOST: usize = 14 * 2 * 7;

/// Places that will be read or written soon. Asked for all at once they would fill the processor's few places for lines that
/// are under way, and the product after them would wait for its own.
pub(super) struct Wanted {
    places: [*const f32; MOST + 1],
    asked: usize,
    count: usize,
}

impl Wanted {
    pub(super) fn new() -> Self {
        Self { places: [std::ptr::null(); MOST + 1], asked: 0, count: 0 }
    }

    /// Adds a place; what there is no room for is not asked for.
    #[inline(always)]
    pub(super) fn push(&mut self, place: *const f32) {
        if self.count < MOST {
            self.places[self.count] = place;
            self.count += 1;
        }
    }

    /// What has not been asked for, and after it a place that is there: to ask for once more costs next to nothing.
    #[inline(always)]
    pub(super) fn left(&mut self) -> &[*const f32] {
        self.places[self.count] = self.places.as_ptr().cast();
        &self.places[self.asked..=self.count]
    }

    /// So many of those have been asked for.
    #[inline(always)]
    pub(super) fn asked(&mut self, count: usize) {
        self.asked += count;
    }

    /// Asks for what is left, and starts again with nothing.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(&mut self, s: S) {
        for &place in &self.places[self.asked..self.count] {
            s.prefetch(place);
        }
        (self.asked, self.count) = (0, 0);
    }
}
