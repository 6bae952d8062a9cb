//! Regularizers and the losses they add.

use ndarray::{ArrayD, IxDyn, arr1};
use varkeep::scope::{partitioner, regularizer};
use varkeep::{DType, ErrorKind, Loss, Store, init};

use super::{folder, refused, reopened, store_in, vector};

fn told(losses: &[Loss]) -> Vec<(String, f64)> {
    losses.iter().map(|loss| (loss.variable().name(), loss.value().unwrap())).collect()
}

fn all(store: &Store) -> Vec<(String, f64)> {
    told(&store.regularization_losses("").unwrap())
}

#[test]
fn losses_follow_the_current_values_also_after_a_reopen() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let scope = root.scope("s").regularizer(regularizer::l2(0.5).unwrap()).enter().unwrap();
    let v = scope.get_variable("v").shape([2]).initializer(init::constant(2.0)).get().unwrap();
    let get = scope.get_variable("w").shape([3]).initializer(init::ones()).partitioner(partitioner::fixed_size(2, 0));
    get.regularizer(regularizer::l1(1.0).unwrap()).get().unwrap();
    scope.get_variable("off").shape([2]).regularizer(regularizer::none()).get().unwrap();
    scope.get_local_variable("local").shape([1]).initializer(init::ones()).get().unwrap();
    let durable = [("s/v", 2.0), ("s/w/part_0", 2.0), ("s/w/part_1", 1.0)].map(|(n, l)| (n.to_owned(), l));
    assert_eq!(all(&store)[..3], durable);
    assert_eq!(all(&store)[3], ("s/local".to_owned(), 0.25), "local variables are regularized too");
    v.assign(vector(&[4.0, 0.0])).unwrap();
    assert_eq!(all(&store)[0], ("s/v".to_owned(), 4.0));
    scope.reuse_variables();
    scope.get_variable("v").regularizer(regularizer::l1(9.0).unwrap()).get().unwrap();
    assert_eq!(all(&store).len(), 4, "finding a variable adds no loss");
    drop(scope);
    drop(root);
    let store = reopened(store);
    assert_eq!(all(&store)[0], ("s/v".to_owned(), 4.0));
    assert_eq!(all(&store)[1..], durable[1..]);
    assert_eq!(told(&store.regularization_losses("s/w/part_1/Reg").unwrap()), durable[2..]);
    let root = store.root();
    assert_eq!(root.scope("s").enter().unwrap().regularization_losses().unwrap().len(), 3);
    assert_eq!(root.scope("t").enter().unwrap().regularization_losses().unwrap().len(), 0);
}

#[test]
fn gradients_of_the_built_in_ones_are_added() {
    let folder = folder();
    let store = store_in(&folder);
    let get = store.root().get_variable("v").initializer(arr1(&[2.0_f32, -3.0, 0.0]));
    get.regularizer(regularizer::l1_l2(0.5, 0.25).unwrap()).get().unwrap();
    let losses = store.regularization_losses("").unwrap();
    assert_eq!(all(&store), [("v".to_owned(), 0.5 * 5.0 + 0.25 * 13.0 / 2.0)]);
    let mut gradient = ArrayD::<f32>::ones(IxDyn(&[3]));
    losses[0].add_gradient(gradient.view_mut()).unwrap();
    assert_eq!(gradient, arr1(&[1.0 + 0.5 + 0.5, 1.0 - 0.5 - 0.75, 1.0]).into_dyn());
    let mut other = ArrayD::<f32>::ones(IxDyn(&[2]));
    refused(losses[0].add_gradient(other.view_mut()), ErrorKind::AssignShapeMismatch);
    let mut double = ArrayD::<f64>::ones(IxDyn(&[3]));
    refused(losses[0].add_gradient(double.view_mut()), ErrorKind::DtypeMismatch);
}

#[test]
fn a_function_is_unbound_after_a_reopen_until_it_is_supplied() {
    let folder = folder();
    let store = store_in(&folder);
    let peak = || {
        regularizer::named("peak", |value| Ok(value.elements::<f32>()?.iter().map(|x| f64::from(*x)).reduce(f64::max)))
    };
    let nameless = || regularizer::custom(|_| Ok(Some(1.0)));
    let root = store.root();
    root.get_variable("v").initializer(arr1(&[1.0_f32, 7.0])).regularizer(peak()).get().unwrap();
    root.get_variable("u").shape([1]).regularizer(nameless()).get().unwrap();
    let get = root.get_variable("w").initializer(arr1(&[1.0_f32, 2.0])).regularizer(peak());
    get.partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    assert_eq!(all(&store).iter().map(|(_, loss)| *loss).collect::<Vec<_>>(), [7.0, 1.0, 1.0, 2.0]);
    drop(root);
    let store = reopened(store);
    for loss in store.regularization_losses("").unwrap() {
        let error = refused(loss.value(), ErrorKind::RegularizerUnbound);
        assert!(error.variable().is_some() && error.advice().is_some());
        let mut gradient = ArrayD::<f32>::zeros(IxDyn(&[1]));
        refused(loss.add_gradient(gradient.view_mut()), ErrorKind::RegularizerUnbound);
    }
    let root = store.root();
    let scope = root.scope("").reuse().enter().unwrap();
    scope.get_variable("v").regularizer(regularizer::named("other", |_| Ok(None))).get().unwrap();
    refused(store.regularization_losses("v").unwrap()[0].value(), ErrorKind::RegularizerUnbound);
    scope.get_variable("v").regularizer(peak()).get().unwrap();
    scope.get_variable("u").regularizer(nameless()).get().unwrap();
    scope.get_variable("w").regularizer(peak()).get().unwrap();
    assert_eq!(all(&store).iter().map(|(_, loss)| *loss).collect::<Vec<_>>(), [7.0, 1.0, 1.0, 2.0]);
    assert!(!store.commit().unwrap().is_new, "binding changes nothing durable");
}

#[test]
fn integers_are_refused_by_the_built_in_ones() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let get = || root.get_variable("n").shape([2]).dtype(DType::I64);
    refused(get().regularizer(regularizer::l2(1.0).unwrap()).get(), ErrorKind::RegularizerUnsupportedDtype);
    get().regularizer(regularizer::l2(0.0).unwrap()).get().unwrap();
    assert_eq!(all(&store), []);
}
