//! A machine that is busy with other things: threads that do not get a core are left out for a while.

use std::fs::File;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How a team treats threads that are late.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    /// How long a thread may take to come when it is asked to.
    pub(super) patience: Duration,
    /// How long it is then left out, at first.
    pub(super) pause: Duration,
}

/// Waking a thread takes about 50 microseconds on an idle virtual machine; a time slice of another program takes milliseconds.
pub(super) const MANNERS: Manners =
    Manners { patience: Duration::from_micros(200), pause: Duration::from_millis(2) };

/// The longest pause: trying again costs up to some time slices, a tenth of this.
const LONGEST: Duration = Duration::from_millis(250);

/// What is known about one thread's chances to get a core. Times are nanoseconds since the team started.
#[derive(Default)]
pub(super) struct Chances {
    /// Before this the thread is left out; zero as long as it has always been in time.
    until: AtomicU64,
    pause: AtomicU64,
    mark: AtomicU64,
    /// The system's account of the thread, where there is one.
    account: OnceLock<Option<File>>,
}

impl Chances {
    /// Whether the thread may be asked to come.
    pub(super) fn are_good(&self, now: u64) -> bool {
        now >= self.until.load(Relaxed)
    }

    /// Leaves the thread out for a while: twice as long as before if it was late the last time too.
    pub(super) fn was_late(&self, now: u64, manners: Manners) {
        let (until, last) = (self.until.load(Relaxed), self.pause.load(Relaxed));
        let again = until > 0 && now < until + 4 * last;
        let nanos = |time: Duration| time.as_nanos() as u64;
        let pause = if again { (2 * last).min(nanos(LONGEST)) } else { nanos(manners.pause) };
        self.pause.store(pause, Relaxed);
        self.until.store(now + pause, Relaxed);
    }

    /// A thread that lost its core in the middle of its work, and has it back. It is left out only where a team of `members` did
    /// less with it than the others would have done: where the time since it was last let in is shorter than what all of them
    /// then lost. A program of low priority takes a core now and then for a tick; one of the same priority half of the time.
    pub(super) fn was_interrupted(&self, now: u64, lost: u64, members: usize, manners: Manners) {
        if now.saturating_sub(self.until.load(Relaxed)) < members as u64 * lost {
            self.was_late(now, manners);
        } else {
            self.until.store(now, Relaxed);
        }
    }

    /// Ends the pause of a thread that was late: now that it has a core it would come at once. On an idle virtual machine, where
    /// it was only slow to wake, it would otherwise fall asleep again in the pause, be late the next time too, and be left out
    /// ever longer.
    pub(super) fn has_come(&self) {
        let (until, pause) = (self.until.load(Relaxed), self.pause.load(Relaxed));
        self.until.store(until.saturating_sub(pause), Relaxed);
    }

    /// Remembers how long the thread has been without a core up to now, if that is of interest.
    pub(super) fn set_mark(&self, of_interest: bool) {
        let delay = if of_interest { self.delay() } else { None };
        self.mark.store(delay.unwrap_or(u64::MAX), Relaxed);
    }

    /// Nanoseconds without a core since then.
    pub(super) fn delay_since_mark(&self) -> u64 {
        let mark = self.mark.load(Relaxed);
        if mark == u64::MAX { 0 } else { self.delay().map_or(0, |delay| delay.saturating_sub(mark)) }
    }

    /// Opens the calling thread's account: [`delay`](Chances::delay) then speaks of it.
    pub(super) fn open_account(&self) {
        // Miri has no such files.
        let path = cfg!(all(target_os = "linux", not(miri))).then_some("/proc/thread-self/schedstat");
        let _ = self.account.set(path.and_then(|path| File::open(path).ok()));
    }

    /// Nanoseconds the thread has been ready to run in all without having a core.
    fn delay(&self) -> Option<u64> {
        let mut text = [0; 96];
        let length = read_start(self.account.get()?.as_ref()?, &mut text)?;
        // "<time on a core> <time waiting for one> <slices>"
        std::str::from_utf8(&text[..length]).ok()?.split(' ').nth(1)?.parse().ok()
    }
}

#[cfg(unix)]
fn read_start(file: &File, text: &mut [u8]) -> Option<usize> {
    std::os::unix::fs::FileExt::read_at(file, text, 0).ok()
}

#[cfg(not(unix))]
fn read_start(_: &File, _: &mut [u8]) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_while_a_thread_stays_late_and_start_again_after_it_came() {
        let chances = Chances::default();
        assert!(chances.are_good(0), "nothing is known yet");
        let manners = Manners { patience: Duration::ZERO, pause: Duration::from_nanos(100) };
        chances.was_late(1_000, manners);
        assert!(!chances.are_good(1_099) && chances.are_good(1_100));
        chances.was_late(1_150, manners);
        assert!(!chances.are_good(1_349) && chances.are_good(1_350));
        // In time for longer than four pauses.
        chances.was_late(5_000, manners);
        assert!(!chances.are_good(5_099) && chances.are_good(5_100));
        chances.has_come();
        assert!(chances.are_good(5_000), "late, but awake");
        for _ in 0..64 {
            chances.was_late(5_100, manners);
        }
        assert!(chances.are_good(5_100 + LONGEST.as_nanos() as u64), "a pause has an end");
    }

    #[test]
    fn a_thread_that_loses_its_core_is_left_out_only_where_it_loses_more_than_it_has() {
        let chances = Chances::default();
        let manners = Manners { patience: Duration::ZERO, pause: Duration::from_nanos(1_000_000) };
        // 4,000 lost after 96,000 of work, twice: two threads have done nearly twice what one does.
        chances.was_interrupted(100_000, 4_000, 2, manners);
        assert!(chances.are_good(100_000));
        chances.was_interrupted(200_000, 4_000, 2, manners);
        assert!(chances.are_good(200_000));
        // 4,000 after 3,000: two have done 6,000 while one alone had done 7,000.
        chances.was_interrupted(207_000, 4_000, 2, manners);
        assert!(!chances.are_good(1_206_999) && chances.are_good(1_207_000));
        // After 20,000 two are better than one, but four are worse than three.
        let of = |members| {
            let chances = Chances::default();
            chances.was_interrupted(30_000, 10_000, members, manners);
            chances.are_good(30_000)
        };
        assert!(of(2) && !of(4));
    }

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn the_account_is_that_of_the_thread_that_opened_it() {
        let chances = Chances::default();
        assert_eq!(chances.delay(), None);
        chances.open_account();
        if chances.delay().is_none() {
            println!("skipped: this system keeps no account of threads");
            return;
        }
        let (start, nap) = (std::time::Instant::now(), Duration::from_millis(20));
        chances.set_mark(true);
        std::thread::sleep(nap);
        let delay = Duration::from_nanos(chances.delay_since_mark());
        let awake = start.elapsed() - nap;
        assert!(delay <= awake + Duration::from_millis(1), "asleep is not waiting: {delay:?} of {awake:?}");
    }
}
