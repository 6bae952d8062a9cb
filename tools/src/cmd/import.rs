//! `import`: a checkpoint of another format becomes a checkpoint of a store.

use varkeep::interop::{self, Format, Import, ImportReport};
use varkeep::{ErrorKind, Which};

use crate::address::Address;
use crate::args;
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};

/// The tag where none is given.
const TAG: &str = "imported";

/// What an import did.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) from: String,
    pub(crate) format: Format,
    pub(crate) store: String,
    pub(crate) tag: String,
    pub(crate) report: ImportReport,
}

pub(crate) fn run(args: &args::Import) -> Outcome<Imported> {
    let address = Address::parse(&args.store)?;
    let tag = match &address.which {
        Which::Head => TAG.to_owned(),
        Which::Tag(tag) => tag.clone(),
        _ => return Err(Failure::usage("an import makes a commit of its own: give a tag, not a number")),
    };
    let source = match args.format {
        Some(format) => interop::open_as(format.into(), &args.from)?,
        None => interop::open(&args.from)?,
    };
    let (only, trainable) = (Filter::new(args.only.as_deref())?, Filter::new(args.trainable.as_deref())?);
    let is_chosen = |name: &str| only.matches(name);
    let found = source.variables().iter().any(|variable| is_chosen(&variable.name));
    check_found(found || source.variables().is_empty(), args.only.as_deref(), &args.from.to_string_lossy())?;
    let format = source.format().unwrap_or(Format::SafeTensors);
    let mut import = Import::tag(&tag).names(args.names.into()).prefix(&args.prefix).only(is_chosen);
    if args.trainable.is_some() {
        import = import.trainable(|name| trainable.matches(name));
    }
    if args.replace {
        import = import.replace();
    }
    let report = import.run(source, &address.path).map_err(|error| {
        let is_taken = error.kind() == ErrorKind::NameTaken;
        let failure = Failure::from(error);
        if is_taken {
            failure.hint("replace it with `--replace`, or bring the checkpoint in under a `--prefix`")
        } else {
            failure
        }
    })?;
    let (from, store) = (args.from.display().to_string(), address.path.display().to_string());
    Ok(Imported { from, format, store, tag, report })
}
