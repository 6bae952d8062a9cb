//! Zeros, ones, constants and the identity.

use num_complex::Complex;
use proptest::prelude::*;

use super::*;

#[test]
fn zeros_and_ones_serve_every_dtype_of_numbers() {
    assert_eq!(elements::<bool>(zeros(), [2]), [false; 2]);
    assert_eq!(elements::<bool>(ones(), [2]), [true; 2]);
    assert_eq!(elements::<u8>(ones(), [2]), [1; 2]);
    assert_eq!(elements::<f16>(ones(), [2]), [f16::ONE; 2]);
    assert_eq!(elements::<Complex<f64>>(ones(), [2]), [Complex::ONE; 2]);
    let empty = make(zeros(), DType::String, [3]).unwrap();
    assert_eq!(empty.strings().unwrap().iter().collect::<Vec<_>>(), [b""; 3]);
    assert_eq!(refusal(ones(), DType::String, [3]), ErrorKind::InitializerDtypeUnsupported);
    assert_eq!(refusal(zeros(), DType::F8E4M3FN, [3]), ErrorKind::InitializerDtypeUnsupported);
}

#[test]
fn a_list_is_laid_out_and_its_last_element_fills() {
    assert_eq!(elements::<f32>(constant([1, 2, 3]), [2, 3]), [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
    assert_eq!(elements::<i64>(constant([7]), [3]), [7; 3]);
    assert_eq!(elements::<i64>(constant([7]), ()), [7]);
    let text = make(constant(["a", "bc"]), DType::String, [3]).unwrap();
    assert_eq!(text.strings().unwrap().iter().collect::<Vec<_>>(), [&b"a"[..], b"bc", b"bc"]);
    let mixed = constant([Scalar::from(true), Scalar::from(2), Scalar::from(0.5)]);
    assert_eq!(elements::<f64>(mixed, [3]), [1.0, 2.0, 0.5]);
}

#[test]
fn a_list_longer_than_the_variable_is_refused_with_both_counts() {
    let error = make(constant([1.0, 2.0, 3.0]), DType::F32, [2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConstantTooManyElements);
    assert!(error.what().contains('3') && error.what().contains("has 2"), "{error}");
    assert_eq!(refusal(constant(["a", "b"]), DType::String, ()), ErrorKind::ConstantTooManyElements);
    // What it is made of is looked at before how long it is.
    assert_eq!(refusal(constant([1.5, 2.5]), DType::I32, ()), ErrorKind::InitializerDtypeUnsupported);
    assert_eq!(refusal(constant(Vec::<i32>::new()), DType::I32, [2]), ErrorKind::InvalidArgument);
}

#[test]
fn a_constant_is_taken_only_by_dtypes_of_its_kind() {
    let unsupported = [
        (constant(1.5), DType::I32),
        (constant(2.0), DType::I32),
        (constant(2), DType::Bool),
        (constant(2.5), DType::Bool),
        (constant([1, 2]), DType::Bool),
        (constant("1"), DType::F32),
        (constant(1), DType::String),
        (constant(true), DType::String),
        (constant(300), DType::U8),
        (constant(-1), DType::U64),
        (constant(Complex::new(1.0, 0.0)), DType::F64),
        (constant(1), DType::U4),
    ];
    for (initializer, dtype) in unsupported {
        assert_eq!(refusal(initializer, dtype, [3]), ErrorKind::InitializerDtypeUnsupported, "{dtype}");
    }
    assert_eq!(elements::<f32>(constant(true), [1]), [1.0]);
    assert_eq!(elements::<i8>(constant(true), [1]), [1]);
    assert_eq!(elements::<u64>(constant(u64::MAX), [1]), [u64::MAX]);
    assert_eq!(elements::<Complex<f32>>(constant(2), [1]), [Complex::new(2.0, 0.0)]);
}

#[test]
fn a_variable_without_elements_takes_any_constant() {
    for dtype in DType::ALL {
        for constant in [constant("a"), constant([1.5, 2.5]), constant(Vec::<bool>::new())] {
            assert_eq!(make(constant, *dtype, [2, 0]).unwrap().shape().elements(), 0);
        }
    }
}

#[test]
fn a_list_starts_anew_in_every_slice() {
    let full = Shape::new([4]).unwrap();
    let half = Shape::new([2]).unwrap();
    let slice = make_slice(constant([5, 6]), DType::I32, &full, &[2], &half).unwrap();
    assert_eq!(slice.elements::<i32>().unwrap(), [5, 6]);
}

#[test]
fn identity_serves_complex_numbers_and_empty_matrices() {
    let complex = elements::<Complex<f32>>(identity(0.5), [2, 2]);
    assert_eq!(complex, [Complex::new(0.5, 0.0), Complex::ZERO, Complex::ZERO, Complex::new(0.5, 0.0)]);
    assert!(elements::<f32>(identity(1.0), [0, 3]).is_empty());
}

proptest! {
    /// However a matrix is cut, its slices put together are the identity.
    #[test]
    fn slices_of_the_identity_are_cut_from_the_whole(
        rows in 0_u64..6, columns in 0_u64..6, axis in 0_usize..2, at in 0_u64..6, gain in -2.0..2.0_f64,
    ) {
        let full = Shape::new([rows, columns]).unwrap();
        let at = at.min(full.sizes()[axis]);
        let mut parts = Vec::new();
        for (start, end) in [(0, at), (at, full.sizes()[axis])] {
            let mut offset = vec![0, 0];
            offset[axis] = start;
            let mut sizes = full.sizes().to_vec();
            sizes[axis] = end - start;
            let slice = make_slice(identity(gain), DType::F64, &full, &offset, &Shape::new(sizes).unwrap());
            parts.push((offset, slice.unwrap()));
        }
        let whole = Tensor::assemble(DType::F64, &full, &parts).unwrap();
        for ((i, j), value) in whole.view::<f64>().unwrap().into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter() {
            let expected: f64 = if i == j { gain } else { 0.0 };
            prop_assert_eq!(value.to_bits(), expected.to_bits());
        }
    }
}
