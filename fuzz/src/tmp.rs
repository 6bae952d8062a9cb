use crate::program::*;
use crate::words::*;
use crate::run;
fn get(name: &'static str) -> Get { let mut u = arbitrary::Unstructured::new(&[0u8; 64]); let mut g: Get = u.arbitrary().unwrap();
 g.name = VariableWord::of(name); g.shape = Some(ShapeArgument::Full(Sizes::of(&[2][..]))); g.initializer=Some(Init::Zeros); g.cut=None; g.kind=None; g.local=false; g.set_collections(None); g.trainable=None; g.validate_shape=None; g.also=false; g.penalty=None; g.device=None; g.getter=None; g }
fn g(get: Get) -> Step { Step::Get(Box::new(get)) }
fn run_all(steps: Vec<Step>) { for looks_often in [false, true] { run(&Program { is_durable: true, looks_often, steps: steps.clone() }) } }
fn cut(name:&'static str, n: u8) -> Get { let mut g = get(name); g.cut = Some(Cut::Fixed{shards:n, axis:0}); g.shape = Some(ShapeArgument::Full(Sizes::of(&[4][..]))); g }
fn enter(reuse: ReuseArgument) -> Step { Step::Enter(Box::new(Enter { target: Target::Name(ScopeWord::of("")), reuse: Some(reuse), initializer: None, cut: None, kind: None, penalty: None, device: None, getter: None })) }
fn local(mut g: Get) -> Get { g.local = true; g }
#[test] fn restore_then_rollback() { run_all(vec![g(get("v")), Step::Save{tag: TagWord::of("one"), replace:false}, g(get("w")), Step::Commit, Step::Restore{tag:TagWord::of("one")}, Step::Rollback, Step::Look, Step::Reopen, Step::Look]) }
#[test] fn restore_commit_reopen() { run_all(vec![g(get("v")), Step::Save{tag: TagWord::of("one"), replace:false}, g(get("w")), Step::Commit, Step::Restore{tag:TagWord::of("one")}, Step::Commit, Step::Reopen, Step::Look]) }
#[test] fn restore_reopen() { run_all(vec![g(get("v")), Step::Save{tag: TagWord::of("one"), replace:false}, g(get("w")), Step::Commit, Step::Restore{tag:TagWord::of("one")}, Step::Reopen, Step::Look]) }
#[test] fn local_in_place_of_durable() { run_all(vec![g(get("v")), Step::Commit, Step::Remove{which:0}, g(local(get("v"))), Step::Save{tag:TagWord::of("one"), replace:false}, Step::Rollback, Step::Reopen, Step::Look]) }
#[test] fn local_in_place_of_durable_commit() { run_all(vec![g(get("v")), Step::Commit, Step::Remove{which:0}, g(local(get("v"))), Step::Commit, Step::Rollback, Step::Reopen, Step::Look]) }
#[test] fn stray_beside_unlooked() { run_all(vec![g(get("v")), Step::Commit, Step::Reopen, g(local(get("v/part_0"))), Step::Rollback, Step::Look]) }
#[test] fn half_whole_rollback() { run_all(vec![g(local(get("v/part_1"))), enter(ReuseArgument::Auto), g(cut("v",2)), Step::Look, Step::Rollback, Step::Look, Step::Commit, Step::Rollback, Step::Reopen, Step::Look]) }
#[test] fn whole_in_the_way_of_reslice() { run_all(vec![g(cut("v",2)), Step::Commit, Step::Reopen, g(cut("v/part_2",2)), enter(ReuseArgument::Resume), g(cut("v",4)), Step::Look]) }
#[test] fn reslice_and_back() { run_all(vec![g(cut("v",2)), Step::Assign{which:0,seed:3}, Step::Commit, Step::Reopen, enter(ReuseArgument::Resume), g(cut("v",4)), Step::Look, Step::Rollback, Step::Look, Step::Leave, enter(ReuseArgument::Resume), g({let mut g = cut("v",1); g.cut=None; g}), Step::Look, Step::Commit, Step::Reopen, Step::Look]) }
#[test] fn tag_exists() { run_all(vec![g(get("v")), Step::Save{tag: TagWord::of("one"), replace:false}, g(get("w")), Step::Save{tag: TagWord::of("one"), replace:false}, Step::Reopen, Step::Look]) }
#[test] fn tag_exists_then_commit() { run_all(vec![g(get("v")), Step::Save{tag: TagWord::of("one"), replace:false}, g(get("w")), Step::Remove{which:0}, Step::Save{tag: TagWord::of("one"), replace:false}, Step::Commit, Step::Reopen, Step::Look]) }
#[test] fn adopt_committed() { run_all(vec![g(get("v/part_0")), g(get("v/part_1")), Step::Commit, enter(ReuseArgument::Auto), g(cut("v",2)), Step::Look, Step::Rollback, Step::Look, g(cut("v",2)), Step::Commit, Step::Reopen, Step::Look]) }
#[test] fn half_committed_then_bigger() { run_all(vec![g(get("v/part_0")), Step::Commit, Step::Remove{which:0}, g(local(get("v/part_1"))),  enter(ReuseArgument::Auto), g(cut("v",2)), Step::Look, Step::Rollback, Step::Look]) }
#[test] fn removed_recreated_rollback() { run_all(vec![g(get("v")), Step::Commit, Step::Remove{which:0}, g(cut("v",2)), Step::Rollback, Step::Look, Step::Commit, Step::Reopen, Step::Look]) }
