//! Variables by scope, with totals.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::args::SortKey;
use crate::cmd::inspect::{Row, Totals};

/// The scopes of some variables, in the order they are listed.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: Node,
}

/// A scope, and what is in it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The full name; empty for the root.
    pub(crate) name: String,
    pub(crate) totals: Totals,
    pub(crate) children: Vec<Child>,
    /// Whether children are left out, since the tree is only so deep.
    pub(crate) is_cut: bool,
}

#[derive(Debug)]
pub(crate) enum Child {
    Scope(Node),
    /// The number of a row.
    Variable(usize),
}

/// A scope while rows are put into it.
#[derive(Default)]
struct Building {
    totals: Totals,
    scopes: BTreeMap<String, Building>,
    /// Numbers of rows.
    variables: Vec<usize>,
    /// The number of the first row in it.
    first: usize,
}

impl Tree {
    /// Of rows in the order in which they are to be listed. Scopes of more bytes come first where that is the order, else
    /// they stand where their first row does.
    pub(crate) fn of(rows: &[Row], sort: Option<SortKey>, reverse: bool, depth: Option<usize>) -> Self {
        let mut building = Building::default();
        for (i, row) in rows.iter().enumerate() {
            let mut at = &mut building;
            at.totals.add(row);
            let scopes = row.name.rsplit_once('/').map_or("", |(scopes, _)| scopes);
            for part in scopes.split('/').filter(|_| !scopes.is_empty()) {
                at = at.scopes.entry(part.to_owned()).or_insert_with(|| Building { first: i, ..Building::default() });
                at.totals.add(row);
            }
            at.variables.push(i);
        }
        let by_size = match sort {
            Some(SortKey::Bytes) => Some((reverse, true)),
            Some(SortKey::Elements) => Some((reverse, false)),
            _ => None,
        };
        Self { root: building.finish(String::new(), rows, by_size, depth.unwrap_or(usize::MAX)) }
    }
}

impl Building {
    fn finish(self, name: String, rows: &[Row], by_size: Option<(bool, bool)>, depth: usize) -> Node {
        let mut node = Node { name, totals: self.totals, children: Vec::new(), is_cut: depth == 0 };
        if node.is_cut {
            return node;
        }
        let size = |bytes: u64, elements: u64| match by_size {
            None => Reverse(0),
            Some((false, is_bytes)) => Reverse(if is_bytes { bytes } else { elements }),
            // Least first.
            Some((true, is_bytes)) => Reverse(u64::MAX - if is_bytes { bytes } else { elements }),
        };
        let mut children = Vec::new();
        for (part, scope) in self.scopes {
            let full = if node.name.is_empty() { part } else { format!("{}/{part}", node.name) };
            let key = (size(scope.totals.bytes, scope.totals.elements), scope.first);
            children.push((key, Child::Scope(scope.finish(full, rows, by_size, depth - 1))));
        }
        for i in self.variables {
            children.push(((size(rows[i].bytes_own(), rows[i].elements), i), Child::Variable(i)));
        }
        children.sort_by_key(|(key, _)| *key);
        node.children = children.into_iter().map(|(_, child)| child).collect();
        node
    }
}
