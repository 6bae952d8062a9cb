//! `diff`: how two checkpoints differ.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use varkeep::DType;

use crate::address::Address;
use crate::args;
use crate::cmd::Subject;
use crate::compare::{self, Change, Tolerance};
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};
use crate::likeness;
use crate::opened::flat::Flat;
use crate::opened::{Facts, Item, Opened};
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
    /// The same content under another name: in A, in B.
    pub(crate) renamed: Vec<(Facts, Facts)>,
    /// In both, and different: what has another form first, then by how much the values changed.
    pub(crate) differing: Vec<Differing>,
    /// In both, and equal.
    pub(crate) equal: Vec<Facts>,
    /// Bytes on each side that were read to find out.
    pub(crate) bytes_read: u64,
}

/// A variable that is in both and differs.
#[derive(Debug)]
pub(crate) struct Differing {
    pub(crate) a: Facts,
    pub(crate) b: Facts,
    /// How the values differ; absent where they cannot be compared.
    pub(crate) change: Option<Change>,
}

impl Diff {
    pub(crate) fn is_equal(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.renamed.is_empty() && self.differing.is_empty()
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
        self.a.alias_of() != self.b.alias_of()
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
    let (ours, theirs) = (Opened::open(&a)?, Opened::open(&b)?);
    let mut diff = Diff {
        a: ours.subject(&a),
        b: theirs.subject(&b),
        pattern: args.glob.clone(),
        tolerance,
        added: Vec::new(),
        removed: Vec::new(),
        renamed: Vec::new(),
        differing: Vec::new(),
        equal: Vec::new(),
        bytes_read: 0,
    };
    let (ours, theirs) = (ours.items(&filter)?, theirs.items(&filter)?);
    check_found(!ours.is_empty() || !theirs.is_empty(), args.glob.as_deref(), &format!("{a} or {b}"))?;
    let mut ours: BTreeMap<&str, &Item> = ours.iter().map(|item| (item.name.as_str(), item)).collect();
    let (mut pairs, mut added) = (Vec::new(), Vec::new());
    for theirs in &theirs {
        match ours.remove(theirs.name.as_str()) {
            Some(ours) => pairs.push((ours, theirs)),
            None => added.push(theirs),
        }
    }
    diff.find_renamed(ours.into_values().collect(), added)?;
    diff.compare(&pairs, &filter, ui)?;
    Ok(diff)
}

impl Diff {
    /// Compares what is in both.
    fn compare(&mut self, pairs: &[(&Item, &Item)], filter: &Filter, ui: &Ui) -> Outcome<()> {
        let mut differing: Vec<Differing> = Vec::new();
        let mut to_read = Vec::new();
        for (a, b) in pairs {
            let one = Differing { a: Facts::clone(a), b: Facts::clone(b), change: None };
            // Two names of one variable are equal or change together: that is listed once.
            if !one.is_retargeted() && b.alias_of().is_some_and(|of| filter.matches(of)) {
                continue;
            }
            if compare::is_comparable(a, b) && !a.is_known_equal(b) {
                to_read.push((differing.len(), (*a, *b)));
            }
            differing.push(one);
        }
        let (places, to_read): (Vec<usize>, Vec<_>) = to_read.into_iter().unzip();
        let mut progress = Progress::new(ui, "comparing", compare::bytes_to_read(&to_read));
        let changes = compare::all(&to_read, self.tolerance, &mut |bytes| progress.advance(bytes))?;
        for (place, change) in places.into_iter().zip(changes) {
            self.bytes_read += change.bytes_read;
            differing[place].change = Some(change);
        }
        for one in differing {
            if one.is_changed() || one.has_other_form() {
                self.differing.push(one);
            } else {
                self.equal.push(one.b);
            }
        }
        self.differing.sort_by(|x, y| {
            let order = y.severity().partial_cmp(&x.severity()).unwrap_or(Ordering::Equal);
            order.then_with(|| x.b.name.cmp(&y.b.name))
        });
        Ok(())
    }

    /// Pairs what is only in A with what is only in B and holds the same bits; of several, with the one of the most alike
    /// name.
    fn find_renamed(&mut self, removed: Vec<&Item>, added: Vec<&Item>) -> Outcome<()> {
        let can_be = |item: &Item| item.has_own_value() && item.elements > 0;
        let forms = |items: &[&Item]| -> HashSet<Form> {
            items.iter().filter(|item| can_be(item)).map(|item| form(item)).collect()
        };
        let (ours, theirs) = (forms(&removed), forms(&added));
        let on_both = |item: &Item| can_be(item) && ours.contains(&form(item)) && theirs.contains(&form(item));
        let mut candidates: HashMap<(Form, u64), Vec<&Item>> = HashMap::new();
        for item in added.iter().filter(|item| on_both(item)) {
            candidates.entry((form(item), beginning(item)?)).or_default().push(item);
        }
        let mut paired = HashSet::new();
        for a in removed {
            let mut alike = Vec::new();
            if on_both(a) {
                alike = candidates.get(&(form(a), beginning(a)?)).cloned().unwrap_or_default();
            }
            alike.retain(|b| !paired.contains(&b.name));
            let likeness = |b: &Item| likeness::likeness(&a.name, &b.name);
            alike.sort_by(|x, y| likeness(y).total_cmp(&likeness(x)));
            let mut found = None;
            for b in alike {
                if compare::is_equal(a, b)? {
                    found = Some(b);
                    break;
                }
            }
            match found {
                Some(b) => {
                    paired.insert(b.name.clone());
                    self.renamed.push((Facts::clone(a), Facts::clone(b)));
                }
                None => self.removed.push(Facts::clone(a)),
            }
        }
        self.added =
            added.into_iter().filter(|item| !paired.contains(&item.name)).map(|item| Facts::clone(item)).collect();
        Ok(())
    }
}

/// What a variable must have in common with another to hold the same bits.
type Form = (DType, Vec<u64>);

fn form(item: &Item) -> Form {
    (item.dtype, item.shape.clone())
}

/// Tells values apart by their first bytes: what agrees in them is then compared whole.
fn beginning(item: &Item) -> Outcome<u64> {
    const BYTES: u64 = 64 << 10;
    let mut hasher = DefaultHasher::new();
    if item.dtype == DType::String {
        item.read_strings()?.strings()?.iter().for_each(|text| text.hash(&mut hasher));
    } else {
        let size = item.dtype.element_bytes().unwrap_or(1);
        let count = item.bytes.min(BYTES) / size as u64;
        let mut bytes = Vec::new();
        Flat::new(item, size).read(0, count, &mut bytes)?;
        hasher.write(&bytes);
    }
    Ok(hasher.finish())
}
