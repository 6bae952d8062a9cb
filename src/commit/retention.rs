//! Which checkpoints a policy keeps.

use crate::format::Retention;

/// A checkpoint, as a policy looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) tag: String,
    pub(crate) number: u64,
    pub(crate) unix_millis: u64,
    /// The step it was made at, if that is known.
    pub(crate) step: Option<u64>,
    /// The value of the metric that the policy names, if it has one.
    pub(crate) metric: Option<f64>,
}

/// The tags that a policy does not keep. A checkpoint stays if any of the policy's rules keeps it; the newest stays
/// anyway, and so does everything if there is no rule.
pub(crate) fn dropped(policy: &Retention, candidates: &[Candidate], now_unix_millis: u64) -> Vec<String> {
    if *policy == Retention::default() {
        return Vec::new();
    }
    let mut newest_first: Vec<&Candidate> = candidates.iter().collect();
    newest_first.sort_by_key(|candidate| std::cmp::Reverse(candidate.number));
    let mut kept = vec![false; newest_first.len()];
    let newest = policy.keep_last.unwrap_or_default().max(1);
    kept.iter_mut().take(usize::try_from(newest).unwrap_or(usize::MAX)).for_each(|kept| *kept = true);
    for (kept, candidate) in kept.iter_mut().zip(&newest_first) {
        let is_nth = |every: u64| candidate.step.is_some_and(|step| every > 0 && step.is_multiple_of(every));
        let is_young = |millis: u64| now_unix_millis.saturating_sub(candidate.unix_millis) < millis;
        *kept |= policy.keep_every.is_some_and(is_nth) || policy.keep_younger_than_millis.is_some_and(is_young);
    }
    if let Some(best) = &policy.keep_best {
        // What has no such metric, or NaN, is not among the best. Of equals the newer is kept.
        let mut measured: Vec<(f64, usize)> = newest_first
            .iter()
            .enumerate()
            .filter_map(|(i, candidate)| candidate.metric.filter(|metric| !metric.is_nan()).map(|metric| (metric, i)))
            .collect();
        measured.sort_by(|(a, i), (b, j)| {
            let by_value = if best.lower_is_better { a.total_cmp(b) } else { b.total_cmp(a) };
            by_value.then(i.cmp(j))
        });
        measured.into_iter().take(usize::try_from(best.count).unwrap_or(usize::MAX)).for_each(|(_, i)| kept[i] = true);
    }
    newest_first.iter().zip(kept).filter(|(_, kept)| !kept).map(|(candidate, _)| candidate.tag.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Best;

    /// Checkpoints 0 to 9: made at steps 0, 100, …, a minute apart, with a loss that is least at 4.
    fn candidates() -> Vec<Candidate> {
        let of = |i: u64| Candidate {
            tag: i.to_string(),
            number: i + 10,
            unix_millis: i * 60_000,
            step: Some(i * 100),
            metric: Some((i as f64 - 4.2).abs()),
        };
        (0..10).map(of).collect()
    }

    fn kept(policy: &Retention) -> String {
        let gone = dropped(policy, &candidates(), 9 * 60_000);
        (0..10).map(|i| i.to_string()).filter(|tag| !gone.contains(tag)).collect()
    }

    #[test]
    fn each_rule_keeps_what_it_says_and_rules_add_up() {
        let none = Retention::default();
        assert_eq!(kept(&none), "0123456789");
        let last = Retention { keep_last: Some(3), ..none.clone() };
        assert_eq!(kept(&last), "789");
        let every = Retention { keep_every: Some(300), ..none.clone() };
        assert_eq!(kept(&every), "0369");
        let young = Retention { keep_younger_than_millis: Some(121_000), ..none.clone() };
        assert_eq!(kept(&young), "789");
        let best = |lower_is_better| Some(Best { metric: "loss".to_owned(), count: 2, lower_is_better });
        assert_eq!(kept(&Retention { keep_best: best(true), ..none.clone() }), "459");
        assert_eq!(kept(&Retention { keep_best: best(false), ..none }), "09");
        assert_eq!(kept(&Retention { keep_best: best(true), ..every }), "034569");
        assert_eq!(kept(&Retention { keep_every: Some(500), ..last }), "05789");
    }

    #[test]
    fn what_says_nothing_of_itself_is_kept_by_its_age_alone() {
        let plain = |number| Candidate { tag: format!("t{number}"), number, unix_millis: 0, step: None, metric: None };
        let nan = Candidate { metric: Some(f64::NAN), ..plain(5) };
        let best = Some(Best { metric: "loss".to_owned(), count: 9, lower_is_better: true });
        let policy = Retention { keep_best: best, keep_every: Some(1), ..Retention::default() };
        assert_eq!(dropped(&policy, &[nan, plain(7), plain(6)], 0), ["t6", "t5"]);
    }

    #[test]
    fn the_newest_stays_even_if_a_policy_keeps_none() {
        let zero = Retention { keep_last: Some(0), ..Retention::default() };
        assert_eq!(kept(&zero), "9");
        assert_eq!(kept(&Retention { keep_every: Some(0), ..Retention::default() }), "9");
    }
}
