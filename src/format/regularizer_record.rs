//! What is recorded of a regularizer: a list of terms, the built-ins as data, a function as the name it was given.

use serde::{Deserialize, Serialize};

use crate::format::codec::List;
use crate::limits::NAME_BYTES_MAX;
use crate::scope::regularizer::{RegularizerRecord, TermRecord};

/// Terms of a regularizer, at most.
pub(crate) const REGULARIZER_TERMS_MAX: usize = 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum WireTerm<'a> {
    L1(f64),
    L2(f64),
    #[serde(borrow)]
    Custom(Option<&'a str>),
}

/// What a regularizer must fulfil to be recorded.
pub(super) fn check(record: &RegularizerRecord) -> Result<(), String> {
    to_wire(record).map(drop)
}

/// The list of terms.
pub(super) fn to_wire(record: &RegularizerRecord) -> Result<List<WireTerm<'_>>, String> {
    check_count(record.terms.len())?;
    let terms = record.terms.iter().map(|term| {
        Ok(match term {
            TermRecord::L1(scale) => WireTerm::L1(*scale),
            TermRecord::L2(scale) => WireTerm::L2(*scale),
            TermRecord::Custom { name } => WireTerm::Custom(checked_name(name.as_deref())?),
        })
    });
    terms.collect::<Result<_, String>>().map(List)
}

/// The record that a list of terms makes.
pub(super) fn from_wire(List(terms): List<WireTerm<'_>>) -> Result<RegularizerRecord, String> {
    check_count(terms.len())?;
    let terms = terms.into_iter().map(|term| {
        Ok(match term {
            WireTerm::L1(scale) => TermRecord::L1(scale),
            WireTerm::L2(scale) => TermRecord::L2(scale),
            WireTerm::Custom(name) => TermRecord::Custom { name: checked_name(name)?.map(str::to_owned) },
        })
    });
    Ok(RegularizerRecord { terms: terms.collect::<Result<_, String>>()? })
}

fn check_count(terms: usize) -> Result<(), String> {
    if terms > REGULARIZER_TERMS_MAX {
        return Err(format!("a regularizer may have up to {REGULARIZER_TERMS_MAX} terms, and one has {terms}"));
    }
    Ok(())
}

fn checked_name(name: Option<&str>) -> Result<Option<&str>, String> {
    if name.is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return Err(format!("the name of a regularizer has more than {NAME_BYTES_MAX} bytes"));
    }
    Ok(name)
}
