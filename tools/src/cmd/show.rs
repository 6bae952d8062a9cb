//! `show`: the values of a variable.

use varkeep::DType;

use crate::address::Address;
use crate::args::{self, Format};
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};
use crate::numpy;
use crate::opened::Opened;
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

/// The values, as they were asked for. All but text are read as they are written: they may be larger than memory.
#[derive(Debug)]
pub(crate) enum Content {
    /// As NumPy prints them.
    Text(String),
    Json(Selection),
    Csv(Selection),
    Npy(Selection),
    Raw(Selection),
}

pub(crate) fn run(args: &args::Show, ui: &Ui) -> Outcome<Shown> {
    let format = match (ui.is_json(), args.format) {
        (true, Format::Text | Format::Json) => Format::Json,
        (true, _) => return Err(Failure::usage("`--json` and `--format` ask for different things")),
        (false, format) => format,
    };
    let address = Address::parse(&args.checkpoint)?;
    let slice = args.slice.as_deref().map(Slice::parse).transpose()?;
    let opened = Opened::open(&address)?;
    let item = opened.get(&args.name)?;
    let axes = slice.unwrap_or_else(Slice::all).axes(&item.shape)?;
    let (dtype, shape) = (item.dtype, item.shape.clone());
    let selection = Selection::new(item, axes);
    let sizes = selection.sizes();
    let content = match format {
        Format::Text => Content::Text(numpy::format(&selection.shown()?, &sizes)),
        Format::Json => Content::Json(selection),
        Format::Csv => Content::Csv(selection),
        Format::Npy => Content::Npy(selection),
        Format::Raw if dtype == DType::String => {
            return Err(Failure::usage("byte strings differ in length and have no raw form")
                .hint("use `--json`, `--format csv` or `--format npy`"));
        }
        Format::Raw => Content::Raw(selection),
    };
    if matches!(format, Format::Npy | Format::Raw) && ui.writes_to_terminal() {
        return Err(Failure::usage("binary values would only confuse the terminal")
            .hint("redirect them into a file: `… --format npy > values.npy`"));
    }
    let subject = opened.subject(&address);
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
