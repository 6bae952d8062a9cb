//! TensorFlow's numbers for element types (`DataType` of its `types.proto`).

use crate::dtype::DType;

const BOTH: &[(i32, DType)] = &[
    (1, DType::F32),
    (2, DType::F64),
    (3, DType::I32),
    (4, DType::U8),
    (5, DType::I16),
    (6, DType::I8),
    (7, DType::String),
    (8, DType::C64),
    (9, DType::I64),
    (10, DType::Bool),
    (11, DType::QInt8),
    (12, DType::QUInt8),
    (13, DType::QInt32),
    (14, DType::BF16),
    (15, DType::QInt16),
    (16, DType::QUInt16),
    (17, DType::U16),
    (18, DType::C128),
    (19, DType::F16),
    (22, DType::U32),
    (23, DType::U64),
    (24, DType::F8E5M2),
    (25, DType::F8E4M3FN),
];

/// Our word for a number of theirs.
pub(crate) fn ours(number: i32) -> Option<DType> {
    BOTH.iter().find(|(theirs, _)| *theirs == number).map(|(_, ours)| *ours)
}

/// Their number for a type of ours, if they have it.
pub(crate) fn theirs(dtype: DType) -> Option<i32> {
    BOTH.iter().find(|(_, ours)| *ours == dtype).map(|(theirs, _)| *theirs)
}

/// What TensorFlow calls a type that varkeep does not have.
pub(crate) fn foreign_name(number: i32) -> String {
    match number {
        20 => "resource".to_owned(),
        21 => "variant".to_owned(),
        29 => "int4".to_owned(),
        30 => "uint4".to_owned(),
        other => format!("dtype {other}"),
    }
}
