use super::*;
use std::sync::atomic::AtomicU64;

/// Tests want three threads whatever the machine has; only one of them may hold the team at a time.
pub(crate) fn three_threads() -> std::sync::MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _ = set_count(3);
    ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[test]
fn every_piece_runs_once() {
    let _alone = three_threads();
    for tasks in [0, 1, 2, 3, 7, 1000] {
        let seen: Vec<AtomicU64> = (0..tasks).map(|_| AtomicU64::new(0)).collect();
        run(tasks, |i| {
            seen[i].fetch_add(1, Relaxed);
        });
        assert!(seen.iter().all(|s| s.load(Relaxed) == 1), "{tasks} pieces");
    }
}

#[test]
fn shares_cover_the_range() {
    let _alone = three_threads();
    let covered = AtomicU64::new(0);
    team(3, |member| {
        for i in member.share(64) {
            covered.fetch_add(1 << i, Relaxed);
        }
    });
    assert_eq!(covered.load(Relaxed), u64::MAX);
}

#[test]
fn members_meet_at_the_barrier() {
    let _alone = three_threads();
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let counter = AtomicU64::new(0);
    team(3, |member| {
        for round in 1..=rounds {
            counter.fetch_add(1, Relaxed);
            member.wait();
            let seen = counter.load(Relaxed);
            assert_eq!(seen, round * member.count() as u64, "a member passed before the others came");
            member.wait();
        }
    });
}

#[test]
fn plain_writes_before_the_barrier_are_seen_after_it() {
    let _alone = three_threads();
    let rounds = if cfg!(miri) { 10 } else { 5_000 };
    let mut slots = vec![0u64; 3];
    struct Shared(*mut u64);
    // SAFETY: each member writes its own slot between two barriers and reads the others' only after the next one.
    unsafe impl Sync for Shared {}
    let shared = Shared(slots.as_mut_ptr());
    team(3, |member| {
        let shared = &shared;
        for round in 1..=rounds {
            // SAFETY: see above.
            unsafe { *shared.0.add(member.index()) = round };
            member.wait();
            for other in 0..member.count() {
                // SAFETY: see above.
                assert_eq!(unsafe { *shared.0.add(other) }, round);
            }
            member.wait();
        }
    });
}

#[test]
fn a_panic_reaches_the_caller_and_the_team_works_on() {
    let _alone = three_threads();
    for culprit in 0..3 {
        let result = std::panic::catch_unwind(|| {
            team(3, |member| {
                assert!(member.index() != culprit, "the culprit's own words");
                member.wait();
            })
        });
        // With the team busy elsewhere there is one member, and culprits 1 and 2 do not exist.
        if let Err(panic) = result {
            let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
            assert_eq!(text, "the culprit's own words", "culprit {culprit}");
        } else {
            assert!(culprit > 0);
        }
        let sum = AtomicU64::new(0);
        run(10, |i| {
            sum.fetch_add(i as u64, Relaxed);
        });
        assert_eq!(sum.load(Relaxed), 45);
    }
}

#[test]
fn nested_calls_run_on_the_thread_that_makes_them() {
    let _alone = three_threads();
    let sum = AtomicU64::new(0);
    run(8, |_| {
        let here = std::thread::current().id();
        run(8, |i| {
            assert_eq!(std::thread::current().id(), here);
            sum.fetch_add(i as u64, Relaxed);
        });
    });
    assert_eq!(sum.load(Relaxed), 8 * 28);
}

#[test]
fn two_threads_may_call_the_team_at_once() {
    let _alone = three_threads();
    let sum = AtomicU64::new(0);
    let calls = if cfg!(miri) { 5 } else { 2_000 };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..calls {
                    run(4, |i| {
                        sum.fetch_add(i as u64, Relaxed);
                    });
                }
            });
        }
    });
    assert_eq!(sum.load(Relaxed), 3 * calls * 6);
}

#[test]
fn sleeping_threads_wake_up() {
    let _alone = three_threads();
    for pause in [0, 1, 5, 20] {
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let sum = AtomicU64::new(0);
        run(100, |i| {
            sum.fetch_add(i as u64, Relaxed);
        });
        assert_eq!(sum.load(Relaxed), 4950);
    }
}

#[test]
fn a_limit_bounds_the_members() {
    let _alone = three_threads();
    for limit in 1..=3 {
        with_limit(limit, || team(8, |member| assert!(member.count() <= limit)));
    }
}
