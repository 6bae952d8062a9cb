use super::*;
use crate::scope::initializer::InitializerFunction;
use crate::scope::initializer::Place;
use crate::scope::partitioner;
use crate::scope::{CallArguments, Next, VariableRequest, regularizer};
use crate::shape::PartialShape;
use crate::tensor::Tensor;

type Settings = ScopeSettings<String>;
type Arguments = ScopeArguments<String>;

struct Ones;

impl InitializerFunction for Ones {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        Tensor::zeros(place.dtype, place.shape.clone())
    }
}

fn enter(current: &Settings, name: &str, arguments: Arguments) -> Settings {
    current.enter(Some(ScopeTarget::Name(name)), None, arguments, &mut Counters::default()).unwrap().0
}

fn reenter(current: &Settings, captured: &Settings, arguments: Arguments) -> Settings {
    current.enter(Some(ScopeTarget::Captured(captured)), None, arguments, &mut Counters::default()).unwrap().0
}

fn with_reuse(reuse: Reuse) -> Arguments {
    Arguments { reuse: Some(reuse), ..Arguments::default() }
}

fn suffix(text: &'static str) -> Arc<dyn CustomGetter<String>> {
    Arc::new(move |next: &mut Next<'_, String>, mut request: VariableRequest| {
        request.name.push_str(text);
        next.get(request)
    })
}

#[test]
fn reuse_is_inherited_and_can_only_be_replaced_never_switched_off() {
    use Reuse::{Auto, Refuse, Require, Resume};
    for outer in [Refuse, Require, Auto, Resume] {
        let parent = enter(&Settings::root(), "a", with_reuse(outer));
        assert_eq!(parent.reuse, outer);
        assert_eq!(enter(&parent, "b", Arguments::default()).reuse, outer);
        assert_eq!(enter(&parent, "b", with_reuse(Refuse)).reuse, outer);
        for inner in [Require, Auto, Resume] {
            assert_eq!(enter(&parent, "b", with_reuse(inner)).reuse, inner);
        }
    }
    let captured = enter(&Settings::root(), "a", Arguments::default());
    let reusing = enter(&Settings::root(), "b", with_reuse(Require));
    assert_eq!(reenter(&reusing, &captured, Arguments::default()).reuse, Refuse);
}

#[test]
fn everything_but_the_constraint_is_inherited() {
    let arguments = || Arguments {
        initializer: Some(Initializer::Function(Arc::new(Ones))),
        regularizer: Some(regularizer::l2(0.5).unwrap()),
        caching_device: Some("near".into()),
        partitioner: Some(partitioner::fixed_size(2, 0)),
        custom_getter: Some(suffix("_o")),
        dtype: Some(DType::F64),
        use_resource: Some(true),
        constraint: Some(Constraint::new(|value| Ok(value.clone()))),
        ..Arguments::default()
    };
    let outer = enter(&Settings::root(), "a", arguments());
    let inner = enter(&outer, "b", Arguments { custom_getter: Some(suffix("_i")), ..Arguments::default() });
    let request = CallArguments::new("v").resolve(&inner).unwrap();
    assert_eq!((request.name.as_str(), request.dtype, request.use_resource), ("a/b/v", DType::F64, true));
    assert_eq!(request.caching_device.as_deref(), Some("near"));
    assert!(request.initializer.is_some() && request.regularizer.is_some() && request.partitioner.is_some());
    assert!(request.constraint.is_none());
    assert!(CallArguments::new("v").resolve(&outer).unwrap().constraint.is_some());
    assert_eq!(inner.getters.run(request, &mut |request| Ok(request.name)).unwrap(), "a/b/v_i_o");

    // From a captured scope, the settings are its own wherever it is entered.
    let elsewhere = enter(&Settings::root(), "c", Arguments { dtype: Some(DType::I8), ..Arguments::default() });
    let again = reenter(&elsewhere, &inner, Arguments::default());
    assert_eq!((again.name(), again.dtype), ("a/b", DType::F64));
    let root = reenter(&elsewhere, &Settings::root(), Arguments::default());
    assert_eq!((root.name(), root.dtype), ("", DType::F32));
}

#[test]
fn entering_is_refused_in_order_and_without_a_trace() {
    let parent = enter(&Settings::root(), "a", Arguments::default());
    let mut counters = Counters::default();
    let mut refused = |current: &Settings, target, default_name, reuse| {
        let error = current.enter(target, default_name, with_reuse(reuse), &mut counters).unwrap_err();
        error.kind()
    };
    assert_eq!(refused(&parent, None, None, Reuse::Require), ErrorKind::ScopeNameRequired);
    for reuse in [Reuse::Require, Reuse::Auto] {
        assert_eq!(refused(&parent, None, Some("/"), reuse), ErrorKind::ReuseRequiresScopeName);
    }
    assert_eq!(refused(&parent, None, Some("/"), Reuse::Refuse), ErrorKind::InvalidName);
    assert_eq!(refused(&parent, Some(ScopeTarget::Name("")), Some("d"), Reuse::Refuse), ErrorKind::InvalidName);
    assert_eq!(refused(&Settings::root(), Some(ScopeTarget::Name("_x")), None, Reuse::Refuse), ErrorKind::InvalidName);
    assert_eq!(counters.count_of("a/d") + counters.count_of("_x") + counters.count_of("a"), 0);

    let (named, _entry) = parent.enter(None, Some("d"), with_reuse(Reuse::Resume), &mut counters).unwrap();
    assert_eq!((named.name(), named.reuse), ("a/d", Reuse::Resume));
    let (next, _entry) = parent.enter(None, Some("d"), Arguments::default(), &mut counters).unwrap();
    assert_eq!(next.name(), "a/d_1");
    let root = Settings::root();
    assert_eq!(enter(&root, "", Arguments { dtype: Some(DType::I8), ..Arguments::default() }).name(), "");
}

#[test]
fn a_call_resolves_against_the_scope() {
    let mut scope = enter(&Settings::root(), "a", Arguments::default());
    scope.caching_device = Some(CachingDevice::function(|request| format!("near:{}", request.name)));
    scope.initializer = Some(Initializer::Array(Tensor::from(1_i32)));
    scope.reuse = Reuse::Auto;
    let call = |arguments: CallArguments| arguments.resolve(&scope);

    let request = call(CallArguments::new("v")).unwrap();
    assert_eq!(request.caching_device.as_deref(), Some("near:a/v"));
    assert_eq!((request.reuse, request.trainable, request.validate_shape), (Some(Reuse::Auto), true, true));
    assert!(request.collections.is_none() && request.shape.is_none());

    let scalar = Some(PartialShape::with_axes([]));
    let said = CallArguments { shape: scalar.clone(), caching_device: Some("".into()), ..CallArguments::local("v") };
    let request = call(CallArguments { trainable: Some(true), ..said }).unwrap();
    assert_eq!((request.shape, request.caching_device.as_deref(), request.trainable), (scalar, Some(""), false));
    assert_eq!(request.collections.unwrap(), ["local_variables"]);

    // A value's dtype is compared with the call's, not an inherited value's.
    let as_f32 = CallArguments { dtype: Some(DType::F32), ..CallArguments::new("v") };
    assert!(call(as_f32.clone()).is_ok());
    for value in [
        Initializer::Array(Tensor::from(1_i32)),
        Initializer::Tensor { value: Tensor::from(1_i32), static_shape: PartialShape::unknown() },
    ] {
        let error = call(CallArguments { initializer: Some(value), ..as_f32.clone() }).unwrap_err();
        assert_eq!((error.kind(), error.variable()), (ErrorKind::InitializerDtypeMismatch, Some("a/v")));
        assert!(error.what().contains("int32") && error.what().contains("float32"));
    }
}
