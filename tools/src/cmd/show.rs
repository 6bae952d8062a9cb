//! `show`: the values of a variable.

use varkeep::{DType, SavedVariable};

use crate::address::Address;
use crate::args::{self, Format};
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};
use crate::numpy::{self, Values};
use crate::select::Selection;
use crate::slice::Slice;
use crate::ui::Ui;

/// Values of a variable, or of a slice of it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) subject: Subject,
    pub(crate) name: String,
    pub(crate) dtype: &'static str,
    /// Of the variable.
    pub(crate) shape: Vec<u64>,
    pub(crate) slice: Option<String>,
    /// Of the values.
    pub(crate) sizes: Vec<u64>,
    pub(crate) content: Content,
}

/// The values, as they were asked for.
#[derive(Debug)]
pub(crate) enum Content {
    /// As NumPy prints them.
    Text(String),
    /// All of them.
    Values(Values),
    /// Their bytes.
    Raw(Vec<u8>),
    /// The bytes of this variable, to be read as they are written.
    RawAll(Box<SavedVariable>),
}

pub(crate) fn run(args: &args::Show, ui: &Ui) -> Outcome<Shown> {
    let format = match (ui.is_json(), args.format) {
        (true, Format::Raw) => return Err(Failure::usage("`--json` and `--format raw` ask for different things")),
        (true, _) => Format::Json,
        (false, format) => format,
    };
    let address = Address::parse(&args.checkpoint)?;
    let slice = args.slice.as_deref().map(Slice::parse).transpose()?;
    let checkpoint = address.open()?;
    let variable = checkpoint.get(&args.name)?;
    let axes = slice.unwrap_or_else(Slice::all).axes(variable.shape().sizes())?;
    let (dtype, shape) = (variable.dtype(), variable.shape().sizes().to_vec());
    let selection = Selection::new(&variable, axes);
    let (sizes, is_all) = (selection.sizes(), selection.is_all());
    let content = match format {
        Format::Text => Content::Text(numpy::format(&selection.shown()?, &sizes)),
        Format::Json => Content::Values(selection.all()?),
        Format::Raw if dtype == DType::String => {
            return Err(Failure::usage("byte strings differ in length and have no raw form").hint("use `--json`"));
        }
        Format::Raw if is_all => Content::RawAll(Box::new(variable)),
        Format::Raw => Content::Raw(selection.bytes()?),
    };
    let subject = Subject::of(&address, &checkpoint);
    ui.note_to_person(&format!("{} {} {shape:?}, {}", args.name, dtype.name(), subject.address));
    Ok(Shown {
        subject,
        name: args.name.clone(),
        dtype: dtype.name(),
        shape,
        slice: args.slice.clone(),
        sizes,
        content,
    })
}
