//! `diff`: how two checkpoints differ.

use std::collections::BTreeMap;

use varkeep::{SavedKind, SavedVariable};

use crate::address::Address;
use crate::args;
use crate::cmd::{Subject, inspect};
use crate::compare::{Change, Tolerance};
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};
use crate::progress::Progress;
use crate::ui::Ui;

/// How B differs from A.
#[derive(Debug)]
pub(crate) struct Diff {
    pub(crate) a: Subject,
    pub(crate) b: Subject,
    pub(crate) pattern: Option<String>,
    pub(crate) tolerance: Tolerance,
    /// Only in B.
    pub(crate) added: Vec<Facts>,
    /// Only in A.
    pub(crate) removed: Vec<Facts>,
    /// In both, and different: what has another form first, then by how much the values changed.
    pub(crate) differing: Vec<Differing>,
    /// In both, and equal.
    pub(crate) equal: Vec<Facts>,
    /// Bytes on each side that were read to find out.
    pub(crate) bytes_read: u64,
}

/// What a variable is like on one side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<u64>,
    pub(crate) bytes: u64,
    pub(crate) partition: Option<Vec<u64>>,
    pub(crate) alias_of: Option<String>,
}

/// A variable that is in both and differs.
#[derive(Debug)]
pub(crate) struct Differing {
    pub(crate) a: Facts,
    pub(crate) b: Facts,
    /// How the values differ; absent where dtype or shape do.
    pub(crate) change: Option<Change>,
}

impl Diff {
    pub(crate) fn is_equal(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.differing.is_empty()
    }
}

impl Facts {
    fn of(variable: &SavedVariable) -> Self {
        let alias_of = match variable.kind() {
            SavedKind::AliasOf(target) => Some(target),
            _ => None,
        };
        Self {
            name: variable.name().to_owned(),
            dtype: variable.dtype().name(),
            shape: variable.shape().sizes().to_vec(),
            bytes: variable.pieces().iter().map(varkeep::SavedPiece::len_bytes).sum(),
            partition: variable.partition_counts().map(<[u64]>::to_vec),
            alias_of,
        }
    }
}

impl Differing {
    pub(crate) fn is_retyped(&self) -> bool {
        self.a.dtype != self.b.dtype
    }

    pub(crate) fn is_reshaped(&self) -> bool {
        self.a.shape != self.b.shape
    }

    pub(crate) fn is_repartitioned(&self) -> bool {
        self.a.partition != self.b.partition
    }

    pub(crate) fn is_retargeted(&self) -> bool {
        self.a.alias_of != self.b.alias_of
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.changed > 0)
    }

    fn has_other_form(&self) -> bool {
        self.is_retyped() || self.is_reshaped() || self.is_repartitioned() || self.is_retargeted()
    }

    /// The more, the earlier it is listed.
    fn severity(&self) -> (bool, bool, f64, f64) {
        let change = self.change.as_ref();
        let broke = change.is_some_and(|change| change.new_nans + change.new_infinities > 0);
        let relative = change.and_then(Change::l2_relative).unwrap_or(0.0);
        (self.has_other_form(), broke, relative, change.map_or(0.0, Change::share))
    }
}

pub(crate) fn run(args: &args::Diff, ui: &Ui) -> Outcome<Diff> {
    let tolerance = Tolerance { relative: args.rtol, absolute: args.atol };
    if [args.rtol, args.atol].iter().any(|x| !x.is_finite() || *x < 0.0) {
        return Err(Failure::usage("a tolerance is a number that is not negative"));
    }
    let (a, b) = (Address::parse(&args.a)?, Address::parse(&args.b)?);
    let filter = Filter::new(args.glob.as_deref())?;
    let (ours, theirs) = (a.open()?, b.open()?);
    let mut diff = Diff {
        a: Subject::of(&a, &ours),
        b: Subject::of(&b, &theirs),
        pattern: args.glob.clone(),
        tolerance,
        added: Vec::new(),
        removed: Vec::new(),
        differing: Vec::new(),
        equal: Vec::new(),
        bytes_read: 0,
    };
    let by_name = |variables: Vec<SavedVariable>| -> BTreeMap<String, SavedVariable> {
        variables.into_iter().map(|variable| (variable.name().to_owned(), variable)).collect()
    };
    let mut ours = by_name(inspect::chosen(&ours, &filter)?);
    let theirs = by_name(inspect::chosen(&theirs, &filter)?);
    let found = !ours.is_empty() || !theirs.is_empty();
    check_found(found, args.glob.as_deref(), &format!("{a} or {b}"))?;
    let mut pairs = Vec::new();
    for (name, theirs) in theirs {
        match ours.remove(&name) {
            Some(ours) => pairs.push((ours, theirs)),
            None => diff.added.push(Facts::of(&theirs)),
        }
    }
    diff.removed = ours.values().map(Facts::of).collect();
    let total = pairs.iter().filter(|(a, b)| wants_reading(a, b)).map(|(_, b)| b.len_bytes()).sum();
    let mut progress = Progress::new(ui, "comparing", total);
    for (a, b) in pairs {
        diff.compare(&a, &b, &filter, &mut |bytes| progress.advance(bytes))?;
    }
    diff.differing.sort_by(|x, y| {
        let (x_severity, y_severity) = (x.severity(), y.severity());
        y_severity.partial_cmp(&x_severity).unwrap_or(std::cmp::Ordering::Equal).then_with(|| x.b.name.cmp(&y.b.name))
    });
    Ok(diff)
}

fn wants_reading(a: &SavedVariable, b: &SavedVariable) -> bool {
    a.dtype() == b.dtype() && a.shape() == b.shape() && !a.is_known_equal(b)
}

impl Diff {
    fn compare(
        &mut self,
        a: &SavedVariable,
        b: &SavedVariable,
        filter: &Filter,
        progress: &mut dyn FnMut(u64),
    ) -> Outcome<()> {
        let mut differing = Differing { a: Facts::of(a), b: Facts::of(b), change: None };
        // Two names of one variable are equal or change together: that is listed once.
        if !differing.is_retargeted() && differing.b.alias_of.as_deref().is_some_and(|of| filter.matches(of)) {
            return Ok(());
        }
        if wants_reading(a, b) {
            let change = Change::between(a, b, self.tolerance, progress)?;
            self.bytes_read += change.bytes_read;
            differing.change = Some(change);
        }
        if differing.is_changed() || differing.has_other_form() {
            self.differing.push(differing);
        } else {
            self.equal.push(differing.b);
        }
        Ok(())
    }
}
