use std::os::unix::fs::FileExt;

use super::*;
use crate::dtype::DType;

fn mapping(bytes: &[u8]) -> Mapping {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    Mapping::of_file(&file, bytes.len() as u64).unwrap()
}

fn range(bytes: &[u8], start: u64, len: u64) -> Arc<MappedRange> {
    Arc::new(MappedRange::new(mapping(bytes), start, len).unwrap())
}

fn shape(sizes: &[u64]) -> Shape {
    Shape::new(sizes).unwrap()
}

#[test]
fn an_empty_file_maps_to_no_bytes() {
    let empty = mapping(&[]);
    assert!(empty.is_empty());
    assert!(MappedRange::new(empty.clone(), 0, 0).is_some());
    assert!(MappedRange::new(empty, 0, 1).is_none());
}

#[test]
fn a_range_lies_inside_its_mapping() {
    let mapping = mapping(b"0123456789");
    assert_eq!(&MappedRange::new(mapping.clone(), 3, 4).unwrap()[..], b"3456");
    for (start, len) in [(0, 11), (11, 0), (10, 1), (u64::MAX, 1), (1, u64::MAX)] {
        assert!(MappedRange::new(mapping.clone(), start, len).is_none(), "{len} from {start}");
    }
}

#[test]
fn a_held_array_outlives_everything_it_was_made_from() {
    let values = [1.5_f32, -2.0, 3.25, f32::MAX, 0.0, -0.0];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut file = vec![0; 4096];
    file.extend(&bytes);
    let memory: Arc<dyn StableBytes> = Arc::new(Memory::copy_of(&bytes));
    let moved: Arc<dyn StableBytes> = Arc::new(Memory::moved(values.to_vec()));
    let loaded = MappedRange::new(Mapping::of_memory(bytes, 0), 0, 24);
    let mut owners: Vec<Arc<dyn StableBytes>> = vec![memory, moved];
    if !cfg!(miri) {
        owners.push(range(&file, 4096, 24));
    }
    // A vector of bytes lies where it likes, so this one may not be an array of f32.
    owners.extend(loaded.filter(|l| l.as_ptr().align_offset(4) == 0).map(|l| Arc::new(l) as _));
    for owner in owners {
        let held = Held::<f32>::new(owner, &shape(&[2, 3])).unwrap();
        let clone = held.clone();
        drop(held);
        let held = std::thread::spawn(move || clone).join().unwrap();
        assert_eq!((held.elements(), held.shape()), (&values[..], &[2, 3][..]));
        assert_eq!(held.index_axis(ndarray::Axis(1), 0).iter().collect::<Vec<_>>(), [&1.5, &f32::MAX]);
    }
}

#[test]
fn memory_that_is_held_cannot_be_changed() {
    let mut memory = Arc::new(Memory::moved(vec![1_i64, 2]));
    let held = Held::<i64>::new(memory.clone(), &shape(&[2])).unwrap();
    assert!(Arc::get_mut(&mut memory).is_none());
    // Copying on write goes elsewhere.
    Arc::make_mut(&mut memory).elements_mut::<i64>().unwrap()[0] = 7;
    assert_eq!(held.elements(), [1, 2]);
    drop(held);
    assert!(Arc::get_mut(&mut memory).is_some());
}

#[test]
fn bytes_that_are_not_such_an_array_are_not_held() {
    let memory = |bytes: &[u8]| -> Arc<dyn StableBytes> { Arc::new(Memory::copy_of(bytes)) };
    assert!(Held::<f32>::new(memory(&[0; 12]), &shape(&[3])).is_some());
    assert!(Held::<f32>::new(memory(&[0; 12]), &shape(&[4])).is_none());
    assert!(Held::<f32>::new(memory(&[0; 13]), &shape(&[3])).is_none());
    assert!(Held::<f32>::new(memory(&[0; 4]), &Shape::scalar()).is_some());
    assert_eq!(Held::<bool>::new(memory(&[1, 0]), &shape(&[2])).unwrap().elements(), [true, false]);
    assert!(Held::<bool>::new(memory(&[1, 2]), &shape(&[2])).is_none());
    assert_eq!(bool::DTYPE, DType::Bool);
}

#[test]
#[cfg_attr(miri, ignore = "maps a file")]
fn a_misaligned_range_is_not_held_unless_it_is_empty() {
    let bytes = [0; 64];
    assert!(Held::<f32>::new(range(&bytes, 4, 8), &shape(&[2])).is_some());
    assert!(Held::<f32>::new(range(&bytes, 2, 8), &shape(&[2])).is_none());
    assert!(Held::<u8>::new(range(&bytes, 3, 8), &shape(&[8])).is_some());
    let empty = Held::<f64>::new(range(&bytes, 3, 0), &shape(&[4, 0])).unwrap();
    assert_eq!((empty.shape(), empty.len()), (&[4, 0][..], 0));
    assert!(Held::<f64>::new(range(&bytes, 3, 0), &shape(&[4])).is_none());
}
