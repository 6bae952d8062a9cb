//! Variables in one piece.

use super::*;

#[test]
fn a_single_variable_is_found_or_made_by_the_mode() {
    let model = Model::of_session().with("v", &[2], DType::F32);
    assert_comes_to(get("w").shape(&[2]), &model, "made w [2] float32");
    assert_comes_to(get("w").shape(&[2]).by(Auto), &model, "made w [2] float32");
    assert_comes_to(get("w").shape(&[2]).by(Resume), &model, "made w [2] float32");
    assert_fails(get("w").shape(&[2]).by(Require), &model, Kind::VariableNotFound);
    for reuse in [Require, Auto] {
        assert_comes_to(get("v").by(reuse), &model, "found v");
        assert_comes_to(get("v").shape(&[2]).by(reuse), &model, "found v");
        assert_comes_to(get("v").partial(&[None]).by(reuse), &model, "found v");
    }
    assert_comes_to(VariableRequest { reuse: None, ..get("v") }, &model, "found v");
    for reuse in [Refuse, Resume] {
        assert_fails(get("v").shape(&[2]).by(reuse), &model, Kind::VariableExists);
    }
}

#[test]
fn checks_of_a_single_variable_come_in_order() {
    let model = Model::of_session().with("v", &[2], DType::F32).with_undeclared("u", &[5]);
    let wrong = || get("v").shape(&[3]).dtype(DType::I32);
    // A value beside a shape is refused before anything is looked up, in every mode.
    for reuse in [Refuse, Require, Auto] {
        assert_fails(wrong().init(init::array(value(&[3]))).by(reuse), &model, Kind::ConstantInitializerWithShape);
        assert_fails(get("n").shape(&[3]).init(init::literal(1.0_f32)), &model, Kind::ConstantInitializerWithShape);
    }
    assert_fails(wrong(), &model, Kind::VariableExists);
    assert_fails(wrong().by(Auto), &model, Kind::ShapeMismatch);
    assert_fails(get("v").shape(&[2]).dtype(DType::I32).by(Auto), &model, Kind::DtypeMismatch);
    assert_fails(get("v").shape(&[]).by(Auto), &model, Kind::ShapeMismatch);
    assert_comes_to(get("u").shape(&[9, 9]).by(Require), &model, "found u");
    // The dtype compared is the one asked for, not the value's.
    let integers = Tensor::from_vec([1_usize], vec![1_i32]).unwrap();
    let found = Model::of_session().with("i", &[1], DType::I32);
    assert_fails(get("i").init(init::array(integers.clone())).by(Auto), &found, Kind::DtypeMismatch);
    assert_comes_to(get("n").init(init::array(integers)), &model, "made n [1] int32");
}

#[test]
fn a_new_variable_needs_what_its_initializer_needs() {
    let nothing = Model::of_session();
    assert_fails(get("v").init(None), &nothing, Kind::ShapeRequired);
    assert_fails(get("v").init(None).partial(&[None]), &nothing, Kind::ShapeNotFullyDefined);
    assert_fails(get("v").init(None).partial(&[None]).dtype(DType::C64), &nothing, Kind::InitializerRequired);
    assert_fails(get("v"), &nothing, Kind::ShapeNotFullyDefined);
    assert_fails(get("v").partial(&[Some(2), None]), &nothing, Kind::ShapeNotFullyDefined);
    assert_fails(get("v").shape(&[u64::MAX, 2]), &nothing, Kind::ShapeTooLarge);
    assert_comes_to(get("v").init(nullary()).dtype(DType::I8), &nothing, "made v [3] float32");
    assert_fails(get("v").init(nullary()).shape(&[3]), &nothing, Kind::InitializerTakesNoArguments);
    assert_fails(get("v").init(nullary()).shape(&[]), &nothing, Kind::InitializerTakesNoArguments);
    assert_fails(get("v").init(nullary()).partial(&[None]), &nothing, Kind::ShapeNotFullyDefined);

    // The name is looked at last, but before anything runs.
    assert_fails(get("_v"), &nothing, Kind::ShapeNotFullyDefined);
    assert_fails(get("_v").by(Require), &nothing, Kind::VariableNotFound);
    assert_fails(get("_v").init(nullary()).shape(&[3]), &nothing, Kind::InvalidName);
    let unknown = init::tensor_with_static_shape(value(&[3]), PartialShape::unknown()).unwrap();
    assert_fails(get("_v").init(unknown.clone()), &nothing, Kind::InvalidName);
    assert_fails(get("v").init(unknown.clone()), &nothing, Kind::InitialValueShapeUnknown);
    // With no axes, to know their number is to know the shape.
    let scalar = init::tensor_with_static_shape(value(&[]), PartialShape::with_axes(vec![])).unwrap();
    assert_comes_to(get("v").init(scalar), &nothing, "made v [] float32");
    for chunk_bytes in [0, 1, 5000, 1 << 30] {
        assert_fails(
            VariableRequest { chunk_bytes: Some(chunk_bytes), ..get("v").shape(&[1]) },
            &nothing,
            Kind::InvalidArgument,
        );
    }
    let wrong = init::function(|_: &init::Place<'_>| Ok(value(&[9])));
    assert_initializer_fails(get("v").shape(&[3]).init(wrong), Kind::InitializerWrongResult);
}

#[test]
fn without_validation_what_brings_its_shape_declares_none() {
    let nothing = Model::of_session();
    let unvalidated = |request: VariableRequest| VariableRequest { validate_shape: false, ..request };
    let unknown = init::tensor_with_static_shape(value(&[3]), PartialShape::unknown()).unwrap();
    for initializer in [init::tensor(value(&[3])), init::array(value(&[3])), nullary(), unknown] {
        assert_comes_to(unvalidated(get("v").init(initializer)), &nothing, "made v unknown float32");
    }
    assert_comes_to(unvalidated(get("v").shape(&[3])), &nothing, "made v [3] float32");
    let cut = unvalidated(get("p").init(init::tensor(value(&[2]))).cut(&[2]));
    let told = "made whole p [2] float32: p/part_0 unknown float32 p/part_1 unknown float32";
    assert_comes_to(cut, &nothing, told);
    let cut = unvalidated(get("p").shape(&[1]).cut(&[1]));
    assert_comes_to(cut, &nothing, "made whole p [1] float32: p/part_0 [1] float32");
}

#[test]
fn the_default_initializer_follows_the_dtype() {
    for dtype in DType::ALL {
        let default = DefaultInitializer::of(*dtype);
        let expected = match dtype {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Some(DefaultInitializer::GlorotUniform),
            DType::Bool | DType::String => Some(DefaultInitializer::Zeros),
            _ if dtype.is_integer() => Some(DefaultInitializer::Zeros),
            _ => None,
        };
        assert_eq!(default, expected, "{dtype}");
    }
}
