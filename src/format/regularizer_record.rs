//! What is recorded of a regularizer: the built-ins as data, a function as the name it was registered under.
//!
//! On disk a regularizer is a flat list of terms, a sum before what it sums. So nothing recurses while bytes are
//! decoded, and the depth of sums is counted where the tree is put together.

use serde::{Deserialize, Serialize};

use crate::format::codec::List;
use crate::limits::NAME_BYTES_MAX;

/// Sums within sums, at most.
pub(crate) const REGULARIZER_DEPTH_MAX: usize = 16;

/// Terms of a regularizer, at most.
pub(crate) const REGULARIZER_TERMS_MAX: usize = 1024;

/// A regularizer, as a variable's static record has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RegularizerRecord {
    /// The sum of absolute values, scaled.
    L1(f64),
    /// Half the sum of squares, scaled.
    L2(f64),
    /// Both.
    L1L2 { l1: f64, l2: f64 },
    /// The sum of others.
    Sum(Vec<RegularizerRecord>),
    /// A function, with the name under which a process may know it.
    Custom(Option<String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum WireTerm<'a> {
    L1(f64),
    L2(f64),
    L1L2 {
        l1: f64,
        l2: f64,
    },
    /// Followed by as many terms, each with what belongs to it.
    Sum(u32),
    #[serde(borrow)]
    Custom(Option<&'a str>),
}

impl RegularizerRecord {
    /// What a regularizer must fulfil to be recorded.
    pub(super) fn check(&self) -> Result<(), String> {
        self.to_wire().map(drop)
    }

    /// The list of terms, sums first.
    pub(super) fn to_wire(&self) -> Result<List<WireTerm<'_>>, String> {
        let mut terms = Vec::new();
        self.append_to(&mut terms, 0)?;
        Ok(List(terms))
    }

    fn append_to<'a>(&'a self, terms: &mut Vec<WireTerm<'a>>, depth: usize) -> Result<(), String> {
        check_bounds(terms.len(), depth)?;
        terms.push(match self {
            Self::L1(scale) => WireTerm::L1(*scale),
            Self::L2(scale) => WireTerm::L2(*scale),
            Self::L1L2 { l1, l2 } => WireTerm::L1L2 { l1: *l1, l2: *l2 },
            Self::Sum(summed) => WireTerm::Sum(u32::try_from(summed.len()).map_err(|_| too_large())?),
            Self::Custom(name) => WireTerm::Custom(checked_name(name.as_deref())?),
        });
        if let Self::Sum(summed) = self {
            summed.iter().try_for_each(|term| term.append_to(terms, depth.saturating_add(1)))?;
        }
        Ok(())
    }

    /// Puts the tree together again.
    pub(super) fn from_wire(List(terms): List<WireTerm<'_>>) -> Result<Self, String> {
        check_bounds(terms.len().saturating_sub(1), 0)?;
        let mut terms = terms.into_iter();
        let record = Self::take_from(&mut terms, 0)?;
        if terms.len() > 0 {
            return Err("a regularizer has terms that belong to no sum".to_owned());
        }
        Ok(record)
    }

    fn take_from<'a>(terms: &mut impl Iterator<Item = WireTerm<'a>>, depth: usize) -> Result<Self, String> {
        check_bounds(0, depth)?;
        Ok(match terms.next().ok_or("a regularizer ends inside a sum")? {
            WireTerm::L1(scale) => Self::L1(scale),
            WireTerm::L2(scale) => Self::L2(scale),
            WireTerm::L1L2 { l1, l2 } => Self::L1L2 { l1, l2 },
            WireTerm::Sum(count) => {
                let mut summed = Vec::new();
                for _ in 0..count {
                    summed.push(Self::take_from(terms, depth.saturating_add(1))?);
                }
                Self::Sum(summed)
            }
            WireTerm::Custom(name) => Self::Custom(checked_name(name)?.map(str::to_owned)),
        })
    }
}

fn check_bounds(terms_before: usize, depth: usize) -> Result<(), String> {
    if depth > REGULARIZER_DEPTH_MAX || terms_before >= REGULARIZER_TERMS_MAX { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> String {
    format!(
        "a regularizer may have up to {REGULARIZER_TERMS_MAX} terms and {REGULARIZER_DEPTH_MAX} sums within each other"
    )
}

fn checked_name(name: Option<&str>) -> Result<Option<&str>, String> {
    if name.is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return Err(format!("the name of a regularizer has more than {NAME_BYTES_MAX} bytes"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> RegularizerRecord {
        (0..depth).fold(RegularizerRecord::L1(0.5), |inner, _| RegularizerRecord::Sum(vec![inner]))
    }

    #[test]
    fn sums_within_sums_read_back_up_to_the_limit() {
        let record = RegularizerRecord::Sum(vec![
            nested(REGULARIZER_DEPTH_MAX - 1),
            RegularizerRecord::Sum(Vec::new()),
            RegularizerRecord::Custom(Some("mine".to_owned())),
        ]);
        assert_eq!(RegularizerRecord::from_wire(record.to_wire().unwrap()).unwrap(), record);
        assert!(nested(REGULARIZER_DEPTH_MAX + 1).to_wire().is_err());
        assert!(RegularizerRecord::Sum(vec![nested(0); REGULARIZER_TERMS_MAX]).to_wire().is_err());
    }

    #[test]
    fn hostile_lists_of_terms_are_refused() {
        let deep = vec![WireTerm::Sum(1); REGULARIZER_TERMS_MAX];
        let endless = vec![WireTerm::Sum(u32::MAX), WireTerm::L1(0.0)];
        let two = vec![WireTerm::L1(0.0), WireTerm::L1(0.0)];
        for terms in [Vec::new(), deep, endless, two] {
            assert!(RegularizerRecord::from_wire(List(terms)).is_err());
        }
    }
}
