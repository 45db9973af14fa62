use super::crowd::{MANNERS, Manners};
use super::meeting::{ASKED, CAME, FREE, Meeting, Member, STARTED, next_spin};
use super::place::{current_core, leave_core};
use super::wait::spin;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// What the team is doing: a borrowed closure, without its lifetime.
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(Member) + Sync),
    /// Members are counted before they start, so that they can share work and meet.
    counted: bool,
}

struct Shared {
    /// Held by the thread whose work the team does.
    busy: AtomicBool,
    job: UnsafeCell<Option<Job>>,
    members: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    meeting: Meeting,
}

// SAFETY: `job` is written only by the holder of `busy` while all desks are free, and read by threads after they have taken
// their desk from `ASKED` to `CAME`, which happens after the write; the pointer in it outlives the job because its giver
// waits until all desks are free again.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// Threads that wait for work, for ever.
pub(super) struct Team {
    shared: Arc<Shared>,
    threads: Vec<Thread>,
}

static REQUESTED: AtomicUsize = AtomicUsize::new(0);
static TEAM: OnceLock<Team> = OnceLock::new();

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Sets the size of the team, counting the thread that calls it to work.
///
/// # Errors
/// The size the team has, if it has already started with another one.
pub fn set_count(threads: usize) -> Result<(), usize> {
    REQUESTED.store(threads.max(1), SeqCst);
    let started = TEAM.get().map(|team| team.threads.len() + 1);
    match started {
        Some(size) if size != threads.max(1) => Err(size),
        _ => Ok(()),
    }
}

/// Threads that work called from here may use: the size of the team, or less inside [`with_limit`].
pub fn count() -> usize {
    if INSIDE.get() { 1 } else { (started().threads.len() + 1).min(LIMIT.get()) }
}

/// Runs `f` with every call to the team from this thread using at most `threads` of it.
pub fn with_limit<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    let _restore = Restore { cell: &LIMIT, old: LIMIT.replace(threads.max(1)) };
    f()
}

/// Puts a thread's flag back, also when the work panics.
struct Restore<T: Copy + 'static> {
    cell: &'static std::thread::LocalKey<Cell<T>>,
    old: T,
}

impl<T: Copy + 'static> Drop for Restore<T> {
    fn drop(&mut self) {
        self.cell.set(self.old);
    }
}

fn started() -> &'static Team {
    TEAM.get_or_init(|| {
        let requested = match REQUESTED.load(SeqCst) {
            0 => std::env::var("LATENTIA_THREADS").ok().and_then(|s| s.trim().parse().ok()).unwrap_or(0),
            n => n,
        };
        let size = match requested {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        // Tests are about several threads, however busy the machine.
        let patient = Manners { patience: Duration::from_secs(5), pause: Duration::ZERO };
        Team::new(size, if cfg!(test) { patient } else { MANNERS })
    })
}

/// Calls `work` at the same time on up to `members` threads, the calling one included, each with its own [`Member`].
///
/// The number of members depends on the machine and on who else is working: results must not. A panic in any of them
/// is passed on after all have ended.
pub fn team(members: usize, work: impl Fn(Member) + Sync) {
    call(members, true, &work);
}

/// [`team`] for work that any number of threads can join while it lasts: `work` takes pieces until none are left.
pub(super) fn join_in(members: usize, work: impl Fn() + Sync) {
    call(members, false, &|_| work());
}

fn call(members: usize, counted: bool, work: &(dyn Fn(Member) + Sync)) {
    let members = members.min(if members > 1 { count() } else { 1 });
    if members <= 1 {
        alone(work);
    } else {
        started().call(members, counted, work);
    }
}

fn alone(work: &(dyn Fn(Member) + Sync)) {
    work(Member { index: 0, count: 1, meeting: None });
}

impl Team {
    pub(super) fn new(size: usize, manners: Manners) -> Self {
        let shared = Arc::new(Shared {
            busy: AtomicBool::new(false),
            job: UnsafeCell::new(None),
            members: AtomicUsize::new(1),
            panic: Mutex::new(None),
            meeting: Meeting::new(size, manners),
        });
        // A system that gives fewer threads than asked for gets a smaller team.
        let threads = (1..size).map_while(|index| {
            let shared = Arc::clone(&shared);
            let name = format!("latentia-{index}");
            std::thread::Builder::new().name(name).spawn(move || serve(&shared, index)).ok()
        });
        let threads = threads.map(|handle| handle.thread().clone()).collect();
        Team { shared, threads }
    }

    /// Calls `work` on the calling thread and up to `members - 1` others.
    pub(super) fn call(&self, members: usize, counted: bool, work: &(dyn Fn(Member) + Sync)) {
        let shared = &*self.shared;
        let meeting = &shared.meeting;
        if shared.busy.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            alone(work);
            return;
        }
        // SAFETY: only the lifetime changes; this function does not return before every thread is done with the closure.
        let work_ptr = unsafe {
            std::mem::transmute::<*const (dyn Fn(Member) + Sync + '_), *const (dyn Fn(Member) + Sync + 'static)>(
                work,
            )
        };
        // SAFETY: `busy` is held and all desks are free, so nobody reads the job now.
        unsafe { *shared.job.get() = Some(Job { work: work_ptr, counted }) };
        meeting.arrived.0.store(0, Relaxed);
        meeting.poisoned.store(false, Relaxed);
        let start = meeting.now();
        let asked = self.ask(members - 1, start);
        let mut count = 1;
        if counted {
            let patience = if asked > 0 { meeting.manners.patience } else { Duration::ZERO };
            spin(patience, || self.all(members - 1, |state| state != ASKED));
            self.dismiss(members - 1, true);
            for desk in &meeting.desks[..members - 1] {
                if desk.0.state.load(Acquire) == CAME {
                    desk.0.index.store(count, Relaxed);
                    count += 1;
                }
            }
            shared.members.store(count, Relaxed);
            for desk in &meeting.desks[..members - 1] {
                if desk.0.state.load(Relaxed) == CAME {
                    desk.0.state.store(STARTED, Release);
                }
            }
            meeting.bell.ring();
        }
        {
            let _restore = Restore { cell: &INSIDE, old: INSIDE.replace(true) };
            do_share(shared, work, Member { index: 0, count, meeting: Some(meeting) });
        }
        if !counted {
            let waited = meeting.now() - start > meeting.manners.patience.as_nanos() as u64;
            self.dismiss(members - 1, waited);
        }
        meeting.wait_until(0, || self.all(members - 1, |state| state == FREE));
        let panic = shared.panic.lock().ok().and_then(|mut first| first.take());
        shared.busy.store(false, Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Whether all of the first desks are in a state.
    fn all(&self, desks: usize, is: impl Fn(usize) -> bool) -> bool {
        self.shared.meeting.desks[..desks].iter().all(|desk| is(desk.0.state.load(Acquire)))
    }

    /// Asks the threads of the first desks to come, but those that were late a short while ago; returns how many it asked.
    fn ask(&self, desks: usize, now: u64) -> usize {
        let mut asked = 0;
        for (desk, thread) in self.shared.meeting.desks.iter().zip(&self.threads).take(desks) {
            if desk.0.chances.are_good(now) {
                asked += 1;
                // Either the thread sees that it is asked or this one sees that it sleeps: all four are sequentially
                // consistent.
                desk.0.state.store(ASKED, SeqCst);
                if desk.0.asleep.load(SeqCst) {
                    desk.0.waker.store(current_core().unwrap_or(usize::MAX), Relaxed);
                    thread.unpark();
                }
            }
        }
        asked
    }

    /// Frees the desks of threads that have not come.
    fn dismiss(&self, desks: usize, late: bool) {
        let meeting = &self.shared.meeting;
        for desk in &meeting.desks[..desks] {
            let desk = &desk.0;
            let late = late && desk.state.load(Relaxed) == ASKED;
            // First, so that a thread that then finds its desk free can end the pause.
            if late {
                desk.chances.was_late(meeting.now(), meeting.manners);
                desk.missed.store(true, Release);
            }
            if desk.state.compare_exchange(ASKED, FREE, Release, Relaxed).is_err() && late {
                desk.is_here();
            }
        }
    }
}

/// How long a thread without work spins before it sleeps: the gap between two products of a training step is tens of
/// microseconds, waking a sleeping thread costs as much. After a short sleep it spins for longer
/// ([`next_spin`]): so there is work in such intervals.
const IDLE: Duration = Duration::from_micros(200);

/// What a thread of the team does for ever.
fn serve(shared: &Shared, index: usize) {
    INSIDE.set(true);
    let meeting = &shared.meeting;
    let desk = &meeting.desks[index - 1].0;
    desk.chances.open_account();
    let mut idle = IDLE;
    loop {
        if !spin(idle, || desk.state.load(Relaxed) == ASKED || desk.missed.load(Relaxed)) {
            let start = Instant::now();
            desk.asleep.store(true, SeqCst);
            if desk.state.load(SeqCst) != ASKED {
                std::thread::park();
            }
            desk.asleep.store(false, SeqCst);
            idle = next_spin(start, IDLE);
            if let Some(core) = current_core().filter(|&core| core == desk.waker.load(Relaxed)) {
                leave_core(core);
            }
        }
        desk.is_here();
        if desk.state.compare_exchange(ASKED, CAME, Acquire, Relaxed).is_err() {
            continue;
        }
        // SAFETY: the job was written before this thread was asked and stays until this desk is free.
        let job = unsafe { *shared.job.get() };
        if let Some(job) = job {
            let is_started = || desk.state.load(Acquire) == STARTED;
            if job.counted {
                meeting.wait_until(index, is_started);
            } else {
                desk.state.store(STARTED, Relaxed);
                desk.index.store(index, Relaxed);
            }
            let member = Member {
                index: desk.index.load(Relaxed),
                count: shared.members.load(Relaxed),
                meeting: Some(meeting),
            };
            // SAFETY: the giver of the job keeps the closure alive until this desk is free.
            do_share(shared, unsafe { &*job.work }, member);
        }
        desk.state.store(FREE, Release);
        meeting.bell.ring();
    }
}

/// Does one member's share; a panic is kept for the caller, the first one winning.
fn do_share(shared: &Shared, work: &(dyn Fn(Member) + Sync), member: Member) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(member))) {
        if let Ok(mut first) = shared.panic.lock() {
            first.get_or_insert(panic);
        }
        shared.meeting.poisoned.store(true, Release);
        shared.meeting.bell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A team whose second thread never gets a core.
    fn starved(manners: Manners) -> Team {
        let team = Team::new(1, manners);
        let mut shared = Arc::into_inner(team.shared).expect("a team of one has no threads");
        shared.meeting = Meeting::new(2, manners);
        Team { shared: Arc::new(shared), threads: vec![std::thread::current()] }
    }

    #[test]
    fn work_is_done_without_a_thread_that_does_not_come() {
        let patience = Duration::from_millis(if cfg!(miri) { 2_000 } else { 20 });
        let team = starved(Manners { patience, pause: Duration::from_secs(100) });
        let start = Instant::now();
        let work = || {
            let done = AtomicUsize::new(0);
            team.call(2, true, &|member| {
                member.wait();
                done.fetch_add(member.share(10).len(), Relaxed);
            });
            assert_eq!(done.load(Relaxed), 10, "the one that came does it all");
        };
        work();
        assert!(start.elapsed() >= patience, "a thread is given time to come");
        let again = Instant::now();
        let calls = if cfg!(miri) { 2 } else { 50 };
        (0..calls).for_each(|_| work());
        assert!(
            again.elapsed() < calls / 2 * patience,
            "a thread that was late is not waited for again and again"
        );
    }

    #[test]
    fn a_thread_that_was_slow_to_wake_is_asked_again_once_it_is_awake() {
        let team = Team::new(2, Manners { patience: Duration::ZERO, pause: Duration::from_secs(1000) });
        let meeting = &team.shared.meeting;
        let Some(desk) = meeting.desks.first().filter(|_| team.threads.len() == 1) else { return };
        let until = |is: &dyn Fn() -> bool| {
            let start = Instant::now();
            while !is() {
                assert!(start.elapsed() < Duration::from_secs(100));
                std::thread::yield_now();
            }
        };
        until(&|| desk.0.asleep.load(SeqCst));
        team.call(2, true, &|_| ());
        until(&|| desk.0.chances.are_good(meeting.now()));
    }

    #[test]
    fn a_late_thread_is_left_out_until_it_has_a_core() {
        let team = starved(Manners { patience: Duration::ZERO, pause: Duration::from_secs(1000) });
        let meeting = &team.shared.meeting;
        let desk = &meeting.desks[0].0;
        let may_be_asked = || desk.chances.are_good(meeting.now());
        team.call(2, true, &|_| ());
        assert!(!may_be_asked(), "late");
        desk.is_here();
        assert!(may_be_asked());
        // A thread that is left out because it lost its core is not let in by being here.
        desk.chances.was_late(meeting.now(), meeting.manners);
        desk.is_here();
        assert!(!may_be_asked());
    }

    #[test]
    fn nobody_waits_for_help_that_is_not_needed() {
        let team = starved(Manners { patience: Duration::from_secs(100), pause: Duration::from_secs(100) });
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        team.call(2, false, &|_| while next.fetch_add(1, Relaxed) < 10 {});
        assert!(start.elapsed() < Duration::from_secs(50));
        let desk = &team.shared.meeting.desks[0].0;
        assert!(desk.chances.are_good(0), "in so short a time nobody is late");
    }
}
