//! Who does which part of a product.

use crate::threads::Member;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What of a product has not been taken by any member yet.
///
/// Three quarters are shared out evenly beforehand. The rest goes in smaller and smaller pieces to whoever is there first, so
/// that nobody waits long for a core that is slower, or busy with something else.
#[derive(Default)]
pub(super) struct Claims {
    /// Taken of the rest.
    taken: AtomicUsize,
}

impl Claims {
    /// The pieces of `0..total` that fall to this member, all but the last multiples of `step`. Those of all members are disjoint
    /// and cover everything.
    pub(super) fn of<'a>(
        &'a self,
        member: Member<'a>,
        total: usize,
        step: usize,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let count = member.count();
        let fixed = if count == 1 { total } else { total * 3 / 4 / (count * step) * (count * step) };
        let first = member.share(fixed);
        let next = move || {
            let taken = |taken: usize| {
                let left = total - fixed - taken;
                (left > 0).then(|| taken + (left / (2 * count)).next_multiple_of(step).max(step).min(left))
            };
            let start = self.taken.fetch_update(Relaxed, Relaxed, taken).ok()?;
            Some(fixed + start..fixed + taken(start)?)
        };
        std::iter::once(first).filter(|first| !first.is_empty()).chain(std::iter::from_fn(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads;
    use std::sync::Mutex;

    #[test]
    fn every_group_is_claimed_once() {
        for members in 1..=4 {
            for (total, step) in
                [(0, 1), (1, 1), (1, 2), (2, 1), (7, 2), (32, 2), (125, 2), (143, 1), (300, 8)]
            {
                let claims = Claims::default();
                let pieces = Mutex::new(Vec::new());
                threads::team(members, |member| {
                    for piece in claims.of(member, total, step) {
                        pieces.lock().unwrap().push((piece.start, piece.end));
                    }
                });
                let mut pieces = pieces.into_inner().unwrap();
                pieces.sort_unstable();
                let mut covered = 0;
                for (start, end) in pieces {
                    assert!(start == covered && end > start, "{members} members, {total} in steps of {step}");
                    assert!(start % step == 0, "pieces start at whole steps");
                    covered = end;
                }
                assert_eq!(covered, total);
            }
        }
    }
}
