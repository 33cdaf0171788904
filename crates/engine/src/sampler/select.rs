//! The best few of many, without sorting all.

use std::cmp::Ordering;

/// A token with the number it is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub id: u32,
    pub value: f32,
}

/// Best first; of equals, the lower id.
pub(crate) fn best_first(a: &Candidate, b: &Candidate) -> Ordering {
    // Not `total_cmp`: 0 and -0 are equals. NaN was refused when the row arrived.
    b.value.partial_cmp(&a.value).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id))
}

/// Leaves in `best` the `k` best entries of `values`, best first. Negative infinity is never one.
///
/// Keeps a buffer of 2k candidates and a bar that the last cut set: on most rows nearly every value
/// fails the bar, so this costs one comparison a value.
pub(crate) fn top_k(values: &[f32], k: usize, best: &mut Vec<Candidate>) {
    best.clear();
    if k == 0 {
        return;
    }
    let capacity = 2 * k + 64;
    let mut bar = f32::NEG_INFINITY;
    for (id, value) in values.iter().enumerate() {
        // An equal of the bar has a higher id than k candidates that are as good.
        if *value > bar {
            best.push(Candidate { id: id as u32, value: *value });
            if best.len() == capacity {
                best.select_nth_unstable_by(k - 1, best_first);
                best.truncate(k);
                bar = best[k - 1].value;
            }
        }
    }
    best.sort_unstable_by(best_first);
    best.truncate(k);
}
