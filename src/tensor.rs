//! Values whose element type is known only when the program runs.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array, ArrayView, ArrayViewMut, Dimension, IxDyn};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::TENSOR_BYTES_MAX;
use crate::memory::Memory;
use crate::shape::{IntoSizes, Shape};
use crate::strings::{self, Strings};

/// A value: dtype, shape and elements in row-major order. Cloning one copies nothing until a clone is changed.
///
/// ```
/// use varkeep::Tensor;
/// let t = Tensor::from(ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(t.view::<f32>()?[[1, 0]], 3.0);
/// # Ok::<(), varkeep::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    dtype: DType,
    shape: Shape,
    memory: Arc<Memory>,
}

impl Tensor {
    /// All zeros, `false`, or empty strings.
    ///
    /// # Errors
    /// `shape_too_large`, if it cannot be addressed in memory.
    pub fn zeros(dtype: DType, shape: Shape) -> Result<Self> {
        let len = match dtype.bytes_of(shape.elements()) {
            Some(len) => len,
            None => (shape.elements() + 1) * 8,
        };
        if len > TENSOR_BYTES_MAX {
            let what = format!("{dtype} of shape {shape} needs {len} bytes");
            return Err(Error::new(ErrorKind::ShapeTooLarge, what));
        }
        Ok(Self { dtype, memory: Arc::new(Memory::zeroed(len as usize)), shape })
    }

    /// The elements of a vector, in row-major order, without a copy.
    ///
    /// # Errors
    /// `assign_shape_mismatch`, if their number is not that of the shape.
    pub fn from_vec<T: Element>(shape: impl IntoSizes, elements: Vec<T>) -> Result<Self> {
        let shape = Shape::new(shape.into_sizes().collect::<Vec<_>>())?;
        check_count(elements.len(), &shape)?;
        Ok(Self { dtype: T::DTYPE, shape, memory: Arc::new(Memory::moved(elements)) })
    }

    /// Byte strings, in row-major order.
    ///
    /// # Errors
    /// `assign_shape_mismatch`, if their number is not that of the shape.
    pub fn from_strings<S: AsRef<[u8]>>(shape: impl IntoSizes, strings: &[S]) -> Result<Self> {
        let shape = Shape::new(shape.into_sizes().collect::<Vec<_>>())?;
        check_count(strings.len(), &shape)?;
        let memory = Arc::new(Memory::copy_of(&strings::encode(strings)));
        Ok(Self { dtype: DType::String, shape, memory })
    }

    /// Elements of any type from their bytes, as files hold them.
    ///
    /// # Errors
    /// `corrupt`, if the bytes are not such elements.
    pub fn from_bytes(dtype: DType, shape: Shape, bytes: &[u8]) -> Result<Self> {
        Self::from_memory(dtype, shape, Arc::new(Memory::copy_of(bytes)))
    }

    /// Elements of any type from memory, which may be shared: it is copied before it is changed.
    pub(crate) fn from_memory(dtype: DType, shape: Shape, memory: Arc<Memory>) -> Result<Self> {
        check_bytes(dtype, &shape, memory.bytes())?;
        Ok(Self { dtype, shape, memory })
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The sizes along the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The bytes, as files hold them.
    pub fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    pub(crate) fn into_memory(self) -> Arc<Memory> {
        self.memory
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// `dtype_mismatch`, if they are not of type `T`.
    pub fn elements<T: Element>(&self) -> Result<&[T]> {
        check_dtype::<T>(self.dtype)?;
        Ok(self.memory.elements().expect("the elements were checked when the tensor was made"))
    }

    /// The elements in row-major order, to be changed.
    ///
    /// # Errors
    /// `dtype_mismatch`, if they are not of type `T`.
    pub fn elements_mut<T: Element>(&mut self) -> Result<&mut [T]> {
        check_dtype::<T>(self.dtype)?;
        Ok(Arc::make_mut(&mut self.memory).elements_mut().expect("the elements were checked when the tensor was made"))
    }

    /// The value as an ndarray view.
    ///
    /// # Errors
    /// `dtype_mismatch`, if the elements are not of type `T`.
    pub fn view<T: Element>(&self) -> Result<ArrayView<'_, T, IxDyn>> {
        let elements = self.elements()?;
        Ok(ArrayView::from_shape(self.shape.to_dim(), elements).expect("their number is the shape's"))
    }

    /// The value as an ndarray view, to be changed.
    ///
    /// # Errors
    /// `dtype_mismatch`, if the elements are not of type `T`.
    pub fn view_mut<T: Element>(&mut self) -> Result<ArrayViewMut<'_, T, IxDyn>> {
        let dim = self.shape.to_dim();
        let elements = self.elements_mut()?;
        Ok(ArrayViewMut::from_shape(dim, elements).expect("their number is the shape's"))
    }

    /// The value as an array of its own.
    ///
    /// # Errors
    /// `dtype_mismatch`, if the elements are not of type `T`.
    pub fn to_array<T: Element>(&self) -> Result<Array<T, IxDyn>> {
        Ok(self.view()?.to_owned())
    }

    /// The byte strings in row-major order.
    ///
    /// # Errors
    /// `dtype_mismatch`, if the elements are not byte strings.
    pub fn strings(&self) -> Result<Strings<'_>> {
        if self.dtype != DType::String {
            return Err(dtype_asked(DType::String, self.dtype));
        }
        Strings::parse(self.bytes(), self.shape.elements())
    }

    /// The part of this tensor that starts at `offset` and has shape `shape`; it must lie inside.
    pub(crate) fn cut(&self, offset: &[u64], shape: &Shape) -> Result<Self> {
        if self.dtype == DType::String {
            let all = self.strings()?;
            let mut parts: Vec<&[u8]> = vec![&[]; shape.elements() as usize];
            for_each_run(self.shape.sizes(), offset, shape.sizes(), |from, to, count| {
                for i in 0..count {
                    parts[to + i] = all.get(from + i).expect("the region lies inside");
                }
            });
            return Self::from_strings(shape, &parts);
        }
        let mut cut = Self::zeros(self.dtype, shape.clone())?;
        let size = whole_bytes(self.dtype)?;
        let source = self.memory.bytes();
        let target = Arc::make_mut(&mut cut.memory).bytes_mut();
        for_each_run(self.shape.sizes(), offset, shape.sizes(), |from, to, count| {
            target[to * size..(to + count) * size].copy_from_slice(&source[from * size..(from + count) * size]);
        });
        Ok(cut)
    }

    /// Puts tensors together that tile `shape`, each at its offset.
    pub(crate) fn assemble(dtype: DType, shape: &Shape, parts: &[(Vec<u64>, Self)]) -> Result<Self> {
        if dtype == DType::String {
            let mut all: Vec<&[u8]> = vec![&[]; shape.elements() as usize];
            for (offset, part) in parts {
                let strings = part.strings()?;
                for_each_run(shape.sizes(), offset, part.shape.sizes(), |to, from, count| {
                    for i in 0..count {
                        all[to + i] = strings.get(from + i).expect("the region is the part's own");
                    }
                });
            }
            return Self::from_strings(shape, &all);
        }
        let mut whole = Self::zeros(dtype, shape.clone())?;
        for (offset, part) in parts {
            whole.put(offset, part)?;
        }
        Ok(whole)
    }

    /// Writes `part` over the region at `offset`; it must lie inside and hold no strings.
    pub(crate) fn put(&mut self, offset: &[u64], part: &Self) -> Result<()> {
        let size = whole_bytes(self.dtype)?;
        let source = part.memory.bytes();
        let target = Arc::make_mut(&mut self.memory).bytes_mut();
        for_each_run(self.shape.sizes(), offset, part.shape.sizes(), |to, from, count| {
            target[to * size..(to + count) * size].copy_from_slice(&source[from * size..(from + count) * size]);
        });
        Ok(())
    }
}

/// Whether two values have the same dtype, shape and bytes: NaNs equal themselves, 0.0 differs from -0.0.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {})", self.dtype, self.shape)
    }
}

impl<T: Element, D: Dimension> From<Array<T, D>> for Tensor {
    /// Takes the array over, without a copy if it lies in row-major order.
    fn from(array: Array<T, D>) -> Self {
        let shape = Shape::of_dim(array.shape()).expect("an array in memory is addressable");
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        let elements = shape.elements() as usize;
        let (mut vector, start) = array.into_raw_vec_and_offset();
        let start = start.unwrap_or(0);
        vector.truncate(start + elements);
        vector.drain(..start);
        Self { dtype: T::DTYPE, shape, memory: Arc::new(Memory::moved(vector)) }
    }
}

impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for Tensor {
    fn from(view: ArrayView<'_, T, D>) -> Self {
        view.to_owned().into()
    }
}

impl<T: Element> From<T> for Tensor {
    /// A scalar.
    fn from(element: T) -> Self {
        Self { dtype: T::DTYPE, shape: Shape::scalar(), memory: Arc::new(Memory::moved(vec![element])) }
    }
}

/// Checks that these bytes are elements of this dtype and number.
pub(crate) fn check_bytes(dtype: DType, shape: &Shape, bytes: &[u8]) -> Result<()> {
    match dtype.bytes_of(shape.elements()) {
        None => Strings::parse(bytes, shape.elements()).map(drop),
        Some(len) if len != bytes.len() as u64 => {
            Err(Error::corrupt(format!("{} bytes are not a {dtype} of shape {shape}, which has {len}", bytes.len())))
        }
        Some(_) if dtype == DType::Bool && bytes.iter().any(|byte| *byte > 1) => {
            Err(Error::corrupt("a byte other than 0 and 1 stands where a bool should"))
        }
        Some(_) => Ok(()),
    }
}

/// Checks that elements of type `T` were asked of a value of its dtype.
pub(crate) fn check_dtype<T: Element>(held: DType) -> Result<()> {
    if T::DTYPE == held { Ok(()) } else { Err(dtype_asked(T::DTYPE, held)) }
}

pub(crate) fn dtype_asked(asked: DType, held: DType) -> Error {
    Error::new(ErrorKind::DtypeMismatch, format!("asked for {asked}, but the elements are {held}"))
        .advise(format!("use {held}"))
}

fn check_count(count: usize, shape: &Shape) -> Result<()> {
    if count as u64 == shape.elements() {
        return Ok(());
    }
    let what = format!("{count} elements do not make shape {shape}, which has {}", shape.elements());
    Err(Error::new(ErrorKind::AssignShapeMismatch, what))
}

fn whole_bytes(dtype: DType) -> Result<usize> {
    dtype.element_bytes().ok_or_else(|| {
        let what = format!("elements of {dtype} share bytes and cannot be cut or joined");
        Error::new(ErrorKind::DtypeUnsupported, what)
    })
}

/// Walks the region of shape `part` at `offset` inside a tensor of shape `whole`, run by run of elements that lie
/// together in both: `run(index in the whole, index in the part, count)`.
pub(crate) fn for_each_run(whole: &[u64], offset: &[u64], part: &[u64], mut run: impl FnMut(usize, usize, usize)) {
    if part.contains(&0) {
        return;
    }
    // Axes behind the last one that is cut are contiguous in both.
    let rank = whole.len();
    let cut = (0..rank).rev().find(|axis| whole[*axis] != part[*axis]).unwrap_or(0);
    let inner: u64 = part.iter().skip(cut + 1).product();
    let count = part.get(cut).copied().unwrap_or(1) * inner;
    let mut index = vec![0_u64; cut.min(rank)];
    let mut to = 0;
    loop {
        let mut from = 0;
        for axis in 0..rank {
            let at = offset[axis] + index.get(axis).copied().unwrap_or(0);
            from = from * whole[axis] + at;
        }
        run(from as usize, to, count as usize);
        to += count as usize;
        let Some(axis) = (0..index.len()).rev().find(|axis| index[*axis] + 1 < part[*axis]) else { return };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Slice, array};
    use proptest::prelude::*;

    #[test]
    fn arrays_of_any_layout_become_row_major_tensors() {
        let a = array![[1_i32, 2, 3], [4, 5, 6]];
        assert_eq!(Tensor::from(a.clone()).elements::<i32>().unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(Tensor::from(a.clone().reversed_axes()).elements::<i32>().unwrap(), [1, 4, 2, 5, 3, 6]);
        let tail = a.slice_move(ndarray::s![1.., 1..]);
        assert_eq!(Tensor::from(tail).elements::<i32>().unwrap(), [5, 6]);
    }

    #[test]
    fn asking_for_another_type_names_both() {
        let error = Tensor::from(1.0_f32).elements::<f64>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DtypeMismatch);
        assert!(error.what().contains("float64") && error.what().contains("float32"));
    }

    #[test]
    fn bytes_of_the_wrong_length_or_no_bool_are_refused() {
        let shape = Shape::new([2]).unwrap();
        for (dtype, bytes) in [(DType::F32, &[0; 7][..]), (DType::Bool, &[1, 2]), (DType::String, &[0; 8])] {
            let error = Tensor::from_bytes(dtype, shape.clone(), bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }

    proptest! {
        /// Cutting is what ndarray's slicing does, and putting the cuts together is the identity.
        #[test]
        fn cuts_tile((sizes, axis, at) in prop::collection::vec(0_u64..5, 1..4).prop_flat_map(|sizes| {
            let rank = sizes.len();
            (Just(sizes), 0..rank)
        }).prop_flat_map(|(sizes, axis)| { let n = sizes[axis]; (Just(sizes), Just(axis), 0..=n) })) {
            let shape = Shape::new(sizes.clone()).unwrap();
            let values: Vec<u16> = (0..shape.elements() as u16).collect();
            let whole = Tensor::from_vec(&shape, values.clone()).unwrap();
            let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            let text = Tensor::from_strings(&shape, &texts).unwrap();
            let mut parts = Vec::new();
            let mut text_parts = Vec::new();
            for (start, end) in [(0, at), (at, sizes[axis])] {
                let mut offset = vec![0; sizes.len()];
                offset[axis] = start;
                let mut part = sizes.clone();
                part[axis] = end - start;
                let part = Shape::new(part).unwrap();
                let cut = whole.cut(&offset, &part).unwrap();
                let array = whole.view::<u16>().unwrap();
                let expected = array.slice_axis(ndarray::Axis(axis), Slice::from(start as usize..end as usize));
                prop_assert_eq!(cut.view::<u16>().unwrap(), expected);
                text_parts.push((offset.clone(), text.cut(&offset, &part).unwrap()));
                parts.push((offset, cut));
            }
            prop_assert_eq!(&Tensor::assemble(DType::U16, &shape, &parts).unwrap(), &whole);
            prop_assert_eq!(&Tensor::assemble(DType::String, &shape, &text_parts).unwrap(), &text);
        }
    }
}
