//! What the steps of a program say, made into what the interface takes.

use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use varkeep::init::{self, Constant, Distribution, Initializer, Literal, Mode, Place, Random, Scalar};
use varkeep::scope::{CustomGetter, Next, Partitioner, Regularizer, Reuse, VariableRequest, partitioner, regularizer};
use varkeep::{Error, ErrorKind, Result, Tensor, Variable};

use crate::values::{counting, dtype, list, partial_shape, tensor, text};

/// The names that a step's getters passed on, in order.
pub(crate) type Touched = Arc<Mutex<Vec<String>>>;

/// A shared getter.
pub(crate) type Getter = Arc<dyn CustomGetter<Variable>>;

/// The only entry of an object.
pub(crate) fn form(json: &Json) -> (&str, &Json) {
    let object = json.as_object().unwrap_or_else(|| panic!("{json} should be an object"));
    let (key, value) = object.iter().next().expect("it has one entry");
    (key, value)
}

/// The refusal of something that the interface's types do not let one say.
fn untypable(kind: ErrorKind) -> Error {
    Error::new(kind, "this cannot be said")
}

pub(crate) fn reuse(json: &Json) -> Result<Option<Reuse>> {
    match json {
        Json::Null => Ok(None),
        Json::Bool(false) => Ok(Some(Reuse::Refuse)),
        Json::Bool(true) => Ok(Some(Reuse::Require)),
        Json::String(auto) if auto == "auto" => Ok(Some(Reuse::Auto)),
        _ => Err(untypable(ErrorKind::InvalidReuseValue)),
    }
}

pub(crate) fn collections(json: &Json) -> Result<Option<Vec<String>>> {
    match json {
        Json::Null => Ok(None),
        Json::Array(keys) => Ok(Some(keys.iter().map(text).collect())),
        _ => Err(untypable(ErrorKind::CollectionsNotList)),
    }
}

fn scalar(json: &Json) -> Scalar {
    match json {
        Json::Bool(truth) => (*truth).into(),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().expect("a number that is no integer is a float").into(),
        },
        other => panic!("{other} is no scalar"),
    }
}

fn constant(json: &Json) -> Constant {
    match json {
        Json::Array(scalars) => scalars.iter().map(scalar).collect::<Vec<_>>().into(),
        other => scalar(other).into(),
    }
}

fn float(json: &Json, default: f64) -> f64 {
    if json.is_null() { default } else { json.as_f64().expect("a number") }
}

/// Each element's row-major index in the whole variable.
fn offset_iota(place: &Place<'_>) -> Result<Tensor> {
    let (full, part) = (place.full_shape.sizes(), place.shape.sizes());
    let numbers = (0..place.shape.elements()).map(|index| {
        let (mut rest, mut number, mut stride) = (index, 0, 1);
        for axis in (0..part.len()).rev() {
            number += (place.offset[axis] + rest % part[axis]) * stride;
            stride *= full[axis];
            rest /= part[axis];
        }
        number
    });
    counting(place.dtype, place.shape, numbers)
}

fn random(name: &str, arguments: &Json) -> Random {
    let number = |key: &str, default: f64| float(&arguments[key], default);
    let made = match name {
        "glorot_uniform" => init::glorot_uniform(),
        "glorot_normal" => init::glorot_normal(),
        "random_uniform" => {
            let bound = |key: &str, default: Scalar| match &arguments[key] {
                Json::Null => default,
                given => scalar(given),
            };
            init::random_uniform(bound("minval", 0.into()), bound("maxval", 1.0.into()))
        }
        "random_normal" => init::random_normal(number("mean", 0.0), number("stddev", 1.0)),
        "truncated_normal" => init::truncated_normal(number("mean", 0.0), number("stddev", 1.0)),
        "uniform_unit_scaling" => init::uniform_unit_scaling(number("factor", 1.0)),
        "orthogonal" => init::orthogonal(number("gain", 1.0)),
        "variance_scaling" => {
            let mode = match arguments["mode"].as_str() {
                None | Some("fan_in") => Mode::FanIn,
                Some("fan_out") => Mode::FanOut,
                Some("fan_avg") => Mode::FanAvg,
                Some(other) => panic!("unknown mode {other:?}"),
            };
            let distribution = match arguments["distribution"].as_str() {
                None | Some("truncated_normal" | "normal") => Distribution::TruncatedNormal,
                Some("untruncated_normal") => Distribution::UntruncatedNormal,
                Some("uniform") => Distribution::Uniform,
                Some(other) => panic!("unknown distribution {other:?}"),
            };
            init::variance_scaling(number("scale", 1.0), mode, distribution)
        }
        other => panic!("unknown initializer {other:?}"),
    };
    match arguments["seed"].as_u64() {
        Some(seed) => made.seed(seed),
        None => made,
    }
}

pub(crate) fn initializer(json: &Json) -> Result<Option<Initializer>> {
    if json.is_null() {
        return Ok(None);
    }
    let (name, argument) = form(json);
    Ok(Some(match name {
        "zeros" => init::zeros(),
        "ones" => init::ones(),
        "constant" => init::constant(constant(argument)),
        "tensor" => init::tensor(tensor(argument)),
        "value" => init::array(tensor(argument)),
        "python" => Literal::new(constant(argument))?.into(),
        "tensor_unknown_shape" => {
            init::tensor_with_static_shape(tensor(argument), partial_shape(&argument["static_shape"]))?
        }
        "callable_no_args" => {
            let value = tensor(argument);
            init::nullary(move || Ok(value.clone()))
        }
        "offset_iota" => init::function(offset_iota),
        "local_iota" => init::function(|place| counting(place.dtype, place.shape, 0..place.shape.elements())),
        "identity" => init::identity(float(&argument["gain"], 1.0)),
        other => random(other, argument).into(),
    }))
}

pub(crate) fn regularizer(json: &Json) -> Result<Option<Regularizer>> {
    fn scale(json: &Json) -> Result<f64> {
        // An integer is refused even where it would do: the interface takes floats only.
        if json.is_f64() { Ok(float(json, 0.0)) } else { Err(untypable(ErrorKind::RegularizerBadArgument)) }
    }
    if json.is_null() {
        return Ok(None);
    }
    let (name, argument) = form(json);
    Ok(Some(match name {
        "l1" => regularizer::l1(scale(argument)?)?,
        "l2" => regularizer::l2(scale(argument)?)?,
        "l1_l2" => regularizer::l1_l2(scale(&argument[0])?, scale(&argument[1])?)?,
        "none" => regularizer::none(),
        other => panic!("unknown regularizer {other:?}"),
    }))
}

/// A count; one that is negative becomes 0, which is as far below 1 for all that is checked.
fn count(json: &Json) -> u64 {
    json.as_u64().unwrap_or(0)
}

pub(crate) fn partitioner(json: &Json) -> Result<Option<Partitioner>> {
    if json.is_null() {
        return Ok(None);
    }
    let (name, argument) = form(json);
    let axis = argument["axis"].as_i64().unwrap_or(0);
    Ok(Some(match name {
        "fixed_size" => partitioner::fixed_size(count(&argument["num_shards"]), axis),
        "variable_axis_size" => {
            let mut made = partitioner::variable_axis_size(count(&argument["max_shard_bytes"])).axis(axis);
            if !argument["bytes_per_string_element"].is_null() {
                made = made.bytes_per_string_element(count(&argument["bytes_per_string_element"]));
            }
            match argument["max_shards"].as_i64() {
                Some(..0) => return Err(untypable(ErrorKind::PartitionerBadArgument)),
                Some(_) => made = made.max_shards(count(&argument["max_shards"])),
                None => {}
            }
            made.build()?
        }
        "min_max" => {
            let most = argument["max_partitions"].as_u64().unwrap_or(1);
            let mut made = partitioner::min_max(most).axis(axis);
            if !argument["min_slice_size"].is_null() {
                made = made.min_slice_size(count(&argument["min_slice_size"]));
            }
            if !argument["bytes_per_string_element"].is_null() {
                made = made.bytes_per_string_element(count(&argument["bytes_per_string_element"]));
            }
            made.build()?
        }
        "raw" => {
            let counts: Vec<u64> = list(argument).iter().map(count).collect();
            Partitioner::new(move |_, _| Ok(counts.clone()))
        }
        "raw_scalar" => Partitioner::new(|_, _| Err(untypable(ErrorKind::PartitionerNotSequence))),
        "not_callable" => Partitioner::new(|_, _| Err(untypable(ErrorKind::PartitionerNotCallable))),
        other => panic!("unknown partitioner {other:?}"),
    }))
}

/// What a getter that overrides puts in place of what it received.
fn overriding(arguments: &Json) -> Result<impl Fn(&mut VariableRequest) + Send + Sync + use<>> {
    let arguments = arguments.as_object().expect("an object").clone();
    let initializer = arguments.get("initializer").map(initializer).transpose()?;
    let partitioner = arguments.get("partitioner").map(partitioner).transpose()?;
    let reuse = arguments.get("reuse").map(reuse).transpose()?;
    let collections = arguments.get("collections").map(collections).transpose()?;
    for key in arguments.keys() {
        let known = ["initializer", "partitioner", "reuse", "collections", "trainable", "dtype", "shape"];
        assert!(known.contains(&key.as_str()), "unknown argument {key:?}");
    }
    Ok(move |request: &mut VariableRequest| {
        if let Some(initializer) = &initializer {
            request.initializer.clone_from(initializer);
        }
        if let Some(partitioner) = &partitioner {
            request.partitioner.clone_from(partitioner);
        }
        if let Some(reuse) = reuse {
            request.reuse = reuse;
        }
        if let Some(collections) = &collections {
            request.collections.clone_from(collections);
        }
        if let Some(trainable) = arguments.get("trainable") {
            request.trainable = trainable.as_bool().expect("a bool");
        }
        if let Some(given) = arguments.get("dtype") {
            request.dtype = dtype(given);
        }
        if let Some(given) = arguments.get("shape") {
            request.shape = (!given.is_null()).then(|| partial_shape(given));
        }
    })
}

/// A getter that notes the names it passes on.
pub(crate) fn getter(json: &Json, touched: &Touched) -> Result<Option<Getter>> {
    if json.is_null() {
        return Ok(None);
    }
    let touched = Arc::clone(touched);
    let pass = move |next: &mut Next<'_, Variable>, request: VariableRequest| {
        touched.lock().expect("no getter panics").push(request.name.clone());
        next.get(request)
    };
    let (name, argument) = form(json);
    let argument_text = argument.as_str().unwrap_or_default().to_owned();
    Ok(Some(match name {
        "suffix" => Arc::new(move |next: &mut Next<'_, Variable>, mut request: VariableRequest| {
            request.name.push_str(&argument_text);
            pass(next, request)
        }),
        "prefix" => Arc::new(move |next: &mut Next<'_, Variable>, mut request: VariableRequest| {
            request.name.insert_str(0, &argument_text);
            pass(next, request)
        }),
        "identity" => Arc::new(pass),
        "override" => {
            let change = overriding(argument)?;
            Arc::new(move |next: &mut Next<'_, Variable>, mut request: VariableRequest| {
                change(&mut request);
                pass(next, request)
            })
        }
        "pair" => Arc::new(move |next: &mut Next<'_, Variable>, request: VariableRequest| {
            let named = |last: &str| VariableRequest { name: format!("{}/{last}", request.name), ..request.clone() };
            pass(next, named("0"))?;
            pass(next, named("1"))
        }),
        "not_callable" => Arc::new(|_: &mut Next<'_, Variable>, _: VariableRequest| {
            Err(untypable(ErrorKind::CustomGetterNotCallable))
        }),
        other => panic!("unknown getter {other:?}"),
    }))
}
