//! How many manifests a commit has: each at least twice the size of all newer ones together, as in a log-structured
//! merge tree. So a name is found in few steps, and every entry is written again only as often as there are levels.

/// A commit takes older deltas into its own up to so many bytes: more would hold up its acknowledgement.
pub(crate) const FOLD_BYTES_MAX: u64 = 128 << 10;

/// A commit has no more manifests than this, whatever it costs.
const MANIFESTS_MAX: usize = 24;

/// How many of the newest manifests a commit takes into its own, whose changes have the size `new`. `sizes` are those of
/// the manifests there are, newest first, the base last; of these, only the first `free` may be taken.
pub(crate) fn to_fold(new: u64, sizes: &[u64], free: usize) -> usize {
    let (mut total, mut count) = (new, 0);
    for size in &sizes[..free.min(sizes.len())] {
        let is_small = total + size <= FOLD_BYTES_MAX;
        // No more than the commit costs anyway.
        let is_cheap = *size < 2 * new;
        let is_one_too_many = sizes.len() - count >= MANIFESTS_MAX;
        if !(is_one_too_many || (*size < 2 * total && (is_small || is_cheap))) {
            break;
        }
        total += size;
        count += 1;
    }
    count
}

/// How many of the newest manifests are to be merged into one, beside all commits; 0 if all is well.
pub(crate) fn to_merge(sizes: &[u64]) -> usize {
    let (mut newer, mut count) = (0, 0);
    for (i, size) in sizes.iter().enumerate() {
        if i > 0 && *size < 2 * newer && newer + size > FOLD_BYTES_MAX {
            count = i + 1;
        }
        newer += size;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits of equal size over a base, merges taking no time: what is written beside the changes themselves, and how
    /// many manifests there are.
    fn simulate(base: u64, change: u64, commits: u64) -> (u64, usize) {
        let (mut sizes, mut written, mut most) = (vec![base], 0, 1);
        for _ in 0..commits {
            let folded = to_fold(change, &sizes, sizes.len());
            let size = change + sizes[..folded].iter().sum::<u64>();
            sizes.splice(..folded, [size]);
            written += size;
            most = most.max(sizes.len());
            let merged = to_merge(&sizes);
            if merged > 0 {
                let size = sizes[..merged].iter().sum::<u64>();
                sizes.splice(..merged, [size]);
                written += size;
            }
        }
        (written / commits, most)
    }

    #[test]
    fn few_manifests_and_each_entry_written_few_times() {
        for (base, change) in [(200 << 20, 2_000), (100_000, 2_000), (1 << 30, 1 << 20), (10_000, 100_000)] {
            let (per_commit, most) = simulate(base, change, 5_000);
            // A base that changes never outgrow is written seldom; one that they do, each time.
            assert!(per_commit <= 16 * change, "{base} {change}: {per_commit} bytes for each commit");
            assert!(most <= 20, "{base} {change}: {most} manifests");
        }
    }

    #[test]
    fn a_commit_that_changes_all_is_a_base_of_its_own() {
        assert_eq!(to_fold(100 << 20, &[100 << 20], 1), 1);
        assert_eq!(to_fold(100 << 20, &[5, 100 << 20], 2), 2);
    }

    #[test]
    fn what_is_being_merged_stays() {
        assert_eq!(to_fold(1000, &[900, 900, 900], 1), 1);
        assert_eq!(to_fold(1000, &[900, 900, 900], 3), 3);
        assert_eq!(to_fold(1000, &[1; 30], 0), 0);
    }
}
