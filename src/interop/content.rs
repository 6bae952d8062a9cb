//! Values of a source as what a shard is written from.

use std::sync::Arc;

use crate::error::Result;
use crate::interop::region;
use crate::interop::source::{Source, check_range};
use crate::shape::Shape;
use crate::shard::Elsewhere;
use crate::tensor::Tensor;

/// A piece as it lies there.
#[derive(Debug)]
pub(crate) struct Piece {
    source: Arc<dyn Source>,
    variable: usize,
    number: usize,
    len_bytes: u64,
}

impl Piece {
    pub(crate) fn new(source: Arc<dyn Source>, variable: usize, piece: usize) -> Result<Self> {
        let len_bytes = source.len_bytes(variable, piece)?;
        Ok(Self { source, variable, number: piece, len_bytes })
    }
}

impl Elsewhere for Piece {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        self.source.read_at(self.variable, self.number, start, buffer)
    }
}

/// A region that is no piece there: cut out of one, or put together from several.
#[derive(Debug)]
pub(crate) struct Region {
    source: Arc<dyn Source>,
    variable: usize,
    place: (Vec<u64>, Shape),
    len_bytes: u64,
}

impl Region {
    pub(crate) fn new(source: Arc<dyn Source>, variable: usize, region: (Vec<u64>, Shape)) -> Self {
        let len_bytes = source.variables()[variable].dtype.bytes_of(region.1.elements()).unwrap_or_default();
        Self { source, variable, place: region, len_bytes }
    }
}

impl Elsewhere for Region {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        region::read(&*self.source, self.variable, &self.place, start, buffer)
    }
}

/// A region of byte strings, which has to be in memory to be cut or put together.
#[derive(Debug)]
pub(crate) struct Joined {
    tensor: Tensor,
}

impl Joined {
    pub(crate) fn new(source: &dyn Source, variable: usize, (offset, shape): (Vec<u64>, Shape)) -> Result<Self> {
        Ok(Self { tensor: source.tensor(variable)?.cut(&offset, &shape)? })
    }
}

impl Elsewhere for Joined {
    fn len_bytes(&self) -> u64 {
        self.tensor.bytes().len() as u64
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(start, buffer.len(), self.len_bytes())?;
        buffer.copy_from_slice(&self.tensor.bytes()[start as usize..start as usize + buffer.len()]);
        Ok(())
    }
}
