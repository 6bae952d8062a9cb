//! A checkpoint of another format, brought into a store as one commit.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{SlicePlace, WholeRecord};
use crate::interop::carried::{Carried, Facts};
use crate::interop::content::{Joined, Piece, Region};
use crate::interop::names::Names;
use crate::interop::report::Note;
use crate::interop::source::{Source, SourceVariable};
use crate::io::{Dir, NoTap, kind_at};
use crate::name;
use crate::scope::Tiles;
use crate::shape::Shape;
use crate::shard::Elsewhere;
use crate::store::{Inserted, Options, Save, SaveReport, Store};
use crate::variable::NO_COMMIT;

/// More slices than this are not made of what a file says in words.
const SLICES_MAX: u64 = 1 << 16;

/// Which names are meant.
type Chooses<'a> = Box<dyn Fn(&str) -> bool + 'a>;

/// How a checkpoint of another format is brought in.
#[must_use = "it says how `import` is to be done"]
pub struct Import<'a> {
    tag: String,
    names: Names,
    prefix: String,
    only: Option<Chooses<'a>>,
    trainable: Option<Chooses<'a>>,
    replace: bool,
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import")
            .field("tag", &self.tag)
            .field("names", &self.names)
            .field("prefix", &self.prefix)
            .field("replace", &self.replace)
            .finish_non_exhaustive()
    }
}

/// What an import did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportReport {
    /// The commit that was made.
    pub save: SaveReport,
    /// Variables that were brought in; a partitioned one counts once.
    pub variables: u64,
    /// What came in otherwise than it was there, or not at all.
    pub notes: Vec<Note>,
}

impl<'a> Import<'a> {
    /// An import that is saved under this tag.
    pub fn tag(tag: impl Into<String>) -> Self {
        let (names, prefix) = (Names::Keep, String::new());
        Self { tag: tag.into(), names, prefix, only: None, trainable: None, replace: false }
    }

    /// How names are written in the store.
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// What names begin with in the store: `pretrained/` puts all into that scope.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Brings in only what this chooses, by the names of the source.
    pub fn only(mut self, chooses: impl Fn(&str) -> bool + 'a) -> Self {
        self.only = Some(Box::new(chooses));
        self
    }

    /// Which variables are to be trainable, by the names of the source, where it does not say so itself. Without this
    /// the floating-point ones are.
    pub fn trainable(mut self, chooses: impl Fn(&str) -> bool + 'a) -> Self {
        self.trainable = Some(Box::new(chooses));
        self
    }

    /// Lets variables take the place of those that the store has under their names, and the checkpoint that of one with
    /// the same tag. What is equal is not written again.
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Brings a checkpoint into the store in the folder at `path`, which is made if there is none, beside what it holds.
    ///
    /// It is one commit: when this returns all of it is durable under the tag, and if it fails nothing of it is there.
    /// Values are read a chunk at a time. A variable that the source has in slices is a partitioned variable here.
    ///
    /// # Errors
    /// `store_in_use` and others of [`Store::open`]; `invalid_tag`, `tag_exists`; `name_taken`, if the store has one of
    /// the names or two names meet; `dtype_unsupported`, if something chosen is no variable that varkeep can hold;
    /// `saver_no_variables`, if nothing is chosen; `corrupt` and `io` of the source; those of a commit.
    pub fn run(self, source: impl Into<Arc<dyn Source>>, path: impl AsRef<Path>) -> Result<ImportReport> {
        let source: Arc<dyn Source> = source.into();
        let path = path.as_ref();
        name::check_tag(&self.tag)?;
        let is_new = kind_at(path).is_none();
        let imported = self.run_in(&source, path);
        if imported.is_err() && is_new && kind_at(path).is_some() {
            // What stays, if even this fails, is a store without a commit.
            let _half_made = Dir::open(path, NoTap::shared()).and_then(|dir| dir.remove_tree());
        }
        imported
    }

    fn run_in(&self, source: &Arc<dyn Source>, path: &Path) -> Result<ImportReport> {
        let carried = Carried::from_texts(source.metadata());
        let mut notes: Vec<Note> = Vec::new();
        for key in &carried.ill_formed {
            notes.push(Note::general(format!(
                "the source's {key:?} is not what varkeep writes there, and was not used"
            )));
        }
        let chosen = self.chosen(source)?;
        let names = self.names.all(chosen.iter().map(|i| source.variables()[*i].name.as_str()), &self.prefix)?;
        let store = Options::default().open(path)?;
        self.check_free(&store, names.values())?;
        let mut order = chosen.clone();
        let ordinal = |i: &usize| carried.variables.get(&source.variables()[*i].name).map(|facts| facts.ordinal);
        order.sort_by_key(|i| (ordinal(i).unwrap_or(u64::MAX), *i));
        let taken: HashSet<&str> = names.values().map(String::as_str).collect();
        for i in order {
            let held = &source.variables()[i];
            let name = &names[held.name.as_str()];
            let facts = carried.variables.get(&held.name).filter(|facts| facts.is_durable()).cloned();
            let facts = facts.unwrap_or_else(|| Facts::assumed(self.is_trainable(held)));
            let enter = Entering { store: &store, source, variable: i, held, name, facts: &facts };
            let entered = enter.enter(|slice| taken.contains(slice));
            notes.extend(entered.map_err(|error| error.of_variable(name))?);
        }
        for (alias, target) in &carried.aliases {
            let Some(target) = names.get(target.as_str()) else { continue };
            let alias = self.names.all([alias.as_str()], &self.prefix)?.remove(alias.as_str()).unwrap_or_default();
            if store.has(&alias)? {
                notes.push(Note::of(&alias, format!("it stood for {target:?}, and something has the name")));
            } else {
                store.insert_alias(&alias, target)?;
            }
        }
        let save = Save::of_bytes(self.tag.clone(), self.replace, carried.metadata_bytes());
        let save = store.save(save)?;
        Ok(ImportReport { save, variables: names.len() as u64, notes })
    }

    /// The variables to be brought in.
    fn chosen(&self, source: &Arc<dyn Source>) -> Result<Vec<usize>> {
        let chooses = |name: &str| self.only.as_ref().is_none_or(|chooses| chooses(name));
        if let Some(refused) = source.refused().iter().find(|refused| chooses(&refused.name)) {
            let what = format!("{:?} cannot be brought in: {}", refused.name, refused.why);
            return Err(Error::new(ErrorKind::DtypeUnsupported, what)
                .of_variable(&refused.name)
                .in_file(source.path())
                .advise("leave it out by choosing the others"));
        }
        let chosen: Vec<usize> =
            (0..source.variables().len()).filter(|i| chooses(&source.variables()[*i].name)).collect();
        if chosen.is_empty() {
            return Err(Error::new(ErrorKind::SaverNoVariables, "there is nothing to bring in").in_file(source.path()));
        }
        Ok(chosen)
    }

    fn check_free<'n>(&self, store: &Store, names: impl Iterator<Item = &'n String>) -> Result<()> {
        for name in names {
            let is_taken = if self.replace { store.vacate(name).map(|_| false) } else { store.has(name) };
            if is_taken? {
                return Err(Error::new(ErrorKind::NameTaken, format!("the store has a variable {name:?} already"))
                    .of_variable(name)
                    .in_file(store.path())
                    .advise("replace it expressly, or bring the checkpoint in under a prefix"));
            }
        }
        Ok(())
    }

    fn is_trainable(&self, held: &SourceVariable) -> bool {
        match &self.trainable {
            Some(chooses) => chooses(&held.name),
            None => held.dtype.is_floating(),
        }
    }
}

/// One variable on its way in.
struct Entering<'a> {
    store: &'a Store,
    source: &'a Arc<dyn Source>,
    variable: usize,
    held: &'a SourceVariable,
    name: &'a str,
    facts: &'a Facts,
}

impl Entering<'_> {
    fn enter(&self, is_taken: impl Fn(&str) -> bool) -> Result<Option<Note>> {
        let Self { held, name, facts, .. } = *self;
        let (counts, note) = match self.counts() {
            Ok(counts) => (counts, None),
            Err(why) => (Vec::new(), Some(Note::of(name, format!("it came in as one piece: {why}")))),
        };
        let tiles = if counts.is_empty() { None } else { Some(Tiles::new(held.shape.clone(), &counts)?) };
        let slices: Vec<_> = tiles.iter().flat_map(Tiles::iter).collect();
        let names: Vec<String> = (0..slices.len()).map(|k| name::slice_of(name, k)).collect();
        let meets = names.iter().find(|slice| is_taken(slice) || self.store.has(slice).unwrap_or(true));
        if slices.is_empty() || meets.is_some() {
            let whole = (vec![0; held.shape.rank()], held.shape.clone());
            self.store.insert(Inserted {
                name: name.to_owned(),
                statics: facts.statics(held.dtype, &held.shape),
                shape: held.shape.clone(),
                content: self.content(whole)?,
            })?;
            return Ok(note.or_else(|| {
                meets.map(|slice| {
                    Note::of(name, format!("it came in as one piece: {slice:?} is another variable's name"))
                })
            }));
        }
        for ((k, tile), slice) in (0_u32..).zip(&slices).zip(&names) {
            let mut statics = facts.statics(held.dtype, &tile.shape);
            statics.slice = Some(SlicePlace { whole: name.to_owned(), ordinal: k, offset: tile.offset.clone() });
            self.store.insert(Inserted {
                name: slice.clone(),
                statics,
                shape: tile.shape.clone(),
                content: self.content((tile.offset.clone(), tile.shape.clone()))?,
            })?;
        }
        let (dtype, shape) = (held.dtype, held.shape.clone());
        let record = WholeRecord { ordinal: 0, dtype, shape, counts, slices: names, first_commit: NO_COMMIT };
        self.store.insert_whole(name, record)?;
        Ok(note)
    }

    /// Into how many slices each axis is cut; none for a variable in one piece. An error says why it cannot be as it is
    /// in the source.
    fn counts(&self) -> Result<Vec<u64>, String> {
        let Self { held, facts, .. } = *self;
        let of_pieces = |axis: usize| {
            let mut starts: Vec<u64> = held.pieces.iter().map(|piece| piece.offset[axis]).collect();
            starts.sort_unstable();
            starts.dedup();
            starts.len() as u64
        };
        let (counts, is_of_source) = match &facts.partitions[..] {
            [] if held.pieces.len() == 1 => return Ok(Vec::new()),
            [] => ((0..held.shape.rank()).map(of_pieces).collect(), true),
            said => (said.to_vec(), false),
        };
        let slices = counts.iter().try_fold(1_u64, |product, count| product.checked_mul(*count));
        let tiles = Tiles::new(held.shape.clone(), &counts).map_err(|error| error.what().to_owned())?;
        if slices.is_none_or(|slices| slices > SLICES_MAX) || !tiles.all_exist() {
            return Err(format!("{counts:?} slices cannot be made of shape {}", held.shape));
        }
        let is_even = || {
            tiles.iter().zip(&held.pieces).all(|(tile, piece)| tile.offset == piece.offset && tile.shape == piece.shape)
        };
        if is_of_source && (slices != Some(held.pieces.len() as u64) || !is_even()) {
            return Err("its slices are not cut as evenly as TensorFlow's partitioners cut".to_owned());
        }
        if held.dtype.element_bytes().is_none() && held.dtype != DType::String {
            return Err("its elements share bytes".to_owned());
        }
        Ok(counts)
    }

    /// What is read for a region of the value.
    fn content(&self, region: (Vec<u64>, Shape)) -> Result<Arc<dyn Elsewhere>> {
        let (source, variable) = (Arc::clone(self.source), self.variable);
        let held = self.held;
        let same = held.pieces.iter().position(|piece| piece.offset == region.0 && piece.shape == region.1);
        Ok(match same {
            Some(piece) => Arc::new(Piece::new(source, variable, piece)?),
            None if held.dtype == DType::String => Arc::new(Joined::new(&*source, variable, region)?),
            None => Arc::new(Region::new(source, variable, region)),
        })
    }
}
