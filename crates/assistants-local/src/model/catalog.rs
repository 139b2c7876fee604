//! Several models as one: each request goes to the model that it names.

use std::collections::BTreeMap;

use super::scripted::Scripted;
use super::upstream::{self, Upstream};
use super::{Failure, Finish, Model, ModelRequest, Output};

/// The name in a map of names that stands for all other names.
const ANY: &str = "*";

/// The models of upstream servers and the scripted model.
///
/// A name in a request is looked up in this order: the map of names; `scripted`; `SERVER/MODEL`; the models that the
/// servers list, in the order of the servers; the name `*` of the map. If a server cannot list its models, it gets the names
/// that no other server has, and decides itself.
#[derive(Debug, Default)]
pub struct Catalog {
    upstreams: Vec<Upstream>,
    names: BTreeMap<String, String>,
}

/// The model that a name stands for.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Scripted,
    Upstream(&'a Upstream, &'a str),
}

impl Catalog {
    /// Creates a catalog. `names` maps names in requests to names that the servers know, the latter with or without
    /// `SERVER/` before them; `*` stands for any other name.
    #[must_use]
    pub fn new(upstreams: Vec<Upstream>, names: BTreeMap<String, String>) -> Self {
        Self { upstreams, names }
    }

    /// Returns the upstream servers.
    #[must_use]
    pub fn upstreams(&self) -> &[Upstream] {
        &self.upstreams
    }

    fn find<'a>(&'a self, name: &'a str) -> Option<Found<'a>> {
        match self.names.get(name) {
            Some(mapped) => self.find_unmapped(mapped),
            None => self
                .find_unmapped(name)
                .or_else(|| self.find_unmapped(self.names.get(ANY)?)),
        }
    }

    fn find_unmapped<'a>(&'a self, name: &'a str) -> Option<Found<'a>> {
        if name == Scripted.name() {
            return Some(Found::Scripted);
        }
        let of_server = self.upstreams.iter().find_map(|upstream| {
            let model = name.strip_prefix(upstream.name())?.strip_prefix('/')?;
            Some(Found::Upstream(upstream, model))
        });
        if of_server.is_some() {
            return of_server;
        }
        let mut unlisted = None;
        for upstream in &self.upstreams {
            match upstream.models() {
                Some(models) if models.iter().any(|model| is_name_of(name, model)) => {
                    return Some(Found::Upstream(upstream, name));
                }
                Some(_) => {}
                None => unlisted = unlisted.or(Some(upstream)),
            }
        }
        // With a map for all other names, a server without a list gets those that are meant for it.
        let unlisted =
            unlisted.filter(|_| !self.names.contains_key(ANY) || self.names.get(ANY).is_some_and(|any| any == name));
        unlisted.map(|upstream| Found::Upstream(upstream, name))
    }
}

/// Whether a request for `name` means the listed model. Ollama lists `llama3.1:latest` for what is called `llama3.1`, and
/// Gemini lists names with `models/` before them.
fn is_name_of(name: &str, listed: &str) -> bool {
    listed == name || listed.strip_suffix(":latest") == Some(name) || listed.strip_prefix("models/") == Some(name)
}

impl Model for Catalog {
    fn name(&self) -> &str {
        match self.upstreams.first() {
            Some(upstream) => upstream.name(),
            None => "scripted",
        }
    }

    fn list(&self) -> Vec<String> {
        let mapped = self.names.keys().filter(|name| *name != ANY).cloned();
        let mut names: Vec<String> = mapped.collect();
        for upstream in &self.upstreams {
            for model in upstream.models().unwrap_or_default() {
                if !names.contains(&model) {
                    names.push(model);
                }
            }
        }
        if !names.iter().any(|name| name == Scripted.name()) {
            names.push(Scripted.name().to_owned());
        }
        names
    }

    fn knows(&self, model: &str) -> bool {
        self.find(model).is_some()
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        match self.find(&request.model) {
            Some(Found::Scripted) => Scripted.respond(request, output),
            Some(Found::Upstream(upstream, model)) => upstream::respond(upstream, model, request, output),
            None => Err(Failure::new(
                "model_not_found",
                format!("The model '{}' does not exist.", request.model),
            )),
        }
    }
}
