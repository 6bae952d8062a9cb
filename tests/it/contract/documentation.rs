//! The page on TensorFlow says every kind of error.

use varkeep::ErrorKind;

const PAGE: &str = include_str!("../../../docs/TENSORFLOW.md");

#[test]
fn every_kind_of_error_is_explained() {
    let explained = |kind: &&ErrorKind| PAGE.contains(&format!("`{}`", kind.as_str()));
    let missing: Vec<_> = ErrorKind::ALL.iter().filter(|kind| !explained(kind)).collect();
    assert!(missing.is_empty(), "docs/TENSORFLOW.md does not explain {missing:?}");
}
