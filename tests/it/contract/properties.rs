//! Whatever way a variable was cut when it was saved, it loads into every other way of cutting it.

use proptest::prelude::*;
use varkeep::scope::{Partitioner, Tiles};
use varkeep::{DType, LoadOptions, Scope, Shape, Store, Tensor, Variable, init};

use super::{folder, store_in, store_path};

/// How many pieces along which axis; `None` is one piece without a partitioner.
type Cut = Option<(usize, u64)>;

fn counts(shape: &[u64], (axis, pieces): (usize, u64)) -> Vec<u64> {
    let mut counts = vec![1; shape.len()];
    let axis = axis % shape.len();
    counts[axis] = pieces.clamp(1, shape[axis]);
    counts
}

fn get(scope: &Scope<'_>, cut: Cut, value: &Tensor) -> Variable {
    let get = scope.get_variable("w").initializer(value.clone());
    let sizes = value.shape().sizes().to_vec();
    let get = match cut {
        Some(cut) => get.partitioner(Partitioner::new(move |_, _| Ok(counts(&sizes, cut)))),
        None => get,
    };
    get.get().unwrap()
}

fn is_cut_as(variable: &Variable, shape: &[u64], cut: Cut) -> bool {
    variable.partition_counts() == cut.map(|cut| counts(shape, cut))
}

fn value(dtype: DType, shape: &[u64]) -> Tensor {
    let elements = shape.iter().product::<u64>();
    match dtype {
        DType::String => {
            Tensor::from_strings(shape, &(0..elements).map(|n| "x".repeat(n as usize % 4)).collect::<Vec<_>>()).unwrap()
        }
        DType::Bool => Tensor::from_vec(shape, (0..elements).map(|n| n % 3 == 0).collect()).unwrap(),
        DType::F16 => Tensor::from_vec(shape, (0..elements).map(|n| half::f16::from_f64(n as f64)).collect()).unwrap(),
        _ => Tensor::from_vec(shape, (0..elements).map(|n| n as f64).collect()).unwrap(),
    }
}

fn cut() -> impl Strategy<Value = Cut> {
    prop::option::weighted(0.8, (0_usize..3, 1_u64..7))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn saved_under_one_cut_loads_under_another(
        shape in prop::collection::vec(1_u64..7, 1..4),
        dtype in prop::sample::select(vec![DType::F64, DType::F16, DType::Bool, DType::String]),
        saved in cut(),
        loaded in cut(),
    ) {
        let value = value(dtype, &shape);
        let (one, two) = (folder(), folder());
        let store = store_in(&one);
        prop_assert!(is_cut_as(&get(&store.root(), saved, &value), &shape, saved));
        store.save("tag").unwrap();
        let other = store_in(&two);
        let zeros = Tensor::zeros(dtype, Shape::new(shape.clone()).unwrap()).unwrap();
        let target = get(&other.root(), loaded, &zeros);
        other.load_from(store_path(&one), "tag", &LoadOptions::strict()).unwrap();
        prop_assert!(is_cut_as(&target, &shape, loaded));
        prop_assert_eq!(target.tensor().unwrap(), value.clone());
        other.save("tag").unwrap();
        drop(other);
        prop_assert_eq!(Store::open(store_path(&two)).unwrap().find("w").unwrap().unwrap().tensor().unwrap(), value);
    }

    #[test]
    fn resumed_under_another_cut_and_back(
        shape in prop::collection::vec(1_u64..7, 1..4),
        dtype in prop::sample::select(vec![DType::F64, DType::F16, DType::Bool, DType::String]),
        cuts in prop::collection::vec(cut(), 2..4),
    ) {
        let (folder, value) = (folder(), value(dtype, &shape));
        let zeros = Tensor::zeros(dtype, Shape::new(shape.clone()).unwrap()).unwrap();
        for (session, cut) in cuts.iter().chain(&cuts[..1]).enumerate() {
            let store = store_in(&folder);
            let root = store.root();
            let scope = root.scope("").resume().enter().unwrap();
            let w = get(&scope, *cut, if session == 0 { &value } else { &zeros });
            prop_assert!(is_cut_as(&w, &shape, *cut));
            prop_assert_eq!(w.tensor().unwrap(), value.clone());
            let names: Vec<String> = store.collection("variables", "").unwrap().iter().map(Variable::name).collect();
            prop_assert_eq!(names.len(), w.slices().len().max(1), "{:?}", names);
            store.save(format!("session-{session}").as_str()).unwrap();
        }
    }

    /// The slices of any answer that passes the checks hold every element once.
    #[test]
    fn slices_tile(shape in prop::collection::vec(0_u64..7, 1..4), axis in 0_usize..3, pieces in 1_u64..9) {
        let axis = axis % shape.len();
        let mut counts = vec![1; shape.len()];
        counts[axis] = pieces;
        let full = Shape::new(shape.clone()).unwrap();
        let tiles = Tiles::new(full.clone(), &counts).unwrap();
        prop_assert_eq!(tiles.all_exist(), (0..tiles.count()).all(|k| tiles.get(k).is_some()));
        prop_assume!(tiles.all_exist());
        let mut times = vec![0; full.elements() as usize];
        for tile in tiles.iter() {
            for index in 0..tile.shape.elements() {
                let (mut rest, mut at, mut stride) = (index, 0, 1);
                for axis in (0..shape.len()).rev() {
                    at += (tile.offset[axis] + rest % tile.shape.sizes()[axis]) * stride;
                    stride *= shape[axis];
                    rest /= tile.shape.sizes()[axis];
                }
                times[at as usize] += 1;
            }
        }
        prop_assert!(times.iter().all(|count| *count == 1));
        let lengths: Vec<u64> = tiles.iter().map(|tile| tile.shape.sizes()[axis]).collect();
        prop_assert!(lengths.is_sorted_by(|a, b| a >= b) && lengths[0] - lengths[lengths.len() - 1] <= 1);
    }
}

/// An initializer that knows its place makes the same whole however it is cut.
#[test]
fn a_place_says_where_a_slice_lies() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let place_of = || {
        init::fill::<f64>(|place, mut array| {
            for (index, element) in array.indexed_iter_mut() {
                *element = (0..3).fold(0.0, |n, axis| {
                    n * place.full_shape.sizes()[axis] as f64 + place.offset[axis] as f64 + index[axis] as f64
                });
            }
        })
    };
    let whole = value(DType::F64, &[3, 4, 5]);
    for (n, cut) in [(0, 1), (0, 3), (1, 2), (2, 4)].into_iter().enumerate() {
        let partitioner = Partitioner::new(move |shape, _| Ok(counts(shape.sizes(), cut)));
        let get = root.get_variable(&format!("v{n}")).shape([3, 4, 5]).dtype(DType::F64);
        let v = get.initializer(place_of()).partitioner(partitioner).get().unwrap();
        assert_eq!(v.tensor().unwrap(), whole, "{cut:?}");
    }
}
