use super::crowd::{Chances, Manners};
use super::wait::{Bell, Padded, spin};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::time::{Duration, Instant};

/// One thread's place in a team at work.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    pub(super) index: usize,
    pub(super) count: usize,
    /// None where the member is alone.
    pub(super) meeting: Option<&'a Meeting>,
}

impl Member<'_> {
    /// This member's number, below [`count`](Member::count).
    pub fn index(&self) -> usize {
        self.index
    }

    /// Members at work.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns when all members have called it. What any of them wrote before is visible to all afterwards.
    ///
    /// # Panics
    /// If a member has panicked and will never come.
    pub fn wait(&self) {
        let Some(meeting) = self.meeting.filter(|_| self.count > 1) else { return };
        let round = meeting.round.0.load(Acquire);
        if meeting.arrived.0.fetch_add(1, AcqRel) + 1 == self.count {
            meeting.arrived.0.store(0, Relaxed);
            meeting.round.0.store(round.wrapping_add(1), Release);
            meeting.bell.ring();
            return;
        }
        let passed = || meeting.round.0.load(Acquire) != round;
        meeting.wait_until(self.index, || passed() || meeting.poisoned.load(Acquire));
        assert!(passed(), "another member of the team has panicked");
    }

    /// This member's share of `0..n`: consecutive, sizes differing by at most one.
    pub fn share(&self, n: usize) -> Range<usize> {
        let (each, rest) = (n / self.count, n % self.count);
        let start = self.index * each + self.index.min(rest);
        start..start + each + usize::from(self.index < rest)
    }
}

/// What a thread is doing at its desk. The thread that calls the team to work writes `ASKED` and `STARTED`, and takes `ASKED`
/// back where nobody came; the desk's own thread writes the rest.
pub(super) const FREE: usize = 0;
pub(super) const ASKED: usize = 1;
pub(super) const CAME: usize = 2;
pub(super) const STARTED: usize = 3;

/// Where one thread of the team waits for work.
pub(super) struct Desk {
    pub(super) state: AtomicUsize,
    pub(super) asleep: AtomicBool,
    /// The thread was late, and has not been here since.
    pub(super) missed: AtomicBool,
    /// The core of the thread that last woke this desk's own; `usize::MAX` where it is not known.
    pub(super) waker: AtomicUsize,
    /// The thread's number in this job.
    pub(super) index: AtomicUsize,
    pub(super) chances: Chances,
}

impl Desk {
    /// The thread has a core now, whether it was late or not.
    pub(super) fn is_here(&self) {
        if self.missed.load(Relaxed) && self.missed.swap(false, Acquire) {
            self.chances.has_come();
        }
    }
}

/// Where the threads of a team meet.
pub(super) struct Meeting {
    pub(super) desks: Vec<Padded<Desk>>,
    pub(super) arrived: Padded<AtomicUsize>,
    round: Padded<AtomicUsize>,
    pub(super) poisoned: AtomicBool,
    pub(super) bell: Bell,
    started: Instant,
    pub(super) manners: Manners,
}

/// How long a thread in the middle of a job spins before it sleeps: about what waking it takes on an idle machine.
const SPIN: Duration = Duration::from_micros(50);

/// How long it spins when it last slept for less than this. Else two threads that meet again and again would take turns at
/// sleeping: each is still being woken when the other comes, and stops waiting just before it is there.
const SPIN_AGAIN: Duration = Duration::from_micros(500);

/// How long a thread spins the next time, after a sleep that began at `start`; `usual` where that was a long one.
pub(super) fn next_spin(start: Instant, usual: Duration) -> Duration {
    if start.elapsed() < SPIN_AGAIN { SPIN_AGAIN } else { usual }
}

thread_local! {
    static SPINS: Cell<Duration> = const { Cell::new(SPIN) };
}

/// A thread that has lost its core for this long has others beside it that want one.
const LOST: u64 = 100_000;

impl Meeting {
    pub(super) fn new(size: usize, manners: Manners) -> Self {
        let desk = |_| {
            Padded(Desk {
                state: AtomicUsize::new(FREE),
                asleep: AtomicBool::new(false),
                missed: AtomicBool::new(false),
                waker: AtomicUsize::new(usize::MAX),
                index: AtomicUsize::new(0),
                chances: Chances::default(),
            })
        };
        Self {
            desks: (1..size).map(desk).collect(),
            arrived: Padded(AtomicUsize::new(0)),
            round: Padded(AtomicUsize::new(0)),
            poisoned: AtomicBool::new(false),
            bell: Bell::default(),
            started: Instant::now(),
            manners,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Waits in the middle of a job. The first member finds out whether those it waits for work or have lost their cores.
    #[inline]
    pub(super) fn wait_until(&self, index: usize, ready: impl Fn() -> bool) {
        if spin(SPINS.get(), &ready) {
            return;
        }
        if index > 0 {
            self.sleep_until(ready);
            return;
        }
        for desk in &self.desks {
            let at_work = desk.0.state.load(Relaxed) == STARTED;
            desk.0.chances.set_mark(at_work);
        }
        self.sleep_until(ready);
        for desk in &self.desks {
            let lost = desk.0.chances.delay_since_mark();
            if lost > LOST {
                desk.0.chances.was_interrupted(self.now(), lost, self.desks.len() + 1, self.manners);
            }
        }
    }

    fn sleep_until(&self, ready: impl Fn() -> bool) {
        let start = Instant::now();
        self.bell.sleep(ready);
        SPINS.set(next_spin(start, SPIN));
    }
}
