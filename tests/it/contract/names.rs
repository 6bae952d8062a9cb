//! Aliases, removing and renaming, collections: what names stand for.

use varkeep::scope::{Reuse, collection, partitioner, regularizer};
use varkeep::{Checkpoint, ErrorKind, LoadOptions, SavedKind, Store, Variable, init};

use super::{folder, members, refused, reopened, store_in, store_path, values, vector};

fn auto(store: &Store, name: &str) -> varkeep::Result<Variable> {
    store.root().scope("").auto_reuse().enter()?.get_variable(name).get()
}

#[test]
fn an_alias_is_the_variable_itself() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let get = root.get_variable("embedding").shape([2]).initializer(init::ones());
    let embedding = get.regularizer(regularizer::l1(1.0).unwrap()).get().unwrap();
    store.alias("decoder/w", &embedding).unwrap();
    store.alias("again", &auto(&store, "decoder/w").unwrap()).unwrap();
    let tied = auto(&store, "decoder/w").unwrap();
    assert_eq!((tied.name(), &tied), ("embedding".to_owned(), &embedding));
    refused(root.variable("decoder/w", 2), ErrorKind::VariableExists);
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["embedding"]);
    assert_eq!(store.regularization_losses("").unwrap().len(), 1);
    drop(root);
    let store = reopened(store);
    let embedding = store.find("embedding").unwrap().unwrap();
    assert_eq!(store.find("decoder/w").unwrap().as_ref(), Some(&embedding));
    auto(&store, "again").unwrap().assign(vector(&[3.0, 4.0])).unwrap();
    assert_eq!(values(&embedding), [3.0, 4.0]);
    store.save("tied").unwrap();
    let checkpoint = Checkpoint::open(store_path(&folder), "tied").unwrap();
    let saved = checkpoint.get("decoder/w").unwrap();
    assert_eq!(saved.kind(), SavedKind::AliasOf("embedding".to_owned()));
    assert_eq!(saved.read::<f32>().unwrap().as_slice(), Some(&[3.0, 4.0][..]));

    store.rename("embedding", "tokens").unwrap();
    assert_eq!(auto(&store, "decoder/w").unwrap().name(), "tokens", "aliases follow");
    let store = reopened(store);
    assert_eq!(auto(&store, "again").unwrap().name(), "tokens");
    store.remove("again").unwrap();
    assert!(store.find("again").unwrap().is_none() && store.find("tokens").unwrap().is_some());
    store.remove("tokens").unwrap();
    let store = reopened(store);
    assert_eq!(store.find("decoder/w").unwrap(), None, "an alias goes with what it stands for");
}

#[test]
fn whatever_becomes_a_first_slice_is_noticed_at_once() {
    let folder = folder();
    let store = store_in(&folder);
    let get = |store: &Store| auto(store, "w");
    let made_in = |store: &Store, name: &str| drop(store.root().variable(name, 2).unwrap());
    let made = |name: &str| made_in(&store, name);
    let settled = |store: &Store| {
        // The second one finds out nothing that the first did not.
        assert_eq!(get(store).unwrap(), get(store).unwrap());
    };
    made("w");
    settled(&store);
    store.save("without").unwrap();
    settled(&store);
    let gone = || {
        store.remove("w/part_0").unwrap();
        settled(&store);
    };

    made("w/part_0");
    refused(get(&store), ErrorKind::PartitionerMissing);
    store.save("with").unwrap();
    refused(get(&store), ErrorKind::PartitionerMissing);
    gone();
    store.commit().unwrap();
    settled(&store);

    made("x");
    store.rename("x", "w/part_0").unwrap();
    refused(get(&store), ErrorKind::PartitionerMissing);
    gone();
    store.alias("w/part_0", &store.find("w").unwrap().unwrap()).unwrap();
    settled(&store);
    gone();

    store.restore("with").unwrap();
    refused(get(&store), ErrorKind::PartitionerMissing);
    store.restore("without").unwrap();
    settled(&store);
    store.restore("with").unwrap();
    store.commit().unwrap();
    let store = reopened(store);
    refused(get(&store), ErrorKind::PartitionerMissing);
    store.restore("without").unwrap();
    settled(&store);
    made_in(&store, "w/part_0");
    refused(get(&store), ErrorKind::PartitionerMissing);
    store.rollback().unwrap();
    settled(&store);
}

#[test]
fn aliases_stand_in_nobodys_way() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let v = root.variable("v", 2).unwrap();
    root.variable("w/part_0", 2).unwrap();
    let cut = root.get_variable("cut").shape([4]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    refused(store.alias("v", &v), ErrorKind::NameTaken);
    refused(store.alias("w", &v), ErrorKind::NameTaken);
    refused(store.alias("not a name", &v), ErrorKind::InvalidName);
    refused(store.alias("slice", &cut.slices()[0].variable), ErrorKind::SliceOfWhole);
    store.alias("whole", &cut).unwrap();
    let scope = root.scope("").reuse().enter().unwrap();
    assert_eq!(scope.get_variable("whole").get().unwrap(), cut);
    store.alias("u/part_0", &v).unwrap();
    let get = root.get_variable("u").shape([4]).partitioner(partitioner::fixed_size(2, 0));
    refused(get.get(), ErrorKind::NameTaken);
    assert_eq!(store.find("u/part_0").unwrap(), Some(v.clone()));

    let local = root.get_local_variable("local").shape([1]).get().unwrap();
    store.alias("of_local", &local).unwrap();
    let other_folder = super::folder();
    let other = store_in(&other_folder);
    refused(other.alias("foreign", &v), ErrorKind::VariableDetached);
    drop(scope);
    drop(root);
    let store = reopened(store);
    assert_eq!(store.find("of_local").unwrap(), None, "an alias is as durable as what it stands for");
    assert!(store.find("whole").unwrap().is_some_and(|whole| whole.partition_counts().is_some()));
}

#[test]
fn removing_and_renaming_take_slices_along() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let get = root.get_variable("w").initializer(vector(&[1.0, 2.0, 3.0]));
    let w = get.partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    root.variable("v", 1).unwrap();
    store.save("before").unwrap();
    refused(store.remove("w/part_0"), ErrorKind::SliceOfWhole);
    refused(store.rename("w/part_0", "x"), ErrorKind::SliceOfWhole);
    refused(store.rename("w", "v"), ErrorKind::NameTaken);
    refused(store.rename("nothing", "x"), ErrorKind::VariableNotFound);
    refused(store.rename("w", "no name"), ErrorKind::InvalidName);
    assert!(!store.commit().unwrap().is_new, "what was refused changed nothing");

    store.rename("w", "a/b").unwrap();
    assert_eq!(w.name(), "a/b");
    assert_eq!(w.slices()[1].variable.name(), "a/b/part_1");
    w.assign(vector(&[4.0, 5.0, 6.0])).unwrap();
    assert_eq!((store.find("w").unwrap(), store.find("w/part_1").unwrap()), (None, None));
    drop(root);
    let store = reopened(store);
    let w = store.find("a/b").unwrap().unwrap();
    assert_eq!((values(&w), store.find("w").unwrap()), (vec![4.0, 5.0, 6.0], None));
    refused(store.remove("a/b/part_1"), ErrorKind::SliceOfWhole);

    store.remove("a/b").unwrap();
    refused(w.read::<f32>(), ErrorKind::VariableDetached);
    let store = reopened(store);
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["v"]);
    assert_eq!(store.find("a/b/part_0").unwrap(), None);
    store.root().variable("a/b", 1).unwrap();
    let before = Checkpoint::open(store_path(&folder), "before").unwrap();
    assert_eq!(before.get("w").unwrap().read::<f32>().unwrap().as_slice(), Some(&[1.0, 2.0, 3.0][..]));
}

#[test]
fn a_name_may_be_removed_and_used_again_before_the_commit() {
    let folder = folder();
    let store = store_in(&folder);
    store.root().get_variable("v").initializer(vector(&[1.0])).get().unwrap();
    let store = reopened(store);
    store.remove("v").unwrap();
    let get =
        store.root().get_variable("v").initializer(vector(&[1.0, 2.0])).partitioner(partitioner::fixed_size(2, 0));
    get.get().unwrap();
    let store = reopened(store);
    let v = store.find("v").unwrap().unwrap();
    assert_eq!((values(&v), v.partition_counts()), (vec![1.0, 2.0], Some(vec![2])));
    store.remove("v").unwrap();
    store.root().get_variable("v").initializer(vector(&[9.0])).get().unwrap();
    let store = reopened(store);
    assert_eq!(values(&store.find("v").unwrap().unwrap()), [9.0]);
    assert_eq!(store.find("v/part_0").unwrap(), None);
}

#[test]
fn aliases_of_what_became_a_slice_follow_it() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    for k in 0..2 {
        root.get_variable(&format!("w/part_{k}")).initializer(vector(&[k as f32])).get().unwrap();
    }
    store.alias("first", &store.find("w/part_0").unwrap().unwrap()).unwrap();
    let auto_scope = root.scope("").auto_reuse().enter().unwrap();
    auto_scope.get_variable("w").shape([2]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    drop(auto_scope);
    root.variable("u/part_1", 1).unwrap();
    refused(store.rename("w", "u"), ErrorKind::NameTaken);
    drop(root);
    let store = reopened(store);
    store.rename("w", "v").unwrap();
    assert_eq!(auto(&store, "first").unwrap().name(), "v/part_0");
    let store = reopened(store);
    assert_eq!(store.find("first").unwrap().unwrap().name(), "v/part_0");
    let root = store.root();
    let scope = root.scope("").resume().enter().unwrap();
    let get = || scope.get_variable("v").shape([2]).partitioner(partitioner::fixed_size(1, 0));
    refused(get().get(), ErrorKind::SliceOfWhole);
    assert_eq!(values(&store.find("v").unwrap().unwrap()), [0.0, 1.0]);
    store.remove("first").unwrap();
    get().get().unwrap();
    store.remove("v").unwrap();
    assert!(!members(&store, "variables").iter().any(|name| name.starts_with('v')));
}

#[test]
fn what_does_not_exist_is_told_with_what_is_near() {
    let folder = folder();
    let store = store_in(&folder);
    store.root().variable("encoder/weights", 1).unwrap();
    let store = reopened(store);
    let error = refused(store.remove("encoder/weight"), ErrorKind::VariableNotFound);
    assert!(error.advice().is_some_and(|advice| advice.contains("encoder/weights")), "{error}");
}

#[test]
fn handles_may_cross_threads_and_scopes_may_move() {
    fn everywhere<T: Send + Sync>() {}
    fn one_thread_at_a_time<T: Send>() {}
    everywhere::<Store>();
    everywhere::<Variable>();
    everywhere::<varkeep::ScopeHandle>();
    everywhere::<Checkpoint>();
    one_thread_at_a_time::<varkeep::Scope<'_>>();
}

#[test]
fn collections_are_found_by_key_and_scope() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let scope = root.scope("a.b").enter().unwrap();
    scope.get_variable("v").shape([1]).also_in("mine").also_in("mine").get().unwrap();
    scope.get_variable("only").shape([1]).collections(["mine"]).get().unwrap();
    scope.get_local_variable("l").shape([1]).also_in("mine").get().unwrap();
    root.get_variable("axb/u").shape([2]).also_in("mine").partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    root.get_variable("none").shape([1]).collections(Vec::<String>::new()).trainable(false).get().unwrap();
    let all = ["a.b/v", "a.b/only", "a.b/l", "axb/u/part_0", "axb/u/part_1"];
    assert_eq!(members(&store, "mine"), all);
    assert_eq!(super::names(&scope.collection("mine").unwrap()), all, "a dot in a scope's name is a pattern's dot");
    assert_eq!(super::names(&store.collection("mine", r"a\.b/").unwrap()), all[..3]);
    assert_eq!(super::names(&store.collection("mine", "a.*part_1:0$").unwrap()), all[4..]);
    assert_eq!(store.collection("mine", "b/v").unwrap(), []);
    assert_eq!(store.collection("unknown", "").unwrap(), []);
    refused(store.collection("mine", "("), ErrorKind::InvalidArgument);
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), [all[0], all[3], all[4]]);
    let none = store.find("none").unwrap().unwrap();
    assert_eq!(none.collections(), Vec::<String>::new());

    let report = store.save("tag").unwrap();
    assert_eq!(report.left_out, ["a.b/only"], "trainable, and not saved: as TensorFlow, but said");
    drop(scope);
    drop(root);
    let store = reopened(store);
    assert_eq!(members(&store, "mine"), [all[0], all[3], all[4]], "the rest ended with its process");
    assert!(store.root().scope("a.b").enter().unwrap().collection("mine").unwrap().len() == 3);
}

#[test]
fn what_is_asked_of_a_variable_is_recorded() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let device = varkeep::scope::CachingDevice::function(|request| format!("/device:{}", request.name));
    let scope = root.scope("s").caching_device(device).enter().unwrap();
    let v = scope.get_variable("v").shape([2]).get().unwrap();
    assert_eq!(v.caching_device().as_deref(), Some("/device:s/v"));
    let empty = scope.get_variable("empty").shape([2]).caching_device("").get().unwrap();
    assert_eq!(empty.caching_device().as_deref(), Some(""));

    let positive = varkeep::scope::Constraint::new(|value| {
        let mut value = value.clone();
        value.elements_mut::<f32>()?.iter_mut().for_each(|x| *x = x.max(0.0));
        Ok(value)
    });
    let c = scope.get_variable("c").initializer(vector(&[-1.0, 2.0])).constraint(positive).get().unwrap();
    c.assign(c.constraint().unwrap().apply(&c.tensor().unwrap()).unwrap()).unwrap();
    assert_eq!(values(&c), [0.0, 2.0]);
    let inner = scope.scope("inner").enter().unwrap();
    assert!(inner.variable("d", 1).unwrap().constraint().is_none());
    drop(inner);
    drop(scope);
    drop(root);
    let store = reopened(store);
    assert_eq!(store.find("s/v").unwrap().unwrap().caching_device().as_deref(), Some("/device:s/v"));
    assert!(store.find("s/c").unwrap().unwrap().constraint().is_none(), "a function ends with its process");
}

#[test]
fn scopes_survive_a_reopen_as_handles() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let scope = root.scope("a").initializer(init::constant(2.0)).enter().unwrap();
    scope.variable("v", 1).unwrap();
    scope.reuse_variables();
    let handle = scope.handle();
    drop(scope);
    drop(root);
    let store = reopened(store);
    let root = store.root();
    let other = root.scope("b").enter().unwrap();
    let again = other.scope(&handle).enter().unwrap();
    assert_eq!((again.name(), again.reuse()), ("a".to_owned(), Reuse::Require));
    assert_eq!(values(&again.get_variable("v").get().unwrap()), [2.0]);
}

#[test]
fn a_load_is_all_or_nothing_and_finds_wholes_by_their_own_name() {
    let (folder, other) = (folder(), folder());
    let store = store_in(&folder);
    let root = store.root();
    root.get_variable("a").initializer(vector(&[1.0, 2.0])).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    root.get_variable("b").initializer(vector(&[3.0])).get().unwrap();
    store.save("tag").unwrap();

    let target = store_in(&other);
    let root = target.root();
    refused(target.load_from(other.path(), "tag", &LoadOptions::strict()), ErrorKind::SaverNoVariables);
    let b = root.get_variable("b").initializer(vector(&[0.0])).get().unwrap();
    let strict = LoadOptions::strict;
    for (path, tag) in [(other.path().join("nothing"), "tag"), (store_path(&folder), "no-such-tag")] {
        refused(target.load_from(path, tag, &strict()), ErrorKind::RestoreNoCheckpoint);
    }
    root.get_variable("a/part_0").initializer(vector(&[0.0])).get().unwrap();
    let error = refused(target.load_from(store_path(&folder), "tag", &strict()), ErrorKind::RestoreKeyNotFound);
    assert_eq!((error.variable(), values(&b)), (Some("a/part_0"), vec![0.0]));
    let report = target.load_from(store_path(&folder), "tag", &strict().allow_missing()).unwrap();
    assert_eq!((report.restored, report.unexpected), (vec!["b".to_owned()], vec!["a".to_owned()]));
    assert_eq!(report.missing[0].0, "a/part_0");
    assert_eq!(values(&b), [3.0]);

    b.assign(vector(&[0.0])).unwrap();
    root.get_variable("c").initializer(vector(&[0.0])).get().unwrap();
    let renaming = || strict().rename(|name| if name == "c" { "a".to_owned() } else { name.to_owned() });
    let only = renaming().only(|name| name != "a/part_0");
    refused(target.load_from(store_path(&folder), "tag", &only), ErrorKind::RestoreShapeMismatch);
    assert_eq!(values(&b), [0.0], "nothing was loaded");
    let only = renaming().only(|name| name != "a/part_0").allow_mismatched();
    let report = target.load_from(store_path(&folder), "tag", &only).unwrap();
    assert_eq!((report.mismatched[0].0.as_str(), values(&b)), ("c", vec![3.0]));

    // Half a variable is no variable: its durable slice is neither looked up nor changed.
    let part = root.get_variable("h/part_0").initializer(vector(&[1.0])).get().unwrap();
    root.get_variable("h/part_1").initializer(vector(&[2.0])).collections(["mine"]).get().unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    let half = auto.get_variable("h").shape([2]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    assert!(!half.is_durable() && part.is_durable());
    let only = strict().only(|name| name == "b" || name.starts_with('h'));
    assert_eq!(target.load_from(store_path(&folder), "tag", &only).unwrap().restored, ["b"]);
}

#[test]
fn a_load_inside_an_update_of_what_it_loads_is_refused_whole() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let a = root.get_variable("a").initializer(vector(&[1.0])).get().unwrap();
    let b = root.get_variable("b").initializer(vector(&[1.0])).get().unwrap();
    store.save("tag").unwrap();
    a.assign(vector(&[2.0])).unwrap();
    b.update::<f32>(|mut view| {
        view.fill(2.0);
        let checkpoint = store.checkpoint("tag").unwrap();
        refused(store.load(&checkpoint, &LoadOptions::strict()), ErrorKind::UpdateReentered);
    })
    .unwrap();
    assert_eq!((values(&a), values(&b)), (vec![2.0], vec![2.0]));
}
