//! Values as initializers, and functions of the caller's own.

use ndarray::array;
use proptest::prelude::*;

use super::*;

fn shape(sizes: impl IntoSizes) -> Shape {
    Shape::new(sizes.into_sizes().collect::<Vec<_>>()).unwrap()
}

fn known(sizes: impl IntoSizes) -> PartialShape {
    shape(sizes).into()
}

#[test]
fn values_say_what_they_are() {
    let from_array = Initializer::from(array![[1_i64, 2]]);
    assert!(matches!(from_array, Initializer::Tensor { .. }));
    assert_eq!(from_array.dtype(), Some(DType::I64));
    assert_eq!(from_array.static_shape(), Some(known([1, 2])));
    let partial = PartialShape::with_axes([None, Some(2)]);
    let hidden = tensor_with_static_shape(array![[1_i64, 2]], partial.clone()).unwrap();
    assert_eq!(hidden.static_shape(), Some(partial));
    assert!(hidden.is_value());
    let plain = array(array![true]);
    assert_eq!((plain.dtype(), plain.static_shape()), (Some(DType::Bool), Some(known([1]))));
    for function in [zeros(), nullary(|| Ok(1_u8.into()))] {
        assert!(!function.is_value());
        assert_eq!((function.dtype(), function.static_shape()), (None, None));
    }
    let error = tensor_with_static_shape(array![1.0], PartialShape::with_axes([Some(2)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InitializerShapeMismatch);
}

#[test]
fn literals_have_the_dtype_of_how_they_are_written() {
    let of = |literal: Literal| (literal.tensor().dtype(), literal.is_list(), literal.tensor().shape().clone());
    let scalar = Shape::scalar();
    assert_eq!(of(true.into()), (DType::Bool, false, scalar.clone()));
    assert_eq!(of(3.into()), (DType::I32, false, scalar.clone()));
    assert_eq!(of(1.0.into()), (DType::F32, false, scalar.clone()));
    assert_eq!(of("s".into()), (DType::String, false, scalar));
    assert_eq!(of([1, 2].into()), (DType::I32, true, shape([2])));
    assert_eq!(of(Vec::<i32>::new().into()), (DType::F32, true, shape([0])));
    let mixed = Literal::new([Scalar::from(1), Scalar::from(2.5), Scalar::from(true)]).unwrap();
    assert_eq!(mixed.tensor().elements::<f32>().unwrap(), [1.0, 2.5, 1.0]);
    let integers = Literal::new([Scalar::from(true), Scalar::from(2)]).unwrap();
    assert_eq!(integers.tensor().elements::<i32>().unwrap(), [1, 2]);
    for refused in [
        Constant::from(1_i64 << 31),
        Constant::from([Scalar::from("a"), Scalar::from(1)]),
        Constant::from(num_complex::Complex::new(1.0, 1.0)),
    ] {
        assert_eq!(Literal::new(refused).unwrap_err().kind(), ErrorKind::InitializerDtypeUnsupported);
    }
}

#[test]
fn a_literal_is_converted_only_into_what_takes_its_kind() {
    assert_eq!(elements::<f64>(literal([1, 2]), [2]), [1.0, 2.0]);
    assert_eq!(elements::<i64>(literal([true, false]), [2]), [1, 0]);
    // The float is taken as it was written, not by way of float32.
    assert_eq!(elements::<f64>(literal([0.1]), [1]), [0.1]);
    let refused: [(Initializer, DType); 5] = [
        (literal([2.0]), DType::I32),
        (literal([1]), DType::Bool),
        (literal(["a"]), DType::F32),
        (literal([1]), DType::String),
        (literal([300]), DType::U8),
    ];
    for (literal, dtype) in refused {
        assert_eq!(refusal(literal, dtype, [1]), ErrorKind::InitializerDtypeUnsupported);
    }
}

#[test]
fn an_array_is_converted_as_numpy_does() {
    let floats = || array(array![-2.7_f32, 0.0, 3.9]);
    assert_eq!(elements::<i32>(floats(), [3]), [-2, 0, 3]);
    assert_eq!(elements::<bool>(floats(), [3]), [true, false, true]);
    assert_eq!(elements::<f16>(array(array![true]), [1]), [f16::ONE]);
    for (array, dtype) in [
        (floats(), DType::String),
        (floats(), DType::U8),
        (array(Tensor::from_strings(3, &["1", "2", "3"]).unwrap()), DType::I32),
        (array(array![f64::NAN, 0.0, 0.0]), DType::I64),
    ] {
        assert_eq!(refusal(array, dtype, [3]), ErrorKind::InitializerDtypeUnsupported);
    }
}

#[test]
fn a_value_must_have_the_full_shape_and_a_tensor_its_dtype() {
    let value = array![1.0_f32, 2.0];
    for initializer in [tensor(value.clone()), array(value.clone()), literal([1.0, 2.0])] {
        assert_eq!(refusal(initializer, DType::F32, [3]), ErrorKind::InitializerShapeMismatch);
    }
    assert_eq!(refusal(tensor(value), DType::F64, [2]), ErrorKind::InitializerDtypeMismatch);
}

#[test]
fn a_function_of_the_callers_is_told_its_place_and_its_result_is_checked() {
    let iota = fill::<u64>(|place, mut view| {
        for (row, element) in (place.offset[0]..).zip(view.iter_mut()) {
            *element = row;
        }
    });
    let slice = make_slice(iota.clone(), DType::U64, &shape([5]), &[3], &shape([2])).unwrap();
    assert_eq!(slice.elements::<u64>().unwrap(), [3, 4]);
    assert_eq!(refusal(iota, DType::I32, [5]), ErrorKind::InitializerDtypeUnsupported);

    let wrong = function(|_| Ok(Tensor::from(1.0_f32)));
    assert_eq!(refusal(wrong.clone(), DType::F32, [1]), ErrorKind::InitializerWrongResult);
    assert_eq!(refusal(wrong, DType::F64, ()), ErrorKind::InitializerWrongResult);

    let failing = function(|_| Err(Error::new(ErrorKind::Metadata, "no data set")));
    let error = make(failing, DType::F32, [1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UserFunctionFailed);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no data set");

    assert_eq!(refusal(nullary(|| Ok(1.into())), DType::I32, ()), ErrorKind::InitializerTakesNoArguments);
    let Initializer::Nullary(bare) = nullary(|| Err(Error::new(ErrorKind::Metadata, "no data set"))) else {
        panic!("a function without parameters is one");
    };
    assert_eq!(bare().unwrap_err().kind(), ErrorKind::UserFunctionFailed);
}

proptest! {
    /// The slices of a value, converted or not, put together are the value.
    #[test]
    fn slices_of_values_tile_the_value(rows in 1_usize..6, columns in 0_usize..4, at in 0_usize..6) {
        let at = at.min(rows);
        let whole = ndarray::Array2::from_shape_fn((rows, columns), |(i, j)| u16::try_from(10 * i + j).unwrap());
        let full = shape([rows, columns]);
        for (initializer, dtype) in [
            (tensor(whole.clone()), DType::U16),
            (array(whole.clone()), DType::F64),
        ] {
            let parts = [(0, at), (at, rows)].map(|(start, end)| {
                let offset = vec![start as u64, 0];
                let part = make_slice(initializer.clone(), dtype, &full, &offset, &shape([end - start, columns]));
                (offset, part.unwrap())
            });
            let joined = Tensor::assemble(dtype, &full, &parts).unwrap();
            let expected =
                if dtype == DType::U16 { Tensor::from(whole.clone()) } else { whole.mapv(f64::from).into() };
            prop_assert_eq!(joined, expected);
        }
    }
}
