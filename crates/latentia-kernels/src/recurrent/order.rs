//! Sequences of different lengths as steps with ever fewer rows.

/// How the rows of a batch are worked on: longest first, so that the rows that still run are always the first ones.
///
/// Rows of all steps lie one after the other without padding. In the reverse direction every row starts at its own end.
#[derive(Default)]
pub(super) struct Order {
    /// The caller's row at each place.
    rows: Vec<usize>,
    /// Rows at each step, then one zero.
    active: Vec<usize>,
    /// The first row of each step among all, then their number.
    first: Vec<usize>,
    /// For every row of every step, its row in the caller's `[T·B]`; unused when `plain`.
    places: Vec<usize>,
    lengths: Vec<usize>,
    plain: bool,
}

impl Order {
    #[track_caller]
    pub(super) fn set(&mut self, steps: usize, batch: usize, lengths: Option<&[usize]>, reverse: bool) {
        self.lengths.clear();
        match lengths {
            Some(lengths) => {
                assert_eq!(lengths.len(), batch, "recurrent: one length per row of the batch");
                for (row, &length) in lengths.iter().enumerate() {
                    assert!(length <= steps, "recurrent: row {row} has length {length}, x has {steps} steps");
                }
                self.lengths.extend_from_slice(lengths);
            }
            None => self.lengths.resize(batch, steps),
        }
        let lengths = &self.lengths;
        self.rows.clear();
        self.rows.extend(0..batch);
        // By row where lengths agree: the order is a function of the lengths alone, and nothing is allocated.
        self.rows.sort_unstable_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
        self.plain = !reverse && lengths.iter().all(|&length| length == steps);
        self.active.clear();
        self.first.clear();
        let (mut running, mut total) = (batch, 0);
        for t in 0..steps {
            while running > 0 && lengths[self.rows[running - 1]] <= t {
                running -= 1;
            }
            self.active.push(running);
            self.first.push(total);
            total += running;
        }
        self.active.push(0);
        self.first.push(total);
        self.places.clear();
        if !self.plain {
            for t in 0..steps {
                let rows = self.rows[..self.active[t]].iter();
                self.places
                    .extend(rows.map(|&row| if reverse { lengths[row] - 1 - t } else { t } * batch + row));
            }
        }
    }

    pub(super) fn steps(&self) -> usize {
        self.active.len() - 1
    }

    pub(super) fn batch(&self) -> usize {
        self.rows.len()
    }

    /// Rows of all steps together.
    pub(super) fn total(&self) -> usize {
        self.first[self.steps()]
    }

    /// True where the rows lie as in the caller's arrays.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The caller's row at each place.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Steps of the row at a place.
    pub(super) fn length(&self, place: usize) -> usize {
        self.lengths[self.rows[place]]
    }

    /// Rows at step `t`; none after the last.
    #[inline(always)]
    pub(super) fn active(&self, t: usize) -> usize {
        self.active[t]
    }

    /// Where step `t` starts among the rows of all steps.
    #[inline(always)]
    pub(super) fn first(&self, t: usize) -> usize {
        self.first[t]
    }

    /// Where the memory before step `t` starts: that before the first step lies in front of all others.
    #[inline(always)]
    pub(super) fn memory(&self, t: usize) -> usize {
        if t == 0 { 0 } else { self.batch() + self.first[t - 1] }
    }

    /// The row of the caller's `[T·B]` that a row of all steps belongs to.
    #[inline(always)]
    pub(super) fn place(&self, row: usize) -> usize {
        if self.plain { row } else { self.places[row] }
    }
}
