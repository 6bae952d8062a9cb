//! Names that are nearly the one that was meant.

/// Names this much alike are worth telling.
const LIKENESS_MIN: f64 = 0.6;

/// How much two names are alike, from 0 to 1.
pub(crate) fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_levenshtein(a, b)
}

/// The names that are most like another one, the nearest first; few.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut alike: Vec<(f64, &str)> = names.map(|other| (likeness(name, other), other)).collect();
    alike.retain(|(likeness, _)| *likeness >= LIKENESS_MIN);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
