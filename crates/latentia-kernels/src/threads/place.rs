//! The core that a thread is on.
//!
//! A thread that is woken while all cores are taken starts on the core it had last. Where that has become the core of the
//! thread that waits for it, neither gains from the other, and while it sleeps most of the time the system sees no reason to
//! move it: it has to go itself.

/// The core the calling thread is on, where that can be known.
pub(super) fn current_core() -> Option<usize> {
    #[cfg(all(target_os = "linux", not(miri)))]
    return Some(rustix::thread::sched_getcpu());
    #[cfg(not(all(target_os = "linux", not(miri))))]
    None
}

/// Moves the calling thread to another one of the cores it may use, if there is one. Later the system may put it where it likes.
pub(super) fn leave_core(core: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let Ok(allowed) = sched_getaffinity(None) else { return };
        let mut others = allowed;
        if core < CpuSet::MAX_CPU {
            others.unset(core);
        }
        if others.count() > 0 && sched_setaffinity(None, &others).is_ok() {
            // Cores that somebody else has just taken away, microseconds ago, would come back by this.
            let _ = sched_setaffinity(None, &allowed);
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = core;
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use rustix::thread::sched_getaffinity;

    #[test]
    fn a_thread_that_leaves_a_core_is_on_another_one_and_may_still_use_all() {
        let before = sched_getaffinity(None).expect("every thread has cores it may use");
        if before.count() < 2 {
            println!("skipped: one core only");
            return;
        }
        // The system may move it back at once, but not every time.
        let moved = (0..100).any(|_| {
            let core = current_core().expect("Linux tells");
            leave_core(core);
            current_core() != Some(core)
        });
        assert!(moved);
        assert_eq!(sched_getaffinity(None).ok(), Some(before));
    }
}
