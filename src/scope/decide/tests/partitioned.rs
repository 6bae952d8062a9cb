//! Variables in slices.

use super::*;
use crate::scope::partitioner::{SLICES_MAX, fixed_size};

#[test]
fn a_partitioned_name_is_not_had_without_its_partitioner() {
    let model = Model::of_session().with_whole("p", &[4, 2], &[2, 1]).with("s/part_0", &[1], DType::F32);
    for reuse in [Refuse, Auto, Resume] {
        assert_fails(get("p").shape(&[4, 2]).by(reuse), &model, Kind::PartitionerMissing);
    }
    assert_comes_to(get("p").by(Require), &model, "found whole p");
    assert_fails(get("p").shape(&[4, 3]).by(Require), &model, Kind::PartitionedShapeMismatch);
    assert_fails(get("p").dtype(DType::I8).by(Require), &model, Kind::PartitionedDtypeMismatch);
    // A stray part blocks its name, in every mode, even for a variable that exists beside it.
    let both = model.clone().with("s", &[1], DType::F32);
    for reuse in [Refuse, Require, Auto] {
        assert_fails(get("s").by(reuse), &model, Kind::PartitionerMissing);
        assert_fails(get("s").by(reuse), &both, Kind::PartitionerMissing);
    }
    // An explicit scalar passes the partitioner by, but not what comes after it.
    assert_comes_to(get("v").shape(&[]).cut(&[2]), &model, "made v [] float32");
    assert_fails(get("p").shape(&[]).cut(&[2]).by(Require), &model, Kind::PartitionerMissing);
    assert_comes_to(get("p/part_1").by(Require), &model, "found p/part_1");
}

#[test]
fn checks_of_a_partitioned_variable_come_in_order() {
    let model = Model::of_session().with_whole("p", &[4, 2], &[2, 1]).with("v", &[4], DType::F32);
    let tensor = |sizes: &[u64]| init::tensor(value(sizes));
    assert_fails(get("v").partial(&[None]).cut(&[2]).by(Auto), &model, Kind::UnpartitionedVariableExists);
    let contradicting = get("p").partial(&[None]).init(tensor(&[4, 2])).cut(&[]);
    assert_fails(contradicting, &model, Kind::InitializerShapeMismatch);
    assert_fails(get("p").partial(&[None, Some(2)]).cut(&[]), &model, Kind::PartitionedShapeNotFullyDefined);
    assert_fails(get("p").cut(&[2, 1]).by(Require), &model, Kind::PartitionedShapeNotFullyDefined);
    assert_fails(get("p").init(tensor(&[])).cut(&[]), &model, Kind::PartitionedScalar);
    let answers: [(&[u64], ErrorKind); 4] = [
        (&[2], Kind::PartitionerRankMismatch),
        (&[0, 2], Kind::PartitionerNonpositive),
        (&[2, 2], Kind::MultiAxisPartition),
        (&[2, 1], Kind::PartitionedVariableExists),
    ];
    for (counts, kind) in answers {
        assert_fails(get("p").shape(&[4, 2]).cut(counts), &model, kind);
    }
    let axis = VariableRequest { partitioner: Some(fixed_size(2, 5)), ..get("p").shape(&[4, 2]) };
    assert_fails(axis, &model, Kind::PartitionerAxisOutOfRange);
    for reuse in [Require, Auto] {
        assert_fails(get("p").shape(&[9]).cut(&[2]).by(reuse), &model, Kind::PartitionedShapeMismatch);
        let other = get("p").shape(&[4, 2]).dtype(DType::I8).cut(&[1, 2]).by(reuse);
        assert_fails(other, &model, Kind::PartitionedDtypeMismatch);
        assert_fails(get("p").shape(&[4, 2]).cut(&[1, 2]).by(reuse), &model, Kind::PartitionsMismatch);
        assert_comes_to(get("p").shape(&[4, 2]).cut(&[2, 1]).by(reuse), &model, "found whole p");
        // A shape beside a tensor is allowed here.
        let beside = get("p").shape(&[4, 2]).init(tensor(&[4, 2])).cut(&[2, 1]).by(reuse);
        assert_comes_to(beside, &model, "found whole p");
    }
    assert_fails(get("q").shape(&[4]).cut(&[2]).by(Require), &model, Kind::PartitionedVariableNotFound);
    assert_fails(get("_q").shape(&[4]).cut(&[2]), &model, Kind::InvalidName);
}

#[test]
fn slices_are_made_or_adopted_in_order() {
    let part = |k| format!("s/part_{k}");
    let model = Model::of_session().with(&part(0), &[2], DType::F32).with(&part(1), &[1], DType::F32);
    let two = || get("s").shape(&[3]).cut(&[2]);
    assert_comes_to(two().by(Auto), &model, "made whole s [3] float32: adopted s/part_0 adopted s/part_1");
    assert_fails(two(), &model, Kind::VariableExists);
    assert_fails(get("s").shape(&[3]).cut(&[3]).by(Auto), &model, Kind::PartitionLayoutMissingShard);
    assert_fails(get("s").shape(&[2]).cut(&[1]).by(Auto), &model, Kind::PartitionLayoutExtraShard);
    assert_fails(two().dtype(DType::I8).by(Auto), &model, Kind::DtypeMismatch);
    // What a part holds counts, not what it declares, and its shape before its dtype.
    let holding = Model::of_session().with_undeclared(&part(0), &[7]).with(&part(1), &[1], DType::F32);
    assert_fails(two().dtype(DType::I8).by(Auto), &holding, Kind::ShapeMismatch);
    let gap = Model::of_session().with(&part(0), &[1], DType::F32).with(&part(2), &[1], DType::F32);
    let three = get("s").shape(&[3]).cut(&[3]).by(Auto);
    let told = "made whole s [3] float32: adopted s/part_0 s/part_1 [1] float32 adopted s/part_2";
    assert_comes_to(three, &gap, told);
    // A partitioned variable in a slice's place would share its name.
    let nested = Model::of_session().with_whole("n/part_0", &[2], &[1]);
    assert_fails(get("n").shape(&[2]).cut(&[2]), &nested, Kind::PartitionedVariableExists);
}

#[test]
fn the_initializer_of_a_slice_is_looked_at_before_what_exists_in_its_place() {
    let nothing = Model::of_session();
    let cut = |initializer: Initializer| get("s").shape(&[2]).init(initializer).cut(&[2]);
    let text = Tensor::from_strings([2_usize], &["a", "b"]).unwrap();
    assert_fails(cut(init::tensor(value(&[3]))), &nothing, Kind::InitializerShapeMismatch);
    assert_fails(cut(init::array(value(&[3]))), &nothing, Kind::InitializerShapeMismatch);
    assert_initializer_fails(cut(init::array(text.clone())), Kind::InitializerDtypeUnsupported);
    assert_initializer_fails(
        cut(init::literal(vec![1.0_f32, 2.0])).dtype(DType::I32),
        Kind::InitializerDtypeUnsupported,
    );
    assert_fails(cut(nullary()), &nothing, Kind::InitializerTakesNoArguments);
    assert_fails(get("s").shape(&[2]).init(None).dtype(DType::C64).cut(&[2]), &nothing, Kind::InitializerRequired);

    let taken = Model::of_session().with("s/part_0", &[1], DType::F32).with("s/part_1", &[1], DType::F32);
    assert_fails(cut(init::array(value(&[3]))).by(Auto), &taken, Kind::InitializerShapeMismatch);
    assert_comes_to(cut(nullary()).by(Auto), &taken, "made whole s [2] float32: adopted s/part_0 adopted s/part_1");

    // Tensors keep their dtype, arrays and literals take the one asked for.
    let doubles = Tensor::from_vec([2_usize], vec![1.5_f64, 2.5]).unwrap();
    let told = |dtype: &str| format!("made whole s [2] {dtype}: s/part_0 [1] {dtype} s/part_1 [1] {dtype}");
    assert_comes_to(cut(init::tensor(doubles.clone())), &nothing, &told("float64"));
    assert_comes_to(cut(init::array(doubles)).dtype(DType::I32), &nothing, &told("int32"));
    assert_comes_to(cut(init::literal(vec![1, 2])).dtype(DType::F16), &nothing, &told("float16"));
    assert_comes_to(cut(init::tensor(text)), &nothing, &told("string"));
}

#[test]
fn more_slices_than_elements_fail_at_the_first_outside() {
    let nothing = Model::of_session();
    let request = get("s").shape(&[2]).cut(&[3]);
    let mut model = nothing.clone();
    assert_eq!(come_to(&request, &mut model).unwrap_err().kind(), Kind::TooManyPartitions);
    assert!(model.variables.contains_key("s/part_1"), "the slices before it were made");
    for request in [
        get("s").shape(&[0]).cut(&[1]),
        get("s").shape(&[2, 0]).cut(&[2, 1]),
        get("s").shape(&[1 << 50]).cut(&[1 << 60]),
        get("s").shape(&[1 << 50]).cut(&[SLICES_MAX + 1]),
    ] {
        assert_fails(request, &nothing, Kind::TooManyPartitions);
    }
}
