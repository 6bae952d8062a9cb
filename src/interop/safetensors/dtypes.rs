//! The element types of both sides.

use safetensors::Dtype;

use crate::dtype::DType;

const BOTH: &[(Dtype, DType)] = &[
    (Dtype::BOOL, DType::Bool),
    (Dtype::U8, DType::U8),
    (Dtype::U16, DType::U16),
    (Dtype::U32, DType::U32),
    (Dtype::U64, DType::U64),
    (Dtype::I8, DType::I8),
    (Dtype::I16, DType::I16),
    (Dtype::I32, DType::I32),
    (Dtype::I64, DType::I64),
    (Dtype::F16, DType::F16),
    (Dtype::BF16, DType::BF16),
    (Dtype::F32, DType::F32),
    (Dtype::F64, DType::F64),
    (Dtype::C64, DType::C64),
    (Dtype::F8_E5M2, DType::F8E5M2),
    (Dtype::F8_E4M3, DType::F8E4M3FN),
    (Dtype::F8_E5M2FNUZ, DType::F8E5M2FNUZ),
    (Dtype::F8_E4M3FNUZ, DType::F8E4M3FNUZ),
    (Dtype::F8_E8M0, DType::F8E8M0FNU),
    (Dtype::F6_E2M3, DType::F6E2M3FN),
    (Dtype::F6_E3M2, DType::F6E3M2FN),
    (Dtype::F4, DType::F4E2M1FN),
];

/// Our word for a type of theirs; `None` for one that a later version of theirs has added.
pub(crate) fn ours(dtype: Dtype) -> Option<DType> {
    BOTH.iter().find(|(theirs, _)| *theirs == dtype).map(|(_, ours)| *ours)
}

/// Their word for a type of ours, if they have it.
pub(crate) fn theirs(dtype: DType) -> Option<Dtype> {
    BOTH.iter().find(|(_, ours)| *ours == dtype).map(|(theirs, _)| *theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_count_the_same_bits() {
        for (theirs, ours) in BOTH {
            assert_eq!(ours.bits(), Some(theirs.bitsize() as u32), "{theirs} {ours}");
        }
    }
}
