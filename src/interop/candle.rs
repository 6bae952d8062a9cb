//! candle: a checkpoint as where a model's tensors come from, and the variables of a model saved in a store.
//!
//! candle owns its buffers. So loading copies each value once, from the file into candle's memory; saving copies
//! nothing, but checksums and hashes every byte, and writes the chunks that differ from the last commit.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{Linear, Module, VarBuilder, VarMap, linear};
//! use varkeep::{Checkpoint, Store, interop::candle};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("model.varkeep");
//! let vars = VarMap::new();
//! let model: Linear = linear(4, 2, VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu).pp("out"))?;
//! let store = Store::open(&path)?;
//! candle::save(&vars, &store, "step-100")?;
//!
//! let checkpoint = Checkpoint::open(&path, "step-100")?;
//! let from_store = candle::var_builder(checkpoint.to_source()?, DType::F32, &Device::Cpu);
//! let again: Linear = linear(4, 2, from_store.pp("out"))?;
//! let x = Tensor::ones((1, 4), DType::F32, &Device::Cpu)?;
//! assert_eq!(model.forward(&x)?.to_vec2::<f32>()?, again.forward(&x)?.to_vec2::<f32>()?);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use bytemuck::NoUninit;
use candle_core::{CpuStorage, DType as Theirs, Device, Shape as TheirShape, Storage, Tensor, Var};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};
use candle_nn::{Init, VarMap};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::source::{Source, check_range};
use crate::shape::Shape;
use crate::shard::Elsewhere;
use crate::store::{Save, SaveReport, Store};
use crate::sync::PoisonError;

/// The types of both sides.
const BOTH: &[(Theirs, DType)] = &[
    (Theirs::U8, DType::U8),
    (Theirs::U32, DType::U32),
    (Theirs::I16, DType::I16),
    (Theirs::I32, DType::I32),
    (Theirs::I64, DType::I64),
    (Theirs::BF16, DType::BF16),
    (Theirs::F16, DType::F16),
    (Theirs::F32, DType::F32),
    (Theirs::F64, DType::F64),
    (Theirs::F8E4M3, DType::F8E4M3FN),
];

fn theirs(dtype: DType) -> Option<Theirs> {
    BOTH.iter().find(|(_, ours)| *ours == dtype).map(|(theirs, _)| *theirs)
}

fn ours(dtype: Theirs) -> Option<DType> {
    BOTH.iter().find(|(theirs, _)| *theirs == dtype).map(|(_, ours)| *ours)
}

/// A checkpoint of a store ([`Checkpoint::to_source`](crate::Checkpoint::to_source)) or of another format as where a
/// model's tensors come from. Each is read, and copied into candle's memory, when the model asks for it; `dtype` is what
/// it is turned into if it is another. candle joins names with dots: for names with slashes, layers ask for those too.
pub fn var_builder(source: impl Into<Arc<dyn Source>>, dtype: Theirs, device: &Device) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Backend { source: source.into() }), dtype, device.clone())
}

struct Backend {
    source: Arc<dyn Source>,
}

impl Backend {
    /// candle says `a.b` where the checkpoint may say `a/b`.
    fn find(&self, name: &str) -> Option<usize> {
        self.source.index_of(name).or_else(|| self.source.index_of(&name.replace('.', "/")))
    }

    fn read(&self, name: &str, device: &Device) -> candle_core::Result<Tensor> {
        let number =
            self.find(name).ok_or_else(|| candle_core::Error::CannotFindTensor { path: name.to_owned() }.bt())?;
        tensor(&*self.source, number, device, &mut Vec::new())
    }
}

/// A value as a tensor of candle's, which copies it from `buffer`: fresh memory for each value costs more than the copy.
fn tensor(source: &dyn Source, number: usize, device: &Device, buffer: &mut Vec<u8>) -> candle_core::Result<Tensor> {
    let held = &source.variables()[number];
    let dtype = theirs(held.dtype).ok_or_else(|| {
        let what = format!("candle has no {}", held.dtype);
        candle_core::Error::wrap(Error::new(ErrorKind::DtypeUnsupported, what).of_variable(&held.name))
    })?;
    let len = held.len_bytes().and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
    if buffer.try_reserve(len.saturating_sub(buffer.len())).is_err() {
        let what = format!("there is no memory for a value of {len} bytes");
        return Err(candle_core::Error::wrap(Error::new(ErrorKind::ShapeTooLarge, what).of_variable(&held.name)));
    }
    buffer.resize(len, 0);
    source.read_into(number, 0, buffer).map_err(candle_core::Error::wrap)?;
    let sizes: Vec<usize> = held.shape.sizes().iter().map(|size| *size as usize).collect();
    Tensor::from_raw_buffer(buffer, dtype, &sizes, device)
}

impl SimpleBackend for Backend {
    fn get(
        &self,
        shape: TheirShape,
        name: &str,
        _: Init,
        dtype: Theirs,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, device)?;
        if tensor.shape() != &shape {
            let (msg, got) = (format!("shape mismatch for {name}"), tensor.shape().clone());
            return Err(candle_core::Error::UnexpectedShape { msg, expected: shape, got }.bt());
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, dtype: Theirs, device: &Device) -> candle_core::Result<Tensor> {
        self.read(name, device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// Saves the variables of a model in a store, beside what else it holds, under their names. A name that is new becomes a
/// trainable variable; of one that is there, the chunks that differ are written. Nothing may change the variables
/// meanwhile.
///
/// # Errors
/// `dtype_unsupported`; `assign_shape_mismatch` and `dtype_mismatch`, if the store has another variable under a name;
/// `invalid_argument`, if candle cannot hand out the bytes; those of [`Store::save`].
pub fn save(vars: &VarMap, store: &Store, save: impl Into<Save>) -> Result<SaveReport> {
    let mut named: Vec<(String, Tensor)> = {
        let data = vars.data().lock().unwrap_or_else(PoisonError::into_inner);
        data.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    };
    named.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, tensor) in named {
        put(store, &name, &tensor).map_err(|error| error.of_variable(&name))?;
    }
    store.save(save)
}

fn put(store: &Store, name: &str, tensor: &Tensor) -> Result<()> {
    let dtype = ours(tensor.dtype()).ok_or_else(|| {
        Error::new(ErrorKind::DtypeUnsupported, format!("elements of candle's {:?} cannot be kept", tensor.dtype()))
    })?;
    let shape = Shape::of_dim(tensor.dims())?;
    let len_bytes = dtype.bytes_of(shape.elements()).unwrap_or_default();
    // What lies on a device or not in order is copied; the rest is shared.
    let tensor = tensor.to_device(&Device::Cpu).and_then(|tensor| tensor.contiguous()).map_err(refused)?;
    store.put(name, dtype, shape, Arc::new(Content { tensor, len_bytes }))
}

/// Fills the variables of a model with the values that a checkpoint has under their names.
///
/// # Errors
/// `restore_key_not_found`, `restore_shape_mismatch`; `dtype_unsupported`; `corrupt`, `io`. Some variables may have been
/// filled by then.
pub fn load(vars: &VarMap, source: &dyn Source) -> Result<()> {
    let named: Vec<(String, Var)> = {
        let data = vars.data().lock().unwrap_or_else(PoisonError::into_inner);
        data.iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    };
    let mut buffer = Vec::new();
    for (name, var) in named {
        let number = source.index_of(&name).ok_or_else(|| {
            Error::new(ErrorKind::RestoreKeyNotFound, format!("there is no {name:?}"))
                .of_variable(&name)
                .in_file(source.path())
        })?;
        let value = tensor(source, number, var.device(), &mut buffer).and_then(|tensor| tensor.to_dtype(var.dtype()));
        let value = value.map_err(|error| refused(error).of_variable(&name))?;
        if value.shape() != var.shape() {
            let what = format!("{name:?} has shape {:?}, but {:?} in the checkpoint", var.dims(), value.dims());
            return Err(Error::new(ErrorKind::RestoreShapeMismatch, what).of_variable(&name));
        }
        var.set(&value).map_err(|error| refused(error).of_variable(&name))?;
    }
    Ok(())
}

fn refused(error: candle_core::Error) -> Error {
    Error::new(ErrorKind::InvalidArgument, "candle refused an operation on the tensor").caused_by(error)
}

/// The bytes of a tensor, read where candle has them.
#[derive(Debug)]
struct Content {
    /// On the processor, in row-major order.
    tensor: Tensor,
    len_bytes: u64,
}

impl Elsewhere for Content {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(start, buffer.len(), self.len_bytes)?;
        let (storage, layout) = self.tensor.storage_and_layout();
        let (Storage::Cpu(storage), Some((first, last))) = (&*storage, layout.contiguous_offsets()) else {
            return Err(Error::new(ErrorKind::InvalidArgument, "the tensor is not in the processor's memory"));
        };
        match storage {
            CpuStorage::U8(x) => copy(&x[first..last], start, buffer),
            CpuStorage::U32(x) => copy(&x[first..last], start, buffer),
            CpuStorage::I16(x) => copy(&x[first..last], start, buffer),
            CpuStorage::I32(x) => copy(&x[first..last], start, buffer),
            CpuStorage::I64(x) => copy(&x[first..last], start, buffer),
            CpuStorage::BF16(x) => copy(&x[first..last], start, buffer),
            CpuStorage::F16(x) => copy(&x[first..last], start, buffer),
            CpuStorage::F32(x) => copy(&x[first..last], start, buffer),
            CpuStorage::F64(x) => copy(&x[first..last], start, buffer),
            CpuStorage::F8E4M3(x) => {
                for (to, from) in buffer.iter_mut().zip(&x[first + start as usize..last]) {
                    *to = from.to_bits();
                }
            }
            _ => return Err(Error::new(ErrorKind::DtypeUnsupported, "elements of this type cannot be kept")),
        }
        Ok(())
    }
}

fn copy<T: NoUninit>(elements: &[T], start: u64, buffer: &mut [u8]) {
    let bytes: &[u8] = bytemuck::cast_slice(elements);
    buffer.copy_from_slice(&bytes[start as usize..start as usize + buffer.len()]);
}
