//! How threads wait for each other.

use std::sync::atomic::{AtomicUsize, Ordering::*, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A value on cache lines of its own (two: processors fetch neighbours in pairs).
#[repr(align(128))]
pub(super) struct Padded<T>(pub(super) T);

/// Looks at a condition again and again for at most `time`; tells whether it came true.
///
/// It never yields: on a busy machine that would hand the core over for a whole time slice, milliseconds, although what is
/// waited for may come in the next microsecond. Who has spun enough sleeps, and is woken when it is time.
#[inline]
pub(super) fn spin(time: Duration, ready: impl Fn() -> bool) -> bool {
    let mut start = None;
    loop {
        // A clock costs as much as some of these: two microseconds between two looks at it.
        for _ in 0..50 {
            if ready() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.get_or_insert_with(Instant::now).elapsed() >= time {
            return false;
        }
    }
}

/// Where threads sleep until something happens.
#[derive(Default)]
pub(super) struct Bell {
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Sleeps until a condition is true; whoever makes it true [`ring`](Bell::ring)s afterwards.
    pub(super) fn sleep(&self, ready: impl Fn() -> bool) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Relaxed);
        // Either the sleeper sees the condition or the ringer sees the sleeper: one of the two fences is first.
        fence(SeqCst);
        while !ready() {
            guard = self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Relaxed);
    }

    /// Wakes the sleepers, if there are any, to look at their conditions.
    #[inline]
    pub(super) fn ring(&self) {
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 {
            // Who holds the lock has not slept yet and may have looked before the change.
            drop(self.lock.lock());
            self.rung.notify_all();
        }
    }
}
