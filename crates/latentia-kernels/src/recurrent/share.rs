//! Which thread computes which units of which rows.

use super::order::Order;
use crate::gemm::{row_tile, row_tiles};
use crate::simd::Simd;
use crate::threads::{self, Member};
use std::ops::Range;
use std::sync::OnceLock;

/// Fewest rows of a batch worth a thread of their own: half a register tile.
const OWN_ROWS: usize = 8;
/// Multiplications of a step from which meeting another thread after it pays: about two microseconds of work.
/// Miri, which runs a few of them a second, is to see threads at work, too.
pub(super) const PARALLEL_FROM: usize = if cfg!(miri) { 1 } else { 100_000 };

/// Bytes of packed recurrent weights that stay in every core's second-level cache beside what a step reads and writes: three
/// quarters of it, taken for 1 MiB where the system does not say. With half of it an LSTM of 200 units took 4 to 9 % longer.
fn own_cache() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        // Miri has no such files.
        let path = cfg!(not(miri)).then_some("/sys/devices/system/cpu/cpu0/cache/index2/size");
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        let kib = text.and_then(|text| text.trim().strip_suffix('K')?.parse().ok());
        kib.unwrap_or(1024usize) * 768
    })
}

/// How a recurrence is divided.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Split {
    /// Rows of the batch: threads never meet.
    Rows,
    /// Units: threads meet after every step.
    Units,
}

/// The division of a recurrence and the most threads it is worth.
pub(super) fn split(order: &Order, gates: usize, hidden: usize, threads: usize) -> (Split, usize) {
    let step = order.batch() * gates * hidden * hidden;
    let by_rows = threads.min(order.batch() / OWN_ROWS);
    if gates * hidden * hidden * size_of::<f32>() <= own_cache() && by_rows > 1 {
        (Split::Rows, if step * order.steps() < PARALLEL_FROM { 1 } else { by_rows })
    } else {
        (Split::Units, if step < PARALLEL_FROM { 1 } else { threads })
    }
}

/// Multiplications of a pass's largest product up to which it stays with the thread that does the recurrence, in whose cache its
/// operands lie: fetching them takes another thread as long as it saves, and longer where the two have no cache in common.
const ALONE_TO: usize = 4_000_000;

/// Threads for all of a pass over these sequences.
pub(super) fn pass_threads(order: &Order, gates: usize, hidden: usize, inputs: usize) -> usize {
    let threads = threads::count();
    let (_, members) = split(order, gates, hidden, threads);
    let product = order.total() * gates * hidden * (inputs + hidden);
    if members == 1 && product <= ALONE_TO { 1 } else { threads }
}

/// Whether a step has so little work that one thread does all of it, however many there are.
pub(super) fn by_one(batch: usize, gates: usize, hidden: usize) -> bool {
    batch * gates * hidden * hidden < PARALLEL_FROM && batch < 2 * OWN_ROWS
}

/// Rows that pay for weights which do not stay in a core's cache.
const MANY_ROWS: usize = 32;

/// Whether two layers of equal size are better worked on side by side, each by one thread, than one after the other by all:
/// a step has too little work to share, or a few threads would meet after every step for less than they save. With 64 rows of
/// 512 units and two threads that is 5 to 10 % of a GRU's step, nothing of an LSTM's.
pub(super) fn side_by_side(batch: usize, gates: usize, hidden: usize, threads: usize) -> bool {
    let weights = gates * hidden * hidden;
    let alone = batch >= MANY_ROWS || weights * size_of::<f32>() <= own_cache();
    threads > 1 && (batch * weights < PARALLEL_FROM || threads < 4 && alone)
}

/// Some units of some rows.
#[derive(Clone, Copy)]
pub(super) struct Task {
    /// Place of the first row and number of rows; the last may have ended.
    pub(super) row: usize,
    pub(super) height: usize,
    /// First unit and vectors of units.
    pub(super) unit: usize,
    pub(super) vectors: usize,
}

impl Task {
    /// How many of the rows are among the first `active`.
    #[inline(always)]
    pub(super) fn running(&self, active: usize) -> usize {
        active.saturating_sub(self.row).min(self.height)
    }
}

/// One member's tasks, the same at every step: all tiles of rows for a group of units before the next group, so that the
/// weights of a group are read once.
pub(super) struct Share {
    rows: Range<usize>,
    tiles: usize,
    tasks: Range<usize>,
    hidden: usize,
    /// Vectors of units in a group.
    vectors: usize,
}

impl Share {
    #[inline(always)]
    pub(super) fn new<S: Simd>(
        order: &Order,
        split: Split,
        member: Member,
        hidden: usize,
        vectors: usize,
    ) -> Self {
        let rows = match split {
            Split::Rows => rows_of(order, member),
            Split::Units => 0..order.batch(),
        };
        let tiles = row_tiles::<S>(rows.len());
        let mut share = Self { rows, tiles, tasks: 0..0, hidden, vectors };
        let all = hidden.div_ceil(vectors * S::LANES) * tiles;
        share.tasks = match split {
            Split::Rows => 0..all,
            Split::Units => {
                // A task is the member's in whose share of the total cost its middle falls.
                let total = 2 * share.rows.len() * hidden.div_ceil(S::LANES);
                let (mut cost, mut range) = (0, all..all);
                for i in 0..all {
                    let task = share.task::<S>(i);
                    let own = task.height * task.vectors;
                    let owner = (cost + own) * member.count() / total;
                    cost += 2 * own;
                    if owner == member.index() {
                        range = range.start.min(i)..i + 1;
                    }
                }
                range
            }
        };
        share
    }

    /// The tasks, so many at a time.
    #[inline(always)]
    pub(super) fn groups(&self, at_once: usize) -> impl Iterator<Item = Range<usize>> {
        let Range { mut start, end } = self.tasks;
        std::iter::from_fn(move || {
            let group = start..(start + at_once).min(end);
            start = group.end;
            (!group.is_empty()).then_some(group)
        })
    }

    /// Tiles of rows.
    #[inline(always)]
    pub(super) fn tiles(&self) -> usize {
        self.tiles
    }

    /// Place of the first row of a tile and number of its rows.
    #[inline(always)]
    pub(super) fn tile<S: Simd>(&self, i: usize) -> (usize, usize) {
        let (row, height) = row_tile::<S>(self.rows.len(), i);
        (self.rows.start + row, height)
    }

    #[inline(always)]
    pub(super) fn task<S: Simd>(&self, i: usize) -> Task {
        let (group, tile) = (i / self.tiles, i % self.tiles);
        let (row, height) = self.tile::<S>(tile);
        let unit = group * self.vectors * S::LANES;
        let vectors = (self.hidden - unit).div_ceil(S::LANES).min(self.vectors);
        Task { row, height, unit, vectors }
    }
}

/// Rows with about the same number of steps in all for every member.
fn rows_of(order: &Order, member: Member) -> Range<usize> {
    let (mut seen, mut range) = (0, order.batch()..order.batch());
    for place in 0..order.batch() {
        // Rows that never run need an owner too.
        let steps = order.length(place).max(1);
        let total = 2 * (order.total() + (order.batch() - order.active(0)));
        let owner = (seen + steps) * member.count() / total;
        seen += 2 * steps;
        if owner == member.index() {
            range = range.start.min(place)..place + 1;
        }
    }
    range
}
