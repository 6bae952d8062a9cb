//! Carrying out steps against an open store.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use varkeep::scope::{Tile, save_slice_info};
use varkeep::{
    Checkpoint, LoadOptions, Result, Save, SavedKind, SavedVariable, Scope, ScopeHandle, ScopeName, Store, Tensor,
    Variable,
};
use varkeep::{Error, ErrorKind};

use crate::arguments::{Getter, Touched, collections, getter, initializer, partitioner, regularizer, reuse};
use crate::program::{Outcome, Step};
use crate::values::{dtype, flat, partial_shape, partial_shape_json, shape_json, tensor, text};

/// The seed of every store, so that two replays make the same random values.
pub(crate) const SEED: u64 = 0x5eed;

/// The tag of the checkpoint by which a program's end is looked at.
const END: &str = "end-of-the-program";

/// How the numbers of variables in a program find the variables.
pub(crate) enum Handles {
    /// The variables themselves, in the order in which they were first returned.
    Held(Vec<Variable>),
    /// Their full names, each with the graph it is of: the handles of an earlier session are gone.
    Named { names: Vec<(usize, String)>, graph: usize },
}

impl Handles {
    fn variable(&self, number: &Json, store: &Store) -> Variable {
        let number = number.as_u64().expect("a handle is a number") as usize;
        match self {
            Self::Held(variables) => variables[number].clone(),
            Self::Named { names, .. } => {
                store.find(&names[number].1).expect("it is readable").expect("a durable variable is found by its name")
            }
        }
    }

    fn number(&mut self, variable: &Variable) -> Json {
        match self {
            Self::Held(variables) => {
                let known = variables.iter().position(|other| other == variable);
                json!(known.unwrap_or_else(|| {
                    variables.push(variable.clone());
                    variables.len() - 1
                }))
            }
            Self::Named { names, graph } => {
                json!(names.iter().position(|(of, name)| of == graph && *name == variable.name()))
            }
        }
    }
}

/// What a program has besides the store.
pub(crate) struct Session {
    pub(crate) handles: Handles,
    /// Where each checkpoint lies.
    pub(crate) checkpoints: HashMap<String, PathBuf>,
    /// The full names that the last get asked for.
    pub(crate) touched: Touched,
}

pub(crate) fn open_store(path: &PathBuf) -> Store {
    Store::options().seed(SEED).open(path).expect("the folder is there and writable")
}

fn given<'a>(arguments: &'a Json, key: &str) -> &'a Json {
    arguments.get(key).unwrap_or(&Json::Null)
}

fn passing(getter: Getter) -> impl varkeep::scope::CustomGetter<Variable> {
    move |next: &mut varkeep::scope::Next<'_, Variable>, request| getter.get(next, request)
}

/// Enters a scope.
pub(crate) fn enter<'s>(
    scope: &'s Scope<'_>,
    step: &Step,
    labels: &HashMap<String, ScopeHandle>,
    touched: &Touched,
) -> Result<Scope<'s>> {
    let arguments = &step.arguments;
    let given = |key: &str| given(arguments, key);
    // Arguments that are refused when they are built fail before the scope is looked at.
    let initializer = initializer(given("initializer"))?;
    let regularizer = regularizer(given("regularizer"))?;
    let partitioner = partitioner(given("partitioner"))?;
    let getter = getter(given("custom_getter"), touched)?;
    let label = given("reopen").as_str().map(|label| labels[label].clone());
    let name = match (&label, given("scope")) {
        (Some(handle), _) => Some(ScopeName::Handle(handle)),
        (None, Json::Null) => None,
        (None, Json::String(name)) => Some(ScopeName::Name(name)),
        (None, _) => return Err(Error::new(ErrorKind::ScopeNameType, "this cannot be said")),
    };
    let mut open = scope.scope_or(name, given("default_name").as_str());
    if let Some(reuse) = reuse(given("reuse"))? {
        open = open.reuse_mode(reuse);
    }
    if let Some(initializer) = initializer {
        open = open.initializer(initializer);
    }
    if let Some(regularizer) = regularizer {
        open = open.regularizer(regularizer);
    }
    if let Some(partitioner) = partitioner {
        open = open.partitioner(partitioner);
    }
    if let Some(getter) = getter {
        open = open.custom_getter(passing(getter));
    }
    if let Some(device) = given("caching_device").as_str() {
        open = open.caching_device(device);
    }
    if !given("dtype").is_null() {
        open = open.dtype(dtype(given("dtype")));
    }
    open.enter()
}

/// What entering a scope is compared by.
pub(crate) fn entered(scope: &Scope<'_>) -> Json {
    use varkeep::scope::Reuse;
    let reuse = match scope.reuse() {
        Reuse::Refuse => json!(false),
        Reuse::Require => json!(true),
        Reuse::Auto => json!("auto"),
        Reuse::Resume => json!("resume"),
    };
    json!({"name": scope.name(), "reuse": reuse, "dtype": scope.dtype().name()})
}

/// Calls the setters that a step names. All arguments are built before any setter is called.
pub(crate) fn set(scope: &Scope<'_>, arguments: &Json, touched: &Touched) -> Outcome {
    let given = |key: &str| given(arguments, key);
    let regularizer = regularizer(given("regularizer"))?;
    let partitioner = partitioner(given("partitioner"))?;
    let initializer = initializer(given("initializer"))?;
    let getter = getter(given("custom_getter"), touched)?;
    for key in arguments.as_object().expect("an object").keys() {
        match key.as_str() {
            "initializer" => scope.set_initializer(initializer.clone()),
            "regularizer" => scope.set_regularizer(regularizer.clone()),
            "partitioner" => scope.set_partitioner(partitioner.clone()),
            "custom_getter" => scope.set_custom_getter(getter.clone()),
            "caching_device" => scope.set_caching_device(given(key).as_str().map(Into::into)),
            "dtype" => scope.set_dtype(dtype(given(key))),
            other => panic!("unknown setter {other:?}"),
        }
    }
    Ok(json!({}))
}

impl Session {
    /// Carries out a step that neither enters nor leaves a scope.
    pub(crate) fn act(&mut self, store: &Store, scope: &Scope<'_>, step: &Step) -> Outcome {
        self.touched.lock().expect("no getter panics").clear();
        let arguments = &step.arguments;
        match step.name.as_str() {
            "get_variable" | "get_local_variable" => self.get(scope, step),
            "collection" => collection(store, scope, arguments),
            "assign" => {
                let variable = self.handles.variable(&arguments["handle"], store);
                let value = tensor(&arguments["value"]);
                if given(arguments, "validate_shape").as_bool() == Some(false) {
                    variable.assign_any_shape(value)?;
                } else {
                    variable.assign(value)?;
                }
                valued(&variable)
            }
            "read" => valued(&self.handles.variable(&arguments["handle"], store)),
            "reuse_variables" => {
                scope.reuse_variables();
                Ok(json!({}))
            }
            "set" => set(scope, arguments, &self.touched),
            "save" => {
                let tag = text(&arguments["as"]);
                store.save(Save::tag(&tag).replace())?;
                let path = store.path().to_owned();
                let saved = saved(&Checkpoint::open(&path, &tag)?)?;
                self.checkpoints.insert(tag, path);
                Ok(json!({ "saved": saved }))
            }
            "restore" => {
                let tag = text(&arguments["from"]);
                let path = self.checkpoints.get(&tag).map_or_else(|| store.path().to_owned(), Clone::clone);
                store.load_from(path, &tag, &LoadOptions::strict())?;
                Ok(json!({}))
            }
            other => panic!("unknown step {other:?}"),
        }
    }

    fn get(&mut self, scope: &Scope<'_>, step: &Step) -> Outcome {
        let arguments = &step.arguments;
        let given = |key: &str| given(arguments, key);
        let name = text(&arguments["name"]);
        let full_name = if scope.name().is_empty() { name.clone() } else { format!("{}/{name}", scope.name()) };
        self.touched.lock().expect("no getter panics").push(full_name);
        let mut get = match step.name.as_str() {
            "get_variable" => scope.get_variable(&name),
            _ => scope.get_local_variable(&name),
        };
        // What the types exclude fails here, unless the corpus says that something else fails before it is looked at.
        match collections(given("collections")) {
            Ok(Some(keys)) => get = get.collections(keys),
            Err(error) if step.is_untypable() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        if !given("shape").is_null() {
            get = get.partial_shape(partial_shape(given("shape")));
        }
        if !given("dtype").is_null() {
            get = get.dtype(dtype(given("dtype")));
        }
        if let Some(initializer) = initializer(given("initializer"))? {
            get = get.initializer(initializer);
        }
        if let Some(regularizer) = regularizer(given("regularizer"))? {
            get = get.regularizer(regularizer);
        }
        if let Some(partitioner) = partitioner(given("partitioner"))? {
            get = get.partitioner(partitioner);
        }
        if let Some(getter) = getter(given("custom_getter"), &self.touched)? {
            get = get.custom_getter(passing(getter));
        }
        if let Some(trainable) = given("trainable").as_bool() {
            get = get.trainable(trainable);
        }
        if let Some(validate_shape) = given("validate_shape").as_bool() {
            get = get.validate_shape(validate_shape);
        }
        if let Some(device) = given("caching_device").as_str() {
            get = get.caching_device(device);
        }
        let gotten = get.get_reported()?;
        let mut outcome = described(&gotten.variable)?;
        outcome["created"] = json!(gotten.is_new);
        outcome["handle"] = self.handles.number(&gotten.variable);
        Ok(outcome)
    }
}

/// What a default saver would write now.
pub(crate) fn saved_at_end(store: &Store) -> Result<Json> {
    match store.save(Save::tag(END).replace()) {
        Ok(_) => saved(&Checkpoint::open(store.path(), END)?),
        Err(error) if error.kind() == ErrorKind::SaverNoVariables => Ok(json!([])),
        Err(error) => Err(error),
    }
}

fn valued(variable: &Variable) -> Outcome {
    let value = variable.tensor()?;
    Ok(json!({"value": flat(&value), "value_shape": shape_json(value.shape())}))
}

/// Everything that a get is compared by but identity and creation.
pub(crate) fn described(variable: &Variable) -> Outcome {
    let mut outcome = valued(variable)?;
    outcome["name"] = json!(variable.name());
    outcome["shape"] = partial_shape_json(&variable.declared_shape());
    outcome["dtype"] = json!(variable.dtype().name());
    outcome["trainable"] = json!(variable.is_trainable());
    outcome["collections"] = json!(variable.collections());
    outcome["caching_device"] = json!(variable.caching_device());
    if let Some(counts) = variable.partition_counts() {
        let slices = variable.slices();
        let slice = |slice: &varkeep::Slice| {
            let shape = shape_json(&slice.variable.shape());
            json!({"name": slice.variable.name(), "offset": slice.offset, "shape": shape})
        };
        outcome["partitions"] = slices.iter().map(slice).collect();
        outcome["partition_counts"] = json!(counts);
    }
    Ok(outcome)
}

fn collection(store: &Store, scope: &Scope<'_>, arguments: &Json) -> Outcome {
    let key = text(&arguments["key"]);
    let of_scope = given(arguments, "of_current_scope").as_bool() == Some(true);
    let filter = given(arguments, "scope").as_str().unwrap_or_default();
    if key == varkeep::scope::collection::REGULARIZATION_LOSSES {
        let losses = if of_scope { scope.regularization_losses() } else { store.regularization_losses(filter) }?;
        let loss = |loss: &varkeep::Loss| Ok(json!({"of": loss.variable().name(), "loss": loss.value()?}));
        return Ok(json!({"losses": losses.iter().map(loss).collect::<Result<Vec<Json>>>()?}));
    }
    let members = if of_scope { scope.collection(&key) } else { store.collection(&key, filter) }?;
    Ok(json!({"names": members.iter().map(Variable::name).collect::<Vec<_>>()}))
}

/// What a checkpoint holds, as a saver's keys.
fn saved(checkpoint: &Checkpoint) -> Result<Json> {
    let mut keys = Vec::new();
    for saved in checkpoint.variables("") {
        let saved = saved?;
        let slices = match saved.kind() {
            SavedKind::Whole => slices_of(&saved),
            // A slice of a partitioned variable is stored under the name of the whole.
            SavedKind::SliceOf(whole) if checkpoint.find(&whole)?.is_some() => continue,
            SavedKind::Variable | SavedKind::SliceOf(_) => Json::Null,
            other => panic!("no program makes a {other:?}"),
        };
        let value: Tensor = saved.tensor()?;
        keys.push(json!({
            "name": saved.name(),
            "dtype": saved.dtype().name(),
            "shape": shape_json(saved.shape()),
            "slices": slices,
            "value": flat(&value),
        }));
    }
    Ok(Json::Array(keys))
}

fn slices_of(saved: &SavedVariable) -> Json {
    let slice = |slice: &varkeep::SavedSlice| {
        let tile = Tile { offset: slice.offset.clone(), shape: slice.shape.clone() };
        let spec = save_slice_info(saved.shape(), &tile);
        json!({"spec": spec, "offset": slice.offset, "shape": shape_json(&slice.shape)})
    };
    saved.slices().iter().map(slice).collect()
}

/// The names that a list of collection members or losses holds are those that `keep` lets pass.
pub(crate) fn retain_names(outcome: &mut Json, keep: impl Fn(&str) -> bool) {
    for key in ["names", "losses", "saved"] {
        if let Some(Json::Array(members)) = outcome.get_mut(key) {
            members.retain(|member| {
                let name = member.as_str().or(member["of"].as_str()).or(member["name"].as_str());
                name.is_none_or(&keep)
            });
        }
    }
}

/// The default names and scope names of a program, as full names that a counter may stand for.
pub(crate) fn scope_names(steps: &[Step]) -> Vec<String> {
    let mut names = Vec::new();
    for step in steps.iter().filter(|step| step.name == "enter") {
        for text in [&step.expected["ok"]["name"], &step.arguments["scope"], &step.arguments["default_name"]] {
            if let Some(name) = text.as_str().filter(|name| varkeep_takes(name)) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Whether a name can be that of a scope opened at the root.
fn varkeep_takes(name: &str) -> bool {
    !name.is_empty()
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !name.contains("//")
        && !name.ends_with('/')
}
