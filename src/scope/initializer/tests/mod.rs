//! Tests of all initializers together, and what the tests of each share.

use half::f16;

use super::*;
use crate::dtype::Element;
use crate::shape::IntoSizes;

mod constants;
mod distributions;
mod reproducible;
mod values;

/// A variable in one piece.
fn make(initializer: impl Into<Initializer>, dtype: DType, shape: impl IntoSizes) -> Result<Tensor> {
    let shape = Shape::new(shape.into_sizes().collect::<Vec<_>>()).unwrap();
    make_slice(initializer, dtype, &shape, &vec![0; shape.rank()], &shape)
}

fn make_slice(
    initializer: impl Into<Initializer>,
    dtype: DType,
    full_shape: &Shape,
    offset: &[u64],
    shape: &Shape,
) -> Result<Tensor> {
    let place = Place { name: "layer/w", full_shape, offset, shape, dtype, store_seed: 1 };
    initializer.into().initialize(&place)
}

fn elements<T: Element>(initializer: impl Into<Initializer>, shape: impl IntoSizes) -> Vec<T> {
    make(initializer, T::DTYPE, shape).unwrap().elements::<T>().unwrap().to_vec()
}

fn refusal(initializer: impl Into<Initializer>, dtype: DType, shape: impl IntoSizes) -> ErrorKind {
    let error = make(initializer, dtype, shape).unwrap_err();
    assert_eq!(error.variable(), Some("layer/w"), "{error}");
    error.kind()
}

fn all() -> Vec<(&'static str, Initializer)> {
    let matrix = || ndarray::array![[1.5_f32, -2.0], [0.0, 4.0]];
    vec![
        ("zeros", zeros()),
        ("ones", ones()),
        ("constant bool", constant(true)),
        ("constant int", constant(-3)),
        ("constant float", constant(2.5)),
        ("constant text", constant("text")),
        ("constant list", constant([1, 2])),
        ("constant empty", constant(Vec::<f32>::new())),
        ("constant mixed", constant([Scalar::from(1), Scalar::from("text")])),
        ("identity", identity(2.0)),
        ("uniform", random_uniform(-1.0, 1.0).into()),
        ("uniform int", random_uniform(-3, 300).into()),
        ("uniform far", random_uniform(f64::MIN, f64::MAX).into()),
        ("uniform text", random_uniform("a", "b").into()),
        ("uniform nan", random_uniform(f64::NAN, 1.0).into()),
        ("uniform wide", random_uniform(Scalar::Int(i128::MIN), Scalar::Int(i128::MAX)).into()),
        ("normal", random_normal(1.0, 2.0).into()),
        ("normal far", random_normal(1e300, f64::INFINITY).into()),
        ("truncated", truncated_normal(0.0, 1.0).into()),
        ("unit", uniform_unit_scaling(1.0).into()),
        ("scaling", variance_scaling(-1.0, Mode::FanOut, Distribution::UntruncatedNormal).into()),
        ("glorot", glorot_uniform().into()),
        ("he", he_normal().seed(3).into()),
        ("orthogonal", orthogonal(1.0).into()),
        ("function", function(|place| Tensor::zeros(place.dtype, place.shape.clone()))),
        ("fill", fill::<f16>(|_, mut view| view.fill(f16::ONE))),
        ("nullary", nullary(|| Ok(Tensor::from(1_i32)))),
        ("tensor", tensor(matrix())),
        ("array", array(matrix())),
        ("literal", literal([1.5, 2.0, 3.0])),
        ("literal text", literal("text")),
    ]
}

/// Every initializer, dtype and shape: a value of that shape and dtype, or an error of a stated kind.
#[test]
fn nothing_panics_and_every_refusal_is_one_of_the_stated() {
    let shapes: [&[u64]; 9] = [&[], &[0], &[3], &[2, 2], &[2, 3], &[0, 4], &[4, 0], &[2, 1, 3], &[2, 0, 3, 1]];
    let kinds = [
        ErrorKind::InitializerDtypeUnsupported,
        ErrorKind::InitializerDtypeMismatch,
        ErrorKind::InitializerShapeMismatch,
        ErrorKind::InitializerRank,
        ErrorKind::InitializerTakesNoArguments,
        ErrorKind::ConstantTooManyElements,
        ErrorKind::InvalidArgument,
    ];
    for (name, initializer) in all() {
        let mut made = 0;
        for dtype in DType::ALL {
            for shape in shapes {
                match make(initializer.clone(), *dtype, shape) {
                    Ok(tensor) => {
                        assert_eq!((tensor.dtype(), tensor.shape().sizes()), (*dtype, shape), "{name}");
                        made += 1;
                    }
                    Err(error) => {
                        assert!(kinds.contains(&error.kind()), "{name} {dtype} {shape:?}: {error:?}");
                        assert_eq!(error.variable(), Some("layer/w"), "{name}");
                    }
                }
            }
        }
        let never = ["uniform far", "nullary", "normal far", "scaling", "uniform nan", "uniform text"];
        assert_eq!(made == 0, never.contains(&name), "{name} was made {made} times");
    }
}

/// A place that contradicts itself is refused or served, but never a panic.
#[test]
fn a_place_that_contradicts_itself_does_not_panic() {
    let shapes: [&[u64]; 5] = [&[], &[3], &[2, 2], &[3, 5], &[1, 2, 3]];
    let offsets: [&[u64]; 5] = [&[], &[1], &[0, 1], &[u64::MAX, u64::MAX], &[1, 2, 3]];
    for (_, initializer) in all() {
        for full in shapes {
            for shape in shapes {
                for offset in offsets {
                    for dtype in [DType::F32, DType::I32, DType::String] {
                        let (full, shape) = (Shape::new(full).unwrap(), Shape::new(shape).unwrap());
                        let _ignored = make_slice(initializer.clone(), dtype, &full, offset, &shape);
                    }
                }
            }
        }
    }
}

#[test]
fn floating_only_functions_refuse_other_dtypes_even_without_elements() {
    let functions: [Initializer; 8] = [
        random_normal(0.0, 1.0).into(),
        truncated_normal(0.0, 1.0).into(),
        uniform_unit_scaling(1.0).into(),
        glorot_uniform().into(),
        glorot_normal().into(),
        he_uniform().into(),
        lecun_normal().into(),
        orthogonal(1.0).into(),
    ];
    for function in functions {
        for dtype in DType::ALL.iter().filter(|dtype| !dtype.is_floating()) {
            for shape in [[0, 4], [2, 2]] {
                assert_eq!(refusal(function.clone(), *dtype, shape), ErrorKind::InitializerDtypeUnsupported);
            }
        }
    }
}

#[test]
fn rank_is_checked_before_dtype() {
    for function in [identity(1.0), orthogonal(1.0).into()] {
        assert_eq!(refusal(function.clone(), DType::String, [4]), ErrorKind::InitializerRank);
        assert_eq!(refusal(function.clone(), DType::I32, ()), ErrorKind::InitializerRank);
        assert_eq!(refusal(function, DType::I32, [2, 2]), ErrorKind::InitializerDtypeUnsupported);
    }
    assert_eq!(refusal(identity(1.0), DType::F32, [2, 2, 2]), ErrorKind::InitializerRank);
}
