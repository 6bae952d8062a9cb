//! What is suspicious about a variable.

use super::series::Series;

/// The spread is exploding that became so many times what it was.
const GROWTH: f64 = 10.0;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) kind: Kind,
    /// One sentence.
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    NotFinite,
    Exploding,
    Dead,
    Frozen,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotFinite => "not finite",
            Self::Exploding => "exploding",
            Self::Dead => "dead",
            Self::Frozen => "frozen",
        }
    }
}

/// What is suspicious about a variable over checkpoints of these names.
pub(crate) fn of(series: &Series, labels: &[String]) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut flag = |kind, what: String| flags.push(Flag { kind, what });
    let points: Vec<_> = series.points.iter().enumerate().filter_map(|(k, point)| Some((k, point.as_ref()?))).collect();
    let counted = |count: u64, all: u64| format!("{count} of {all} units");
    if let Some((k, point)) = points.iter().rev().find(|(_, point)| point.stats.nans + point.stats.infinities > 0) {
        let (nans, infinities) = (point.stats.nans, point.stats.infinities);
        flag(Kind::NotFinite, format!("{nans} NaN and {infinities} infinities in {}", labels[*k]));
    }
    let Some((newest, last)) = points.last() else { return flags };
    let (first, std_first) = (points[0].0, points[0].1.stats.std().unwrap_or(0.0));
    let std_last = last.stats.std().unwrap_or(0.0);
    if series.facts.is_trainable() && std_first > 0.0 && std_last > GROWTH * std_first {
        let times = std_last / std_first;
        let (from, to) = (&labels[first], &labels[*newest]);
        flag(Kind::Exploding, format!("its standard deviation in {to} is {times:.0} times that in {from}"));
    }
    if let Some(units) = &last.units {
        if units.exploding > 0 {
            let which = counted(units.exploding, units.all);
            flag(Kind::Exploding, format!("{which} have weights 20 times as long as the unit in the midst"));
        }
        if units.zero > 0 {
            flag(Kind::Dead, format!("{} have no weight but zero", counted(units.zero, units.all)));
        }
    }
    if let Some((still, all)) = series.units_still.filter(|(still, all)| *still > 0 && still < all) {
        flag(Kind::Dead, format!("{} never moved in these checkpoints", counted(still, all)));
    }
    if points.len() > 1 && series.facts.is_trainable() && series.is_still() {
        flag(Kind::Frozen, "trainable, and the same in all these checkpoints".to_owned());
    }
    flags
}
