//! What NumPy 2.4.6 printed, kept in a file that `tests/numpy_cases.py` writes, against what we print: random values, halves
//! of all sizes, extremes, shapes around the threshold.

use serde::Deserialize;
use varkeep::DType;

use super::{Values, format, is_shortened, shown};
use crate::elements;

#[derive(Deserialize)]
struct Case {
    dtype: String,
    shape: Vec<u64>,
    data: Data,
    text: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Bytes(String),
    Strings(Vec<String>),
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The flat indices of the elements that are shown.
fn indices(sizes: &[u64]) -> Vec<u64> {
    let shortened = is_shortened(sizes);
    sizes.iter().fold(vec![0], |outer, size| {
        outer.iter().flat_map(|at| shown(*size, shortened).into_iter().map(move |i| at * size + i)).collect()
    })
}

fn printed(case: &Case) -> String {
    let indices = indices(&case.shape);
    let values = match &case.data {
        Data::Strings(strings) => Values::Bytes(indices.iter().map(|i| bytes_of(&strings[*i as usize])).collect()),
        Data::Bytes(hex) => {
            let dtype = DType::from_name(&case.dtype).unwrap();
            let (size, all) = (dtype.element_bytes().unwrap(), bytes_of(hex));
            let chosen: Vec<u8> = indices.iter().flat_map(|i| &all[*i as usize * size..][..size]).copied().collect();
            elements::decode(dtype, &chosen).unwrap()
        }
    };
    format(&values, &case.shape)
}

#[test]
fn values_are_printed_as_numpy_prints_them() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/numpy-2.4.json")).unwrap();
    assert!(cases.len() > 1000);
    let differing: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let printed = printed(case);
            (printed != case.text)
                .then(|| format!("{} {:?}: NumPy printed\n{}\nand we\n{printed}", case.dtype, case.shape, case.text))
        })
        .collect();
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}
