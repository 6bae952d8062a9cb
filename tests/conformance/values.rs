//! Tensors from and to the corpus's JSON.

use half::{bf16, f16};
use num_complex::Complex;
use serde_json::{Value as Json, json};
use varkeep::{DType, PartialShape, Shape, Tensor};

pub(crate) fn dtype(json: &Json) -> DType {
    let name = json.as_str().expect("a dtype is a string");
    DType::from_name(name).unwrap_or_else(|| panic!("unknown dtype {name:?}"))
}

pub(crate) fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap_or_else(|| panic!("{json} should be a list"))
}

pub(crate) fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("{json} should be a string")).to_owned()
}

fn sizes(json: &Json) -> Vec<u64> {
    list(json).iter().map(|size| size.as_u64().expect("a size is a number")).collect()
}

pub(crate) fn partial_shape(json: &Json) -> PartialShape {
    match json {
        Json::Null => PartialShape::unknown(),
        axes => PartialShape::with_axes(list(axes).iter().map(Json::as_u64).collect::<Vec<_>>()),
    }
}

pub(crate) fn shape_json(shape: &Shape) -> Json {
    json!(shape.sizes())
}

pub(crate) fn partial_shape_json(shape: &PartialShape) -> Json {
    shape.axes().map_or(Json::Null, |axes| json!(axes))
}

fn float(json: &Json) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("{json} should be a number"))
}

fn complex(json: &Json) -> Complex<f64> {
    match json {
        Json::Array(parts) => Complex::new(float(&parts[0]), float(&parts[1])),
        real => Complex::new(float(real), 0.0),
    }
}

/// A tensor of the corpus: dtype, shape and flat values.
pub(crate) fn tensor(json: &Json) -> Tensor {
    let shape = Shape::new(sizes(&json["shape"])).expect("the corpus holds small tensors");
    let values = list(&json["values"]);
    let signed = || values.iter().map(|value| value.as_i64().expect("an integer"));
    let unsigned = || values.iter().map(|value| value.as_u64().expect("a natural number"));
    let floats = || values.iter().map(float);
    let made = match dtype(&json["dtype"]) {
        DType::Bool => Tensor::from_vec(shape, values.iter().map(|v| v.as_bool().expect("a bool")).collect()),
        DType::I8 => Tensor::from_vec(shape, signed().map(|x| x as i8).collect()),
        DType::I16 => Tensor::from_vec(shape, signed().map(|x| x as i16).collect()),
        DType::I32 => Tensor::from_vec(shape, signed().map(|x| x as i32).collect()),
        DType::I64 => Tensor::from_vec(shape, signed().collect::<Vec<i64>>()),
        DType::U8 => Tensor::from_vec(shape, unsigned().map(|x| x as u8).collect()),
        DType::U16 => Tensor::from_vec(shape, unsigned().map(|x| x as u16).collect()),
        DType::U32 => Tensor::from_vec(shape, unsigned().map(|x| x as u32).collect()),
        DType::U64 => Tensor::from_vec(shape, unsigned().collect::<Vec<u64>>()),
        DType::F16 => Tensor::from_vec(shape, floats().map(f16::from_f64).collect()),
        DType::BF16 => Tensor::from_vec(shape, floats().map(bf16::from_f64).collect()),
        DType::F32 => Tensor::from_vec(shape, floats().map(|x| x as f32).collect()),
        DType::F64 => Tensor::from_vec(shape, floats().collect::<Vec<f64>>()),
        DType::C64 => {
            let narrow = |z: Complex<f64>| Complex::new(z.re as f32, z.im as f32);
            Tensor::from_vec(shape, values.iter().map(complex).map(narrow).collect())
        }
        DType::C128 => Tensor::from_vec(shape, values.iter().map(complex).collect()),
        DType::String => Tensor::from_strings(shape, &values.iter().map(text).collect::<Vec<_>>()),
        other => panic!("the corpus holds no {other}"),
    };
    made.expect("as many values as the shape has elements")
}

/// A tensor whose elements count up as `count` says.
pub(crate) fn counting(dtype: DType, shape: &Shape, numbers: impl Iterator<Item = u64>) -> varkeep::Result<Tensor> {
    let floats = |numbers: Vec<u64>| numbers.into_iter().map(|n| n as f64);
    let numbers: Vec<u64> = numbers.collect();
    match dtype {
        DType::Bool => Tensor::from_vec(shape, numbers.iter().map(|n| *n != 0).collect()),
        DType::I8 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as i8).collect()),
        DType::I16 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as i16).collect()),
        DType::I32 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as i32).collect()),
        DType::I64 => Tensor::from_vec(shape, numbers.iter().map(|n| n.cast_signed()).collect()),
        DType::U8 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as u8).collect()),
        DType::U16 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as u16).collect()),
        DType::U32 => Tensor::from_vec(shape, numbers.iter().map(|n| *n as u32).collect()),
        DType::U64 => Tensor::from_vec(shape, numbers),
        DType::F16 => Tensor::from_vec(shape, floats(numbers).map(f16::from_f64).collect()),
        DType::BF16 => Tensor::from_vec(shape, floats(numbers).map(bf16::from_f64).collect()),
        DType::F32 => Tensor::from_vec(shape, floats(numbers).map(|x| x as f32).collect()),
        DType::F64 => Tensor::from_vec(shape, floats(numbers).collect()),
        DType::C64 => Tensor::from_vec(shape, floats(numbers).map(|x| Complex::new(x as f32, 0.0)).collect()),
        DType::C128 => Tensor::from_vec(shape, floats(numbers).map(|x| Complex::new(x, 0.0)).collect()),
        DType::String => Tensor::from_strings(shape, &numbers.iter().map(ToString::to_string).collect::<Vec<_>>()),
        other => panic!("the corpus holds no {other}"),
    }
}

/// The flat values of a tensor.
pub(crate) fn flat(tensor: &Tensor) -> Json {
    fn numbers<T: varkeep::Element>(tensor: &Tensor, json: impl Fn(T) -> Json) -> Json {
        Json::Array(tensor.elements::<T>().expect("the dtype was looked at").iter().copied().map(json).collect())
    }
    match tensor.dtype() {
        DType::Bool => numbers::<bool>(tensor, |x| json!(x)),
        DType::I8 => numbers::<i8>(tensor, |x| json!(x)),
        DType::I16 => numbers::<i16>(tensor, |x| json!(x)),
        DType::I32 => numbers::<i32>(tensor, |x| json!(x)),
        DType::I64 => numbers::<i64>(tensor, |x| json!(x)),
        DType::U8 => numbers::<u8>(tensor, |x| json!(x)),
        DType::U16 => numbers::<u16>(tensor, |x| json!(x)),
        DType::U32 => numbers::<u32>(tensor, |x| json!(x)),
        DType::U64 => numbers::<u64>(tensor, |x| json!(x)),
        DType::F16 => numbers::<f16>(tensor, |x| json!(x.to_f64())),
        DType::BF16 => numbers::<bf16>(tensor, |x| json!(x.to_f64())),
        DType::F32 => numbers::<f32>(tensor, |x| json!(f64::from(x))),
        DType::F64 => numbers::<f64>(tensor, |x| json!(x)),
        DType::C64 => numbers::<Complex<f32>>(tensor, |z| json!([f64::from(z.re), f64::from(z.im)])),
        DType::C128 => numbers::<Complex<f64>>(tensor, |z| json!([z.re, z.im])),
        DType::String => {
            let strings = tensor.strings().expect("the dtype was looked at");
            strings.iter().map(|text| json!(String::from_utf8_lossy(text))).collect()
        }
        other => panic!("the corpus holds no {other}"),
    }
}

/// Whether two values are equal, numbers as numbers: `1` is `1.0`.
pub(crate) fn same(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// Whether two losses are equal as far as float32 arithmetic tells; both may be absent.
pub(crate) fn same_loss(ours: &Json, theirs: &Json) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1e-30),
        _ => false,
    }
}
