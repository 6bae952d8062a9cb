//! Custom getters: order, and all that one may do.

use std::sync::{Arc, Mutex};

use varkeep::scope::{Next, VariableRequest, collection};
use varkeep::{DType, Error, ErrorKind, Result, Variable, init};

use super::{folder, members, refused, store_in, values};

fn suffix(
    text: &'static str,
) -> impl Fn(&mut Next<'_, Variable>, VariableRequest) -> Result<Variable> + Send + Sync + 'static {
    move |next, mut request| {
        request.name.push_str(text);
        next.get(request)
    }
}

#[test]
fn the_innermost_scopes_getter_runs_first() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let outer = root.scope("o").custom_getter(suffix("_o")).enter().unwrap();
    let middle = outer.scope("m").custom_getter(suffix("_m")).enter().unwrap();
    let inner = middle.scope("i").custom_getter(suffix("_i")).enter().unwrap();
    assert_eq!(inner.variable("v", 1).unwrap().name(), "o/m/i/v_i_m_o");
    let own = inner.get_variable("v").shape(1).custom_getter(suffix("_own")).get().unwrap();
    assert_eq!(own.name(), "o/m/i/v_own", "a getter of the call replaces the whole chain");
    inner.set_custom_getter(None);
    assert_eq!(inner.variable("w", 1).unwrap().name(), "o/m/i/w");
    assert_eq!(middle.variable("w", 1).unwrap().name(), "o/m/w_m_o", "a setter is its own scope's alone");
}

#[test]
fn a_captured_scope_keeps_its_chain_wherever_it_is_entered() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let captured = root.scope("a").custom_getter(suffix("_a")).enter().unwrap().handle();
    let other = root.scope("b").custom_getter(suffix("_b")).enter().unwrap();
    let again = other.scope(&captured).custom_getter(suffix("_again")).enter().unwrap();
    assert_eq!(again.variable("v", 1).unwrap().name(), "a/v_again_a");
}

#[test]
fn a_getter_sees_the_full_name_and_what_the_scope_supplies() {
    let folder = folder();
    let store = store_in(&folder);
    let seen: Arc<Mutex<Vec<VariableRequest>>> = Arc::default();
    let log = Arc::clone(&seen);
    let root = store.root();
    let scope = root
        .scope("s")
        .dtype(DType::F64)
        .initializer(init::constant(3))
        .caching_device("/cpu:0")
        .auto_reuse()
        .custom_getter(move |next: &mut Next<'_, Variable>, request: VariableRequest| {
            log.lock().unwrap().push(request.clone());
            next.get(request)
        })
        .enter()
        .unwrap();
    scope.get_variable("v").shape([2]).get().unwrap();
    scope.get_local_variable("l").shape([2]).trainable(true).get().unwrap();
    let seen = seen.lock().unwrap();
    let [global, local] = &seen[..] else { panic!("{} requests", seen.len()) };
    assert_eq!((global.name.as_str(), &*global.scope, global.dtype), ("s/v", "s", DType::F64));
    assert_eq!(global.caching_device.as_deref(), Some("/cpu:0"));
    assert!(global.initializer.is_some() && global.trainable && global.collections.is_none());
    assert!(!local.trainable);
    assert_eq!(local.collections.as_deref(), Some(&[collection::LOCAL_VARIABLES.to_owned()][..]));
}

#[test]
fn a_getter_may_change_every_argument() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let change = |next: &mut Next<'_, Variable>, request: VariableRequest| {
        next.get(VariableRequest {
            name: "elsewhere".to_owned(),
            shape: None,
            dtype: DType::I32,
            initializer: Some(init::array(varkeep::Tensor::from(7_i32))),
            trainable: true,
            // As in TensorFlow, this means the default: also for a local variable.
            collections: None,
            caching_device: Some("gpu".to_owned()),
            ..request
        })
    };
    let v = root.get_local_variable("l").shape([2, 2]).custom_getter(change).get().unwrap();
    assert_eq!((v.name().as_str(), v.dtype(), v.shape().rank()), ("elsewhere", DType::I32, 0));
    assert_eq!(v.collections(), [collection::TRAINABLE_VARIABLES, collection::GLOBAL_VARIABLES]);
    assert!(v.is_trainable() && v.is_durable());
    assert_eq!(v.caching_device().as_deref(), Some("gpu"));
}

#[test]
fn a_getter_may_refuse_or_answer_with_another_variable() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let shared = root.variable("shared", 2).unwrap();
    let answer = shared.clone();
    let scope = root
        .scope("s")
        .custom_getter(move |_: &mut Next<'_, Variable>, request: VariableRequest| {
            if request.name.ends_with("secret") {
                return Err(Error::new(ErrorKind::InvalidArgument, "not this one"));
            }
            Ok(answer.clone())
        })
        .enter()
        .unwrap();
    assert_eq!(scope.variable("v", 5).unwrap(), shared);
    assert!(!scope.get_variable("v").get_reported().unwrap().is_new);
    let error = refused(scope.variable("secret", 5), ErrorKind::InvalidArgument);
    assert_eq!(error.what(), "not this one", "what a getter fails with is passed on as it is");
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["shared"]);
}

#[test]
fn a_getter_may_call_on_more_than_once_and_keep_what_succeeded() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let average = |next: &mut Next<'_, Variable>, request: VariableRequest| {
        let slot = VariableRequest {
            name: format!("{}/ExponentialMovingAverage", request.name),
            trainable: false,
            ..request.clone()
        };
        next.get(slot)?;
        let impossible = VariableRequest { name: "not a name".to_owned(), ..request.clone() };
        refused(next.get(impossible), ErrorKind::InvalidName);
        next.get(request)
    };
    let gotten = root
        .get_variable("w")
        .shape([2])
        .initializer(init::constant(0.5))
        .custom_getter(average)
        .get_reported()
        .unwrap();
    assert!(gotten.is_new);
    assert_eq!(values(&gotten.variable), [0.5, 0.5]);
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["w/ExponentialMovingAverage", "w"]);
    assert_eq!(members(&store, collection::TRAINABLE_VARIABLES), ["w"]);
}

#[test]
fn what_a_getter_has_made_is_seen_inside_it_and_nowhere_else_yet() {
    let folder = folder();
    let store = Arc::new(store_in(&folder));
    let inside = Arc::clone(&store);
    let look = move |next: &mut Next<'_, Variable>, request: VariableRequest| {
        let made = next.get(request)?;
        assert_eq!(inside.find("v")?.as_ref(), Some(&made));
        assert_eq!(inside.collection("variables", "")?, std::slice::from_ref(&made));
        std::thread::scope(|scope| {
            let others = scope.spawn(|| (inside.find("v").unwrap(), inside.collection("variables", "").unwrap()));
            assert_eq!(others.join().unwrap(), (None, Vec::new()));
        });
        Ok(made)
    };
    let made = store.root().get_variable("v").shape([1]).custom_getter(look).get().unwrap();
    assert_eq!(store.find("v").unwrap(), Some(made));
}

#[test]
fn without_a_reuse_mode_the_true_getter_finds_or_creates() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let automatic =
        |next: &mut Next<'_, Variable>, request: VariableRequest| next.get(VariableRequest { reuse: None, ..request });
    let scope = root.scope("s").custom_getter(automatic).enter().unwrap();
    let v = scope.variable("v", 1).unwrap();
    assert_eq!(scope.variable("v", 1).unwrap(), v);
}
