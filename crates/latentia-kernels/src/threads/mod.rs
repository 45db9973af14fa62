//! One team of threads for the whole process.
//!
//! Its size comes from [`set_count`], else from the environment variable `LATENTIA_THREADS`, else from the processor. The
//! threads start with the first use and stay; between uses they spin for some microseconds, then sleep.
//!
//! Work is given out in pieces whose boundaries do not depend on the number of threads, so results do not either. Calls
//! from inside a piece, and calls made while another thread has the team, run on the calling thread alone: always
//! correct, never waiting.
//!
//! On a machine that is busy with other programs a thread may not get a core for many milliseconds, a hundred times what the
//! piece it was to do takes. So nobody waits long for a thread that has not started: the work is done by those that have
//! come. A thread that is late, or loses its core in the middle of its work for longer than it had it, is left out for some
//! milliseconds, for longer each time, up to a quarter of a second; one that was only late, until it has a core. One that
//! wakes on the core of the thread that called it moves to another. The team then shrinks to what the machine has room for,
//! and grows again when it is idle.

mod crowd;
mod meeting;
mod place;
mod team;
mod wait;

pub use meeting::Member;
pub use team::{count, set_count, team, with_limit};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Calls `f(i)` once for every `i < tasks`, on as many threads as are free; which thread takes which piece is not defined.
///
/// A panic in a piece is passed on after all threads have finished theirs.
pub fn run(tasks: usize, f: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    team::join_in(tasks, || {
        loop {
            let i = next.fetch_add(1, Relaxed);
            if i >= tasks {
                return;
            }
            f(i);
        }
    });
}

/// Calls `f` once with every item: the way to hand each thread its own part of an output.
///
/// ```
/// let mut squares = vec![0; 10];
/// let parts = squares.chunks_mut(4).enumerate().collect();
/// latentia_kernels::threads::for_each(parts, |(part, values): (usize, &mut [usize])| {
///     for (i, v) in values.iter_mut().enumerate() {
///         *v = (4 * part + i).pow(2);
///     }
/// });
/// assert_eq!(squares[9], 81);
/// ```
pub fn for_each<T: Send>(items: Vec<T>, f: impl Fn(T) + Sync) {
    if items.len() <= 1 {
        items.into_iter().for_each(f);
        return;
    }
    let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    run(items.len(), |i| {
        // A poisoned lock would mean that taking the item panicked, which it cannot.
        if let Some(item) = items[i].lock().ok().and_then(|mut slot| slot.take()) {
            f(item);
        }
    });
}

#[cfg(test)]
pub(crate) mod tests;
