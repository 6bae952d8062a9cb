//! Taking over what an earlier session left.

use super::*;

#[test]
fn resuming_takes_over_what_an_earlier_session_left() {
    let left =
        Model::left_over().with("v", &[4], DType::F32).with_whole("p", &[4], &[2]).with("x/part_1", &[1], DType::F32);
    let resume = |name: &str| get(name).by(Resume);
    assert_comes_to(resume("v"), &left, "found v");
    assert_comes_to(resume("v").shape(&[4]), &left, "found v");
    assert_fails(resume("v").shape(&[5]).dtype(DType::I8), &left, Kind::ShapeMismatch);
    assert_fails(resume("v").dtype(DType::I8), &left, Kind::DtypeMismatch);
    assert_fails(get("v").shape(&[4]), &left, Kind::VariableExists);

    // What the call would make is compared: the value's shape and dtype, not the scope's.
    assert_comes_to(resume("v").init(init::tensor(value(&[4]))).dtype(DType::I8), &left, "found v");
    assert_fails(resume("v").init(init::tensor(value(&[5]))), &left, Kind::ShapeMismatch);
    assert_comes_to(resume("v").init(nullary()).dtype(DType::I8), &left, "found v");

    // Cut otherwise than before.
    let told = |from: Cut, to: Cut| format!("[4] float32 from {from:?} to {to:?}");
    let slices = |count| Cut::Slices(vec![count]);
    assert_comes_to(resume("p").shape(&[4]).cut(&[2]), &left, "found whole p");
    assert_comes_to(resume("p").cut(&[2]), &left, "found whole p");
    assert_comes_to(resume("p").cut(&[4]), &left, &format!("cut p {}", told(slices(2), slices(4))));
    assert_comes_to(resume("p"), &left, &format!("cut p {}", told(slices(2), Cut::Single)));
    assert_comes_to(resume("v").partial(&[None]).cut(&[3]), &left, &format!("cut v {}", told(Cut::Single, slices(3))));
    assert_fails(resume("p").shape(&[5]), &left, Kind::PartitionedShapeMismatch);
    assert_fails(resume("p").dtype(DType::I8), &left, Kind::PartitionedDtypeMismatch);
    assert_fails(resume("v").shape(&[5]).cut(&[5]), &left, Kind::ShapeMismatch);
    assert_fails(resume("p").cut(&[5]), &left, Kind::TooManyPartitions);
    assert_fails(resume("p").shape(&[]).cut(&[2]), &left, Kind::PartitionedShapeMismatch);
    let in_the_way = left.clone().with("v/part_1", &[1], DType::F32);
    assert_fails(resume("v").cut(&[2]), &in_the_way, Kind::VariableExists);
    let in_the_way = left.clone().with_whole("p/part_2", &[4], &[2]);
    assert_fails(resume("p").cut(&[4]), &in_the_way, Kind::PartitionedVariableExists);

    // Once per session.
    let mut claimed = left;
    claimed.variables.values_mut().for_each(|facts| facts.claimed = true);
    claimed.wholes.values_mut().for_each(|facts| facts.claimed = true);
    assert_fails(resume("v"), &claimed, Kind::VariableExists);
    assert_fails(resume("v").shape(&[4]).cut(&[2]), &claimed, Kind::UnpartitionedVariableExists);
    assert_fails(resume("p").shape(&[4]).cut(&[2]), &claimed, Kind::PartitionedVariableExists);
    assert_fails(resume("p"), &claimed, Kind::PartitionerMissing);
}

#[test]
fn an_answer_about_another_shape_is_asked_for_again() {
    let request = get("p").cut(&[2]).by(Resume);
    let model = Model::left_over().with("p", &[4], DType::F32);
    let stale = PartitionAnswer { shape: Shape::new([9]).unwrap(), counts: vec![2] };
    let Decision::AskPartitioner { shape, .. } = decide(&request, &model, Some(stale)).unwrap() else { panic!() };
    assert_eq!(shape.sizes(), [4]);
}
