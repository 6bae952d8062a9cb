//! Our statistics and differences against those that NumPy computed, kept in a file that `tests/numpy_stats.py` writes: all
//! printed digits agree, counts and integers exactly.

use serde::Deserialize;
use varkeep::DType;

use crate::compare::{self, Tolerance};
use crate::number::Number;
use crate::render::units;
use crate::stats::Stats;

/// As the script has them.
const TOLERANCE: Tolerance = Tolerance { relative: 1e-2, absolute: 1e-3 };

/// Sums are taken in another order than NumPy's: of 17 digits the last few may differ.
const RELATIVE: f64 = 1e-12;

#[derive(Deserialize)]
struct Case {
    dtype: String,
    shape: Vec<u64>,
    a: String,
    b: String,
    stats: Expected,
    difference: Difference,
}

#[derive(Deserialize)]
struct Expected {
    zeros: u64,
    nans: u64,
    infinities: u64,
    min: Option<String>,
    max: Option<String>,
    mean: Option<f64>,
    std: Option<f64>,
    l2: Option<f64>,
    counts: Option<Vec<u64>>,
    edges: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Difference {
    changed: u64,
    not_close: Option<u64>,
    #[serde(default)]
    new_nans: u64,
    #[serde(default)]
    new_infinities: u64,
    max_delta: Option<String>,
    at: Option<u64>,
    l2_delta: Option<f64>,
    l2_relative: Option<f64>,
    cosine: Option<f64>,
}

fn cases() -> Vec<(Case, DType, String)> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../tests/numpy-stats.json")).unwrap();
    assert!(cases.len() > 80);
    cases
        .into_iter()
        .enumerate()
        .map(|(i, case)| {
            let (dtype, which) =
                (DType::from_name(&case.dtype).unwrap(), format!("case {i}, {} {:?}", case.dtype, case.shape));
            (case, dtype, which)
        })
        .collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The same to the last digit that is printed, and nearly to the last that there is.
#[track_caller]
fn assert_agrees(ours: Option<f64>, numpy: Option<f64>, which: &str) {
    let (Some(ours), Some(numpy)) = (ours, numpy) else {
        assert_eq!(ours.is_some(), numpy.is_some(), "{which}: {ours:?} {numpy:?}");
        return;
    };
    assert_eq!(units::significant(ours, 4), units::significant(numpy, 4), "{which}");
    assert!((ours - numpy).abs() <= RELATIVE * numpy.abs(), "{which}: {ours} {numpy}");
}

#[track_caller]
fn assert_exact(ours: Option<Number>, numpy: Option<&String>, which: &str) {
    let Some(numpy) = numpy else { return assert_eq!(ours, None, "{which}") };
    match ours.unwrap() {
        Number::Int(x) => assert_eq!(x.to_string(), *numpy, "{which}"),
        Number::Float(x) => assert_eq!(x, numpy.parse::<f64>().unwrap(), "{which}"),
    }
}

#[test]
fn statistics_agree_with_numpy_to_the_last_printed_digit() {
    for (case, dtype, which) in cases() {
        let (bytes, expected) = (bytes_of(&case.a), case.stats);
        // In blocks, as they are read from files, and all at once.
        for block in [bytes.len().max(1), dtype.element_bytes().unwrap() * 7] {
            let mut stats = Stats::default();
            for part in bytes.chunks(block) {
                let mut one = Stats::default();
                one.add(dtype, part, &mut Vec::new());
                stats.merge(one);
            }
            stats.count_into_bins(dtype, &bytes);
            assert_eq!(
                (stats.zeros, stats.nans, stats.infinities),
                (expected.zeros, expected.nans, expected.infinities),
                "{which}"
            );
            for (ours, numpy) in [(stats.min, &expected.min), (stats.max, &expected.max)] {
                if dtype.is_complex() {
                    // Magnitudes, whose last digit depends on how the root is taken.
                    let numpy = numpy.as_ref().map(|x| x.parse().unwrap());
                    assert_agrees(ours.map(Number::to_f64), numpy, &which);
                } else {
                    assert_exact(ours, numpy.as_ref(), &which);
                }
            }
            assert_agrees(stats.mean(), expected.mean, &which);
            assert_agrees(stats.std(), expected.std, &which);
            assert_agrees(stats.l2(), expected.l2, &which);
            let histogram = stats.histogram.as_ref();
            assert_eq!(histogram.map(|one| one.counts.to_vec()), expected.counts, "{which}");
            let edges = histogram.map(|one| one.bins.unwrap().edges().to_vec()).unwrap_or_default();
            for (edge, numpy) in edges.iter().zip(expected.edges.iter().flatten()) {
                let numpy: f64 = numpy.parse().unwrap();
                let margin = if dtype.is_complex() { RELATIVE * numpy.abs() } else { 0.0 };
                assert!((edge - numpy).abs() <= margin, "{which}: {edge} {numpy}");
            }
        }
    }
}

#[test]
fn differences_agree_with_numpy_to_the_last_printed_digit() {
    for (case, dtype, which) in cases() {
        let (a, b, expected) = (bytes_of(&case.a), bytes_of(&case.b), case.difference);
        let (change, at) = compare::of_bytes(dtype, &a, &b, Tolerance::NONE);
        assert_eq!(
            (change.changed, change.new_nans, change.new_infinities),
            (expected.changed, expected.new_nans, expected.new_infinities),
            "{which}"
        );
        let is_integer = dtype.is_integer();
        if is_integer {
            assert_exact(change.max_delta, expected.max_delta.as_ref(), &which);
        } else {
            let numpy = expected.max_delta.as_ref().map(|x| x.parse::<f64>().unwrap());
            assert_agrees(change.max_delta.map(Number::to_f64), numpy, &which);
        }
        assert_eq!(at, expected.at, "{which}");
        assert_agrees(change.l2_delta(), expected.l2_delta, &which);
        let relative = change.l2_relative().filter(|relative| relative.is_finite() && *relative > 0.0);
        assert_agrees(relative, expected.l2_relative.filter(|relative| *relative > 0.0), &which);
        assert_agrees(change.cosine(), expected.cosine, &which);
        let (near, _) = compare::of_bytes(dtype, &a, &b, TOLERANCE);
        if let Some(not_close) = expected.not_close {
            assert_eq!(near.changed, not_close, "{which}");
        }
    }
}
