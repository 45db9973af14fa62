use super::barrier::{Barrier, Padded};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;

/// One thread's place in a team at work.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    index: usize,
    count: usize,
    barrier: &'a Barrier,
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

    /// Waits for all members.
    pub fn wait(&self) {
        self.barrier.wait();
    }

    /// This member's share of `0..n`: consecutive, sizes differing by at most one.
    pub fn share(&self, n: usize) -> Range<usize> {
        let (each, rest) = (n / self.count, n % self.count);
        let start = self.index * each + self.index.min(rest);
        start..start + each + usize::from(self.index < rest)
    }
}

/// What the team is doing: a borrowed closure, without its lifetime.
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(Member) + Sync),
    barrier: *const Barrier,
    members: usize,
}

/// Where one thread of the team waits for work.
struct Desk {
    /// Counts the jobs given to this thread.
    jobs: AtomicUsize,
    asleep: AtomicBool,
}

struct Shared {
    /// Held by the thread whose work the team does.
    busy: AtomicBool,
    job: UnsafeCell<Option<Job>>,
    /// Threads that have not finished the current job.
    unfinished: Padded<AtomicUsize>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    desks: Vec<Padded<Desk>>,
}

// SAFETY: `job` is written only by the holder of `busy` while `unfinished` is zero, and read by threads after they have seen
// their desk's counter change, which happens after the write; the pointers in it outlive the job because `team` waits.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

struct Team {
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
        let desk = || Padded(Desk { jobs: AtomicUsize::new(0), asleep: AtomicBool::new(false) });
        let shared = Arc::new(Shared {
            busy: AtomicBool::new(false),
            job: UnsafeCell::new(None),
            unfinished: Padded(AtomicUsize::new(0)),
            panic: Mutex::new(None),
            desks: (1..size).map(|_| desk()).collect(),
        });
        // A system that gives fewer threads than asked for gets a smaller team.
        let threads = (1..size).map_while(|index| {
            let shared = Arc::clone(&shared);
            let name = format!("latentia-{index}");
            std::thread::Builder::new().name(name).spawn(move || serve(&shared, index)).ok()
        });
        let threads = threads.map(|handle| handle.thread().clone()).collect();
        Team { shared, threads }
    })
}

/// What a thread of the team does for ever.
fn serve(shared: &Shared, index: usize) {
    INSIDE.set(true);
    let desk = &shared.desks[index - 1].0;
    let mut seen = 0;
    loop {
        wait_for_work(desk, seen);
        seen = seen.wrapping_add(1);
        // SAFETY: the job was written before the counter changed and stays until `unfinished` reaches zero.
        let job = unsafe { *shared.job.get() };
        if let Some(job) = job {
            // SAFETY: `team` keeps the closure and the barrier alive until `unfinished` reaches zero.
            let (work, barrier) = unsafe { (&*job.work, &*job.barrier) };
            do_share(shared, work, Member { index, count: job.members, barrier });
        }
        shared.unfinished.0.fetch_sub(1, AcqRel);
    }
}

/// Does one member's share; a panic is kept for the caller, the first one winning.
fn do_share(shared: &Shared, work: &(dyn Fn(Member) + Sync), member: Member) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(member))) {
        if let Ok(mut first) = shared.panic.lock() {
            first.get_or_insert(panic);
        }
        member.barrier.poison();
    }
}

// Chosen on two cores of a shared virtual machine: the gap between two products of a training step is tens of microseconds,
// waking a sleeping thread costs as much.
const SPINS: u32 = 2_000;
const YIELDS: u32 = 500;

fn wait_for_work(desk: &Desk, seen: usize) {
    let mut waited = 0;
    while desk.jobs.load(Acquire) == seen {
        if waited < SPINS {
            std::hint::spin_loop();
        } else if waited < SPINS + YIELDS {
            std::thread::yield_now();
        } else {
            // Either this thread sees the job or the giver sees that it sleeps: both orders are sequentially consistent.
            desk.asleep.store(true, SeqCst);
            if desk.jobs.load(SeqCst) == seen {
                std::thread::park();
            }
            desk.asleep.store(false, SeqCst);
            continue;
        }
        waited += 1;
    }
}

/// Calls `work` at the same time on up to `members` threads, the calling one included, each with its own [`Member`].
///
/// The number of members depends on the machine and on who else is working: results must not. A panic in any of them
/// is passed on after all have ended.
pub fn team(members: usize, work: impl Fn(Member) + Sync) {
    let members = members.min(if members > 1 { count() } else { 1 });
    let shared = if members > 1 { Some(&*started().shared) } else { None };
    let shared = shared.filter(|s| s.busy.compare_exchange(false, true, Acquire, Relaxed).is_ok());
    let Some(shared) = shared else {
        work(Member { index: 0, count: 1, barrier: &Barrier::new(1) });
        return;
    };
    let barrier = Barrier::new(members);
    let work: &(dyn Fn(Member) + Sync) = &work;
    // SAFETY: only the lifetime changes; this function does not return before every thread is done with the closure.
    let work_ptr = unsafe {
        std::mem::transmute::<*const (dyn Fn(Member) + Sync + '_), *const (dyn Fn(Member) + Sync + 'static)>(
            work,
        )
    };
    // SAFETY: `busy` is held and no thread is at work, so nobody reads the job now.
    unsafe { *shared.job.get() = Some(Job { work: work_ptr, barrier: &barrier, members }) };
    shared.unfinished.0.store(members - 1, Release);
    for (desk, thread) in shared.desks.iter().zip(&started().threads).take(members - 1) {
        desk.0.jobs.fetch_add(1, SeqCst);
        if desk.0.asleep.load(SeqCst) {
            thread.unpark();
        }
    }
    {
        let _restore = Restore { cell: &INSIDE, old: INSIDE.replace(true) };
        do_share(shared, work, Member { index: 0, count: members, barrier: &barrier });
    }
    let mut spins = 0;
    while shared.unfinished.0.load(Acquire) != 0 {
        if spins < SPINS {
            spins += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
    let panic = shared.panic.lock().ok().and_then(|mut first| first.take());
    shared.busy.store(false, Release);
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}
