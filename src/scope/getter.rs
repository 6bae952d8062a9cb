//! Custom getters: functions that see every get of a scope, change it, and pass it on.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::scope::request::VariableRequest;

/// A function between a get and the variable: it may change the request, ask for other variables, or answer by itself.
///
/// Any closure of the right form is one:
///
/// ```
/// use varkeep::scope::{GetterChain, Next, VariableRequest};
/// let chain = GetterChain::of(|next: &mut Next<'_, String>, mut request: VariableRequest| {
///     request.name.push_str("_ema");
///     next.get(request)
/// });
/// # let _ = chain;
/// ```
pub trait CustomGetter<V>: Send + Sync {
    /// Gets what `request` asks for. `next` takes the request on and may be called never, once, or several times.
    ///
    /// # Errors
    /// Its own, and those of `next`.
    fn get(&self, next: &mut Next<'_, V>, request: VariableRequest) -> Result<V>;
}

impl<V, F> CustomGetter<V> for F
where
    F: Fn(&mut Next<'_, V>, VariableRequest) -> Result<V> + Send + Sync,
{
    fn get(&self, next: &mut Next<'_, V>, request: VariableRequest) -> Result<V> {
        self(next, request)
    }
}

struct Link<V> {
    getter: Arc<dyn CustomGetter<V>>,
    outer: GetterChain<V>,
}

/// The getters of a scope and of those around it, the innermost first.
pub struct GetterChain<V>(Option<Arc<Link<V>>>);

impl<V> GetterChain<V> {
    /// No getter: the true getter alone.
    pub const fn none() -> Self {
        Self(None)
    }

    /// One getter before the true one.
    pub fn of(getter: impl CustomGetter<V> + 'static) -> Self {
        Self::none().wrapped_by(Arc::new(getter))
    }

    /// This chain with another getter before it.
    #[must_use]
    pub fn wrapped_by(&self, getter: Arc<dyn CustomGetter<V>>) -> Self {
        Self(Some(Arc::new(Link { getter, outer: self.clone() })))
    }

    /// Whether there is no getter.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Hands the request to the innermost getter; what reaches the end of the chain goes to the true getter.
    ///
    /// # Errors
    /// Those of the getters and of the true getter, as they are.
    pub fn run(
        &self,
        request: VariableRequest,
        true_getter: &mut dyn FnMut(VariableRequest) -> Result<V>,
    ) -> Result<V> {
        Next { chain: self, true_getter }.get(request)
    }
}

impl<V> Clone for GetterChain<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Default for GetterChain<V> {
    fn default() -> Self {
        Self::none()
    }
}

impl<V> fmt::Debug for GetterChain<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = std::iter::successors(self.0.as_deref(), |link| link.outer.0.as_deref()).count();
        write!(f, "GetterChain({count})")
    }
}

/// The rest of the chain, as a getter sees it.
pub struct Next<'a, V> {
    chain: &'a GetterChain<V>,
    true_getter: &'a mut dyn FnMut(VariableRequest) -> Result<V>,
}

impl<V> Next<'_, V> {
    /// Takes the request on: to the getter of the next outer scope, or to the true getter.
    ///
    /// # Errors
    /// Theirs.
    pub fn get(&mut self, request: VariableRequest) -> Result<V> {
        match &self.chain.0 {
            Some(link) => {
                let mut next = Next { chain: &link.outer, true_getter: &mut *self.true_getter };
                link.getter.get(&mut next, request)
            }
            None => (self.true_getter)(request),
        }
    }
}

impl<V> fmt::Debug for Next<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({:?})", self.chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::scope::{CallArguments, ScopeSettings};

    fn suffix(text: &'static str) -> Arc<dyn CustomGetter<String>> {
        Arc::new(move |next: &mut Next<'_, String>, mut request: VariableRequest| {
            request.name.push_str(text);
            next.get(request)
        })
    }

    fn request(name: &str) -> VariableRequest {
        CallArguments::new(name).resolve(&ScopeSettings::<String>::root()).unwrap()
    }

    #[test]
    fn the_innermost_getter_runs_first() {
        let chain = GetterChain::none().wrapped_by(suffix("_o")).wrapped_by(suffix("_m")).wrapped_by(suffix("_i"));
        assert_eq!(chain.run(request("v"), &mut |request| Ok(request.name)).unwrap(), "v_i_m_o");
    }

    #[test]
    fn next_is_called_never_or_often_and_errors_pass_unchanged() {
        let mut seen = Vec::new();
        let pair = GetterChain::of(|next: &mut Next<'_, String>, request: VariableRequest| {
            let mut first = request.clone();
            first.name.push_str("/0");
            next.get(first)?;
            let mut second = request;
            second.name.push_str("/1");
            next.get(second)
        });
        let last = pair.run(request("v"), &mut |request| {
            seen.push(request.name.clone());
            Ok(request.name)
        });
        assert_eq!((last.unwrap().as_str(), seen.join(" ").as_str()), ("v/1", "v/0 v/1"));

        let alone = GetterChain::of(|_: &mut Next<'_, String>, _: VariableRequest| Ok("own".to_owned()));
        assert_eq!(alone.run(request("v"), &mut |_| panic!("never reached")).unwrap(), "own");

        let failing = pair.run(request("v"), &mut |_| Err(Error::new(ErrorKind::VariableExists, "exists")));
        assert_eq!(failing.unwrap_err().kind(), ErrorKind::VariableExists);
    }
}
