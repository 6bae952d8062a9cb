//! Sections 3 and 4 of the specification: a get, with the checks in their order; steps A, B, C and E.

use varkeep::scope::Reuse;

use super::{
    GLOBAL, Got, LOCAL, Naive, NaiveVariable, Request, TRAINABLE, Word, compatible, is_well_formed, join, known,
};
use crate::naive::slice_of;
use crate::program::{Get, Getter, Init, Kind, Penalty};
use crate::value::Cell;

/// What is to be made under a name.
pub(super) struct Made {
    pub(super) kind: Kind,
    pub(super) held: Vec<u64>,
    pub(super) declared: Option<Vec<Option<u64>>>,
    pub(super) cells: Option<Vec<Cell>>,
}

impl Naive {
    pub fn get(&mut self, get: &Get) -> Result<Got, Word> {
        let scope = self.current().clone();
        if let (Some(kind), Some(own)) = (get.kind, get.initializer.and_then(Init::value_kind))
            && kind != own
        {
            return Err("initializer_dtype_mismatch");
        }
        let mut collections = get.collections();
        if get.local {
            collections.get_or_insert_default().push(LOCAL.to_owned());
        }
        let request = Request {
            name: join(&scope.name, get.name.get()),
            shape: get.shape.map(crate::program::ShapeArgument::axes),
            kind: get.kind.unwrap_or(scope.kind),
            initializer: get.initializer.or(scope.initializer),
            penalty: get.penalty.or(scope.penalty),
            reuse: Some(scope.reuse),
            trainable: !get.local && get.trainable.unwrap_or(true),
            collections,
            also: get.also,
            device: get.device.map(|device| device.get()).or(scope.device).map(str::to_owned),
            cut: get.cut.or(scope.cut),
            validate_shape: get.validate_shape.unwrap_or(true),
            getters: get.getter.map_or(scope.getters, |getter| vec![getter]),
        };
        let before = self.names.clone();
        let mut is_new = false;
        let got = self.chain(request, &mut is_new);
        if got.is_err() {
            self.names = before;
        }
        got.map(|id| Got { id, is_new })
    }

    /// Section 7: the innermost getter first, behind the outermost the true one.
    fn chain(&mut self, mut request: Request, is_new: &mut bool) -> Result<super::Id, Word> {
        if request.getters.is_empty() {
            let before = self.names.clone();
            let got = self.true_get(&request);
            match got {
                Ok(got) => *is_new |= got.is_new,
                Err(_) => self.names = before,
            }
            return got.map(|got| got.id);
        }
        match request.getters.remove(0) {
            Getter::Suffix => request.name.push_str("_g"),
            Getter::DropPartitioner => request.cut = None,
            Getter::AnyReuse => request.reuse = None,
            Getter::Scalar => request.shape = Some(Vec::new()),
            Getter::Reuse(reuse) => request.reuse = Some(reuse.mode()),
            Getter::Kind(kind) => request.kind = kind,
            Getter::Initializer(initializer) => request.initializer = initializer,
            Getter::Cut(cut) => request.cut = Some(cut),
            Getter::Trainable => (request.collections, request.trainable) = (None, true),
            Getter::Refuses => return Err("invalid_argument"),
            Getter::FailsAfterwards => {
                self.chain(request, is_new)?;
                return Err("invalid_argument");
            }
            Getter::Twice => {
                self.chain(request.clone(), is_new)?;
            }
            Getter::OtherFirst => {
                let _ = self.chain(Request { name: "w".to_owned(), ..request.clone() }, is_new);
            }
        }
        self.chain(request, is_new)
    }

    /// Step C.
    fn true_get(&mut self, request: &Request) -> Result<Got, Word> {
        let reuse = request.reuse.unwrap_or(Reuse::Auto);
        let is_scalar = request.shape.as_ref().is_some_and(Vec::is_empty);
        if let Some(cut) = request.cut
            && !is_scalar
        {
            return self.partitioned(request, reuse, Some(cut));
        }
        let whole_exists = self.names.wholes.contains_key(&request.name);
        if reuse == Reuse::Require && request.cut.is_none() && whole_exists {
            return self.partitioned(request, reuse, None);
        }
        if reuse == Reuse::Resume && self.is_unclaimed_whole(&request.name) {
            return self.resume_whole_in_one_piece(request);
        }
        if self.names.variables.contains_key(&slice_of(&request.name, 0)) {
            return Err("partitioner_missing");
        }
        self.single(request, reuse)
    }

    /// Step E.
    fn single(&mut self, request: &Request, reuse: Reuse) -> Result<Got, Word> {
        let initializer = request.initializer;
        if initializer.is_some_and(|initializer| initializer.is_value()) && request.shape.is_some() {
            return Err("constant_initializer_with_shape");
        }
        if let Some(found) = self.names.variables.get(&request.name) {
            match reuse {
                Reuse::Refuse => return Err("variable_exists"),
                Reuse::Resume if found.claimed => return Err("variable_exists"),
                Reuse::Resume => self.check_resumed(request, found)?,
                Reuse::Require | Reuse::Auto => {
                    if !compatible(request.shape.as_deref(), found.declared.as_deref()) {
                        return Err("shape_mismatch");
                    }
                    if request.kind != found.kind {
                        return Err("dtype_mismatch");
                    }
                }
            }
            let id = self.claim(&request.name);
            return Ok(Got { id, is_new: false });
        }
        if reuse == Reuse::Require {
            return Err("variable_not_found");
        }
        let full: Option<Vec<u64>> = request.shape.as_ref().and_then(|axes| axes.iter().copied().collect());
        match initializer {
            None => {
                if request.shape.is_none() {
                    return Err("shape_required");
                }
                if request.kind == Kind::Complex {
                    return Err("initializer_required");
                }
                if full.is_none() {
                    return Err("shape_not_fully_defined");
                }
            }
            Some(Init::Nullary(..)) if request.shape.is_some() && full.is_none() => {
                return Err("shape_not_fully_defined");
            }
            Some(initializer) if initializer.is_function_of_place() && full.is_none() => {
                return Err("shape_not_fully_defined");
            }
            Some(_) => {}
        }
        if !is_well_formed(&request.name, false) {
            return Err("invalid_name");
        }
        let made = match initializer {
            Some(Init::Nullary(kind, sizes)) => {
                if request.shape.is_some() {
                    return Err("initializer_takes_no_arguments");
                }
                let cells = Init::pattern_of(kind, sizes.get());
                self.of_value(request, kind, sizes.get(), cells)
            }
            // With no axes, to know their number is to know the shape.
            Some(value) if value.is_value() && request.validate_shape && !value.knows_its_shape() => {
                return Err("initial_value_shape_unknown");
            }
            Some(value) if value.is_value() => {
                let (kind, sizes, cells) = value.own();
                self.of_value(request, kind, &sizes, cells)
            }
            function => {
                let full = full.expect("it was looked at above");
                let cells = super::initial::run(function, request.kind, &full, &vec![0; full.len()], &full)?;
                Made { kind: request.kind, declared: Some(known(&full)), held: full, cells }
            }
        };
        let id = self.create(&request.name.clone(), request, made)?;
        Ok(Got { id, is_new: true })
    }

    /// A value brings kind and shape; without validation the shape is not declared.
    fn of_value(&self, request: &Request, kind: Kind, sizes: &[u64], cells: Vec<Cell>) -> Made {
        let declared = request.validate_shape.then(|| known(sizes));
        Made { kind, held: sizes.to_vec(), declared, cells: Some(cells) }
    }

    /// Steps E.6 and E.7: makes a variable, joins the collections, evaluates the regularizer.
    pub(super) fn create(&mut self, name: &str, request: &Request, made: Made) -> Result<super::Id, Word> {
        let has_loss = request.penalty == Some(Penalty::L2);
        if has_loss && !made.kind.is_floating() {
            return Err("regularizer_unsupported_dtype");
        }
        let mut keys: Vec<String> = request.collections.clone().unwrap_or_else(|| vec![GLOBAL.to_owned()]);
        if request.also {
            keys.push("also".to_owned());
        }
        if request.trainable {
            keys.push(TRAINABLE.to_owned());
        }
        let (id, order) = (self.next_id(), self.next_order());
        let variable = NaiveVariable {
            id,
            kind: made.kind,
            declared: made.declared,
            held: made.held,
            cells: made.cells,
            trainable: request.trainable,
            collections: keys.into_iter().collect(),
            device: request.device.clone(),
            has_loss,
            order,
            claimed: true,
        };
        self.names.variables.insert(name.to_owned(), variable);
        Ok(id)
    }

    /// Notes that this session has got what is found.
    pub(super) fn claim(&mut self, name: &str) -> super::Id {
        if let Some(variable) = self.names.variables.get_mut(name) {
            variable.claimed = true;
            return variable.id;
        }
        let whole = self.names.wholes.get_mut(name).expect("it was found");
        whole.claimed = true;
        whole.id
    }
}
