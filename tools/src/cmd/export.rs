//! `export`: a checkpoint is written in another format.

use std::path::Path;

use varkeep::interop::{self, Export, ExportReport, Format, Source};

use crate::address::Address;
use crate::args;
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};

/// What an export wrote.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) from: String,
    pub(crate) format: Format,
    pub(crate) report: ExportReport,
}

pub(crate) fn run(args: &args::Export) -> Outcome<Exported> {
    let address = Address::parse(&args.from)?;
    let format = match args.format {
        Some(format) => format.into(),
        None => by_name(&args.to)?,
    };
    let source: Box<dyn Source> = match Format::detect(&address.path)? {
        Some(_) => interop::open(&address.path)?,
        None => varkeep::Checkpoint::open(&address.path, address.which.clone())?.to_source()?,
    };
    let only = Filter::new(args.only.as_deref())?;
    let found = source.variables().iter().any(|variable| only.matches(&variable.name));
    check_found(found || source.variables().is_empty(), args.only.as_deref(), &address.to_string())?;
    let mut export = Export::new(format).names(args.names.into()).only(|name| only.matches(name));
    if let Some(most) = args.max_file_bytes {
        export = export.file_bytes(most);
    }
    if args.overwrite {
        export = export.overwrite();
    }
    if args.partial {
        export = export.partial();
    }
    if args.compress {
        export = export.deflate();
    }
    if args.list {
        export = export.list();
    }
    let report = export.run(&*source, &args.to).map_err(|error| {
        let kind = error.kind();
        let failure = Failure::from(error);
        match kind {
            varkeep::ErrorKind::DtypeUnsupported => {
                failure.hint("leave such variables out with `--partial`, or write another format")
            }
            varkeep::ErrorKind::NameTaken => failure.hint("give another path, or replace the files with `--overwrite`"),
            _ => failure,
        }
    })?;
    Ok(Exported { from: address.to_string(), format, report })
}

fn by_name(path: &Path) -> Outcome<Format> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("safetensors") => Ok(Format::SafeTensors),
        Some("npz") => Ok(Format::Npz),
        Some("npy") => Ok(Format::Npy),
        _ => Err(Failure::usage(format!("the name {} does not say which format is meant", path.display()))
            .hint("end it in .safetensors, .npz or .npy, or say `--as tensorflow` for the prefix of a checkpoint")),
    }
}
