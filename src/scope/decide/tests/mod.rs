#![expect(clippy::needless_pass_by_value, reason = "requests are built where they are used")]

mod partitioned;
mod resume;
mod single;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::scope::initializer::{self as init, Initializer};
use crate::scope::{CallArguments, Partitioner, ScopeSettings, Tiles};
use crate::shape::PartialShape;
use crate::tensor::Tensor;

use ErrorKind as Kind;
use Reuse::{Auto, Refuse, Require, Resume};

/// What exists, as these tests make it up.
#[derive(Clone, Debug, Default)]
struct Model {
    variables: BTreeMap<String, VariableFacts>,
    wholes: BTreeMap<String, WholeFacts>,
    claimed: bool,
}

impl Model {
    /// What a session finds that an earlier one has left.
    fn left_over() -> Self {
        Self::default()
    }

    /// What this session has made itself.
    fn of_session() -> Self {
        Self { claimed: true, ..Self::default() }
    }

    fn with(mut self, name: &str, sizes: &[u64], dtype: DType) -> Self {
        let held = Shape::new(sizes).unwrap();
        let facts = VariableFacts { declared: (&held).into(), held, dtype, claimed: self.claimed };
        self.variables.insert(name.to_owned(), facts);
        self
    }

    fn with_undeclared(mut self, name: &str, sizes: &[u64]) -> Self {
        self = self.with(name, sizes, DType::F32);
        self.variables.get_mut(name).unwrap().declared = PartialShape::unknown();
        self
    }

    fn with_whole(mut self, name: &str, sizes: &[u64], counts: &[u64]) -> Self {
        let shape = Shape::new(sizes).unwrap();
        for (k, tile) in Tiles::new(shape.clone(), counts).unwrap().iter().enumerate() {
            self = self.with(&slice_of(name, k), tile.shape.sizes(), DType::F32);
        }
        let facts = WholeFacts { shape, dtype: DType::F32, counts: counts.to_vec(), claimed: self.claimed };
        self.wholes.insert(name.to_owned(), facts);
        self
    }
}

impl Existing for Model {
    fn variable(&self, full_name: &str) -> Result<Option<VariableFacts>> {
        Ok(self.variables.get(full_name).cloned())
    }

    fn whole(&self, full_name: &str) -> Result<Option<WholeFacts>> {
        Ok(self.wholes.get(full_name).cloned())
    }

    fn first_created(&self, full_name: &str) -> Option<String> {
        let known = self.variables.contains_key(full_name) || self.wholes.contains_key(full_name);
        known.then(|| "at model.rs:7".to_owned())
    }
}

/// Carries a get out against the model, and tells in words what it came to.
fn come_to(request: &VariableRequest, model: &mut Model) -> Result<String> {
    let mut answer = None;
    let make = |model: &mut Model, plan: &Plan<'_>| -> Result<String> {
        let value = plan.initial_value(7, |_, place| Tensor::zeros(place.dtype, place.shape.clone()))?;
        let declared = plan.declared(value.shape());
        let told = format!("{} {declared} {}", plan.name, value.dtype());
        let facts = VariableFacts { declared, held: value.shape().clone(), dtype: value.dtype(), claimed: true };
        assert!(model.variables.insert(plan.name.clone(), facts).is_none());
        Ok(told)
    };
    loop {
        return Ok(match decide(request, model, answer.take())? {
            Decision::AskPartitioner { shape, dtype } => {
                answer = Some(request.ask_partitioner(shape, dtype)?);
                continue;
            }
            Decision::ReuseVariable(name) => format!("found {name}"),
            Decision::ReuseWhole(name) => format!("found whole {name}"),
            Decision::CreateVariable(plan) => format!("made {}", make(model, &plan)?),
            Decision::CreateWhole(whole) => {
                let mut told = format!("made whole {} {} {}:", whole.name, whole.shape(), whole.dtype);
                for k in 0..whole.slices() {
                    match whole.slice(k, model)? {
                        SliceStep::Adopt(name) => write!(told, " adopted {name}").unwrap(),
                        SliceStep::Create(plan) => write!(told, " {}", make(model, &plan)?).unwrap(),
                    }
                }
                told
            }
            Decision::Reslice(Reslice { name, shape, dtype, from, to }) => {
                format!("cut {name} {shape} {dtype} from {from:?} to {to:?}")
            }
        });
    }
}

fn get(name: &str) -> VariableRequest {
    let arguments = CallArguments { initializer: Some(init::zeros()), ..CallArguments::new(name) };
    arguments.resolve(&ScopeSettings::<()>::root()).unwrap()
}

trait Asking: Sized {
    fn by(self, reuse: Reuse) -> Self;
    fn shape(self, sizes: &[u64]) -> Self;
    fn partial(self, axes: &[Option<u64>]) -> Self;
    fn dtype(self, dtype: DType) -> Self;
    fn init(self, initializer: impl Into<Option<Initializer>>) -> Self;
    fn cut(self, counts: &[u64]) -> Self;
}

impl Asking for VariableRequest {
    fn by(self, reuse: Reuse) -> Self {
        Self { reuse: Some(reuse), ..self }
    }

    fn shape(self, sizes: &[u64]) -> Self {
        self.partial(&sizes.iter().copied().map(Some).collect::<Vec<_>>())
    }

    fn partial(self, axes: &[Option<u64>]) -> Self {
        Self { shape: Some(PartialShape::with_axes(axes)), ..self }
    }

    fn dtype(self, dtype: DType) -> Self {
        Self { dtype, ..self }
    }

    fn init(self, initializer: impl Into<Option<Initializer>>) -> Self {
        Self { initializer: initializer.into(), ..self }
    }

    fn cut(self, counts: &[u64]) -> Self {
        let counts = counts.to_vec();
        Self { partitioner: Some(Partitioner::new(move |_, _| Ok(counts.clone()))), ..self }
    }
}

fn value(sizes: &[u64]) -> Tensor {
    Tensor::zeros(DType::F32, Shape::new(sizes).unwrap()).unwrap()
}

fn nullary() -> Initializer {
    init::nullary(|| Ok(value(&[3])))
}

#[track_caller]
fn assert_comes_to(request: VariableRequest, model: &Model, expected: &str) {
    assert_eq!(come_to(&request, &mut model.clone()).unwrap(), expected);
}

#[track_caller]
fn assert_fails(request: VariableRequest, model: &Model, kind: ErrorKind) {
    let error = come_to(&request, &mut model.clone()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.variable().is_some() && error.advice().is_some(), "{error}");
    assert!(error.what().chars().next().unwrap().is_lowercase() && !error.what().ends_with('.'), "{error}");
}

/// As [`assert_fails`], of what an initializer itself refuses.
#[track_caller]
fn assert_initializer_fails(request: VariableRequest, kind: ErrorKind) {
    let error = come_to(&request, &mut Model::of_session()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
}

#[test]
fn messages_say_what_was_asked_what_was_found_and_where_it_was_made() {
    let model = Model::of_session().with("a/v", &[2], DType::F32);
    let told = |request: VariableRequest| come_to(&request, &mut model.clone()).unwrap_err().to_string();
    let text = told(get("a/v").shape(&[3]).by(Auto));
    for part in ["\"a/v\"", "[3]", "[2]", "model.rs:7", ";"] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(get("a/v").shape(&[2]));
    for part in ["\"a/v\"", "model.rs:7", "automatic"] {
        assert!(text.contains(part), "{text}");
    }
}

fn any_request() -> impl Strategy<Value = VariableRequest> {
    let name = prop::sample::select(vec!["v", "p", "p/part_0", "p/part_1", "v/part_0", "", "_x"]);
    let shape = prop::option::of(prop::collection::vec(prop::option::weighted(0.9, 0_u64..4), 0..3));
    let reuse = prop::option::of(prop::sample::select(vec![Refuse, Require, Auto, Resume]));
    let counts = prop::option::of(prop::collection::vec(0_u64..4, 0..3));
    let dtype = prop::sample::select(vec![DType::F32, DType::I32, DType::C64]);
    let sizes = prop::collection::vec(0_u64..4, 0..3);
    (name, shape, reuse, counts, dtype, 0..6, sizes, any::<bool>()).prop_map(
        |(name, shape, reuse, counts, dtype, initializer, sizes, validate_shape)| {
            let mut request = get(name).dtype(dtype).init(match initializer {
                0 => None,
                1 => Some(init::tensor(value(&sizes))),
                2 => Some(init::array(value(&sizes))),
                3 => Some(init::literal(vec![1, 2])),
                4 => Some(nullary()),
                _ => Some(init::zeros()),
            });
            request.shape = shape.map(PartialShape::with_axes);
            request.reuse = reuse;
            request.validate_shape = validate_shape;
            match counts {
                Some(counts) => request.cut(&counts),
                None => request,
            }
        },
    )
}

proptest! {
    /// Whatever is asked, in whatever order: modes keep their word, wholes tile, and nothing panics.
    #[test]
    fn decisions_keep_the_invariants(requests in prop::collection::vec((any_request(), any::<bool>()), 1..12)) {
        let mut model = Model::of_session();
        for (request, new_session) in requests {
            if new_session {
                model.variables.values_mut().for_each(|facts| facts.claimed = false);
                model.wholes.values_mut().for_each(|facts| facts.claimed = false);
            }
            let mut after = model.clone();
            let Ok(told) = come_to(&request, &mut after) else { continue };
            let (found, made) = (told.starts_with("found"), told.starts_with("made"));
            match request.reuse {
                Some(Refuse) => prop_assert!(made, "{}", told),
                Some(Require) => prop_assert!(found, "{}", told),
                Some(Auto) | None => prop_assert!(found || made, "{}", told),
                Some(Resume) => {}
            }
            prop_assert!(!found || after.variables == model.variables);
            if told.starts_with("made whole") {
                let dtype = DType::from_name(told.split(' ').find(|word| word.ends_with(':')).unwrap().trim_end_matches(':'));
                let counts = request.ask_partitioner(Shape::scalar(), request.dtype).unwrap().counts;
                // A variable by itself may have the name that the next slice would have.
                let count = counts.iter().product::<u64>() as usize;
                let slices: Vec<_> = (0..count).filter_map(|k| after.variables.get(&slice_of(&request.name, k))).collect();
                prop_assert_eq!(slices.len(), count);
                let shape = told.split_once('[').unwrap().1.split_once(']').unwrap().0;
                let sizes: Vec<u64> = shape.split(", ").map(|size| size.parse().unwrap()).collect();
                let tiles = Tiles::new(Shape::new(sizes).unwrap(), &counts).unwrap();
                prop_assert!(slices.iter().map(|slice| &slice.held).eq(tiles.iter().map(|tile| tile.shape).collect::<Vec<_>>().iter()));
                prop_assert!(slices.iter().all(|slice| Some(slice.dtype) == dtype));
                let facts = WholeFacts { shape: tiles.shape().clone(), dtype: dtype.unwrap(), counts, claimed: true };
                after.wholes.insert(request.name.clone(), facts);
            }
            model = after;
        }
    }
}
