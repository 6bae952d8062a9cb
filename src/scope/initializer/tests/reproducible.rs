//! The same seed, name and offset give the same bits, for ever.

use super::*;

fn bits(random: Random, place: &Place<'_>) -> Tensor {
    Initializer::from(random).initialize(place).unwrap()
}

/// If one of these changes, every program that relies on a seed changes with it: they must not.
#[test]
fn values_are_those_of_the_first_version() {
    let golden = [
        ("random_uniform", random_uniform(-1.0, 1.0), [0xc024_785f, 0xbbfe_3fea, 0x7b10_fcfc, 0x56b1_e14c]),
        ("random_normal", random_normal(0.0, 1.0), [0x11f3_264b, 0xe432_9aed, 0x4774_ccd5, 0x9928_31da]),
        ("truncated_normal", truncated_normal(0.0, 1.0), [0xa808_0b20, 0x9790_fcc6, 0x2a7b_798a, 0x0b35_e5ee]),
        ("uniform_unit_scaling", uniform_unit_scaling(1.0), [0x218b_b049, 0x1a4b_ff6c, 0xf1f5_3576, 0x3c8b_480f]),
        ("glorot_uniform", glorot_uniform(), [0x1322_bd18, 0x6e5d_1f09, 0x9cab_e358, 0x2dd1_750f]),
        ("glorot_normal", glorot_normal(), [0xd8c2_bea8, 0x3100_00ad, 0x3949_0e20, 0xa44e_80e1]),
        (
            "variance_scaling",
            variance_scaling(1.0, Mode::FanOut, Distribution::UntruncatedNormal),
            [0x35f8_bfb6, 0x8cdf_7a59, 0xe0e7_dbdf, 0x32c2_fcd3],
        ),
        ("orthogonal", orthogonal(1.0), [0x41f1_5e84, 0xd925_e1f1, 0xbcf9_c53a, 0xd5d7_92d3]),
    ];
    let mut changed = Vec::new();
    for (name, random, expected) in golden {
        let found = [DType::F16, DType::BF16, DType::F32, DType::F64]
            .map(|dtype| crc32fast::hash(make(random.clone(), dtype, [50, 70]).unwrap().bytes()));
        if found != expected {
            changed.push(format!("{name} {found:#010x?}"));
        }
    }
    assert!(changed.is_empty(), "{changed:#?}");
}

/// The first values of a stream, computed apart from this crate: `ChaCha8` under the key (7, 0, 0, "explicit").
#[test]
fn a_seeded_stream_is_that_of_chacha8() {
    let uniform = elements::<f32>(random_uniform(0.0, 1.0).seed(7), [4]);
    assert_eq!(uniform, [0.662_836, 0.277_740_1, 0.053_236_622, 0.420_652_27]);
    let integers = elements::<i32>(random_uniform(0, 1000).seed(7), [4]);
    assert_eq!(integers, [777, 920, 889, 970]);
    let normal = elements::<f64>(random_normal(0.0, 1.0).seed(7), [3]);
    let expected = [-0.589_568_200_451_216_3, -0.200_225_132_791_304_13, -0.280_004_850_599_558_04];
    assert!(normal.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{normal:?}");
}

#[test]
fn unseeded_values_follow_from_store_name_and_offset() {
    let full = Shape::new([8, 4]).unwrap();
    let shape = Shape::new([4, 4]).unwrap();
    let place =
        Place { name: "w", full_shape: &full, offset: &[0, 0], shape: &shape, dtype: DType::F32, store_seed: 1 };
    let base = bits(glorot_uniform(), &place);
    assert_eq!(bits(glorot_uniform(), &place), base);
    let others = [Place { store_seed: 2, ..place }, Place { name: "v", ..place }, Place { offset: &[4, 0], ..place }];
    for other in others {
        assert_ne!(bits(glorot_uniform(), &other), base, "{other:?}");
        // An explicit seed is all that counts.
        assert_eq!(bits(glorot_uniform().seed(5), &other), bits(glorot_uniform().seed(5), &place));
    }
    assert_ne!(bits(glorot_uniform().seed(5), &place), bits(glorot_uniform().seed(6), &place));
}

#[test]
fn a_longer_variable_begins_like_a_shorter_one() {
    // Values are drawn in order, in blocks: one that does not end on a block's border leaves nothing out.
    let long = elements::<f32>(random_normal(0.0, 1.0), [5000]);
    for len in [1, 1023, 1024, 1025, 3000] {
        assert_eq!(elements::<f32>(random_normal(0.0, 1.0), [len]), long[..len]);
    }
}
