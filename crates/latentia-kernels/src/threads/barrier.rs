use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};

/// A value on cache lines of its own (two: processors fetch neighbours in pairs).
#[repr(align(128))]
pub(super) struct Padded<T>(pub(super) T);

/// A meeting point of the members of a team: nobody passes until all have come.
///
/// Waiting spins, since the pieces between two meetings last microseconds, and yields when the machine is busy with
/// something else.
pub struct Barrier {
    members: usize,
    arrived: Padded<AtomicUsize>,
    round: Padded<AtomicUsize>,
    poisoned: AtomicBool,
}

/// Spins before a waiting thread lets others run: about 50 microseconds.
const SPINS: u32 = 1_000;

impl Barrier {
    /// A meeting point of `members` threads.
    pub fn new(members: usize) -> Self {
        Self {
            members,
            arrived: Padded(AtomicUsize::new(0)),
            round: Padded(AtomicUsize::new(0)),
            poisoned: AtomicBool::new(false),
        }
    }

    /// Returns when all members have called it. What any of them wrote before is visible to all afterwards.
    ///
    /// # Panics
    /// If a member has panicked and will never come.
    pub fn wait(&self) {
        if self.members == 1 {
            return;
        }
        let round = self.round.0.load(Acquire);
        if self.arrived.0.fetch_add(1, AcqRel) + 1 == self.members {
            self.arrived.0.store(0, Relaxed);
            self.round.0.store(round.wrapping_add(1), Release);
            return;
        }
        let mut spins = 0;
        while self.round.0.load(Acquire) == round {
            assert!(!self.poisoned.load(Relaxed), "another member of the team has panicked");
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Tells the members that one of them will not come.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Relaxed);
    }
}
