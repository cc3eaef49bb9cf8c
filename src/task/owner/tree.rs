//! The links of a tree whose nodes come and go: by index, under a lock of who uses it.
//!
//! A node whose owner has gone stays as long as it has two children or more, which it then
//! keeps together. With one child or none it is taken out, and the child goes up: so there
//! are never more nodes without an owner than with one, however the tree was made.

use slab::Slab;

/// No node.
pub(crate) const NONE: usize = usize::MAX;

pub(crate) struct Tree<T> {
    nodes: Slab<Place<T>>,
}

struct Place<T> {
    value: T,
    has_owner: bool,
    parent: usize,
    first_child: usize,
    /// Its neighbours among the children of its parent.
    previous: usize,
    next: usize,
}

impl<T> Tree<T> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Slab::new() }
    }

    /// Adds a node below another one, or beside all. The key of it.
    pub(crate) fn add(&mut self, parent: usize, value: T) -> usize {
        let key = self.nodes.insert(Place {
            value,
            has_owner: true,
            parent: NONE,
            first_child: NONE,
            previous: NONE,
            next: NONE,
        });
        self.link(parent, key);
        key
    }

    fn link(&mut self, parent: usize, key: usize) {
        self.nodes[key].parent = parent;
        self.nodes[key].previous = NONE;
        if parent == NONE {
            self.nodes[key].next = NONE;
            return;
        }
        let second = std::mem::replace(&mut self.nodes[parent].first_child, key);
        self.nodes[key].next = second;
        if second != NONE {
            self.nodes[second].previous = key;
        }
    }

    /// Takes a node with all below it from its parent.
    fn unlink(&mut self, key: usize) {
        let Place {
            parent,
            previous,
            next,
            ..
        } = self.nodes[key];
        if previous != NONE {
            self.nodes[previous].next = next;
        } else if parent != NONE {
            self.nodes[parent].first_child = next;
        }
        if next != NONE {
            self.nodes[next].previous = previous;
        }
        self.link(NONE, key);
    }

    /// The owner of the node has gone.
    pub(crate) fn release(&mut self, key: usize) {
        self.nodes[key].has_owner = false;
        self.prune(key);
    }

    /// Takes a node out that nobody needs, and those above it that it kept.
    fn prune(&mut self, mut key: usize) {
        while key != NONE && !self.nodes[key].has_owner {
            let Place {
                parent,
                first_child: child,
                ..
            } = self.nodes[key];
            if child != NONE && self.nodes[child].next != NONE {
                return;
            }
            self.unlink(key);
            self.nodes.remove(key);
            if child != NONE {
                self.link(parent, child);
                return;
            }
            key = parent;
        }
    }

    /// Cuts a node off, and takes it and all below it apart. `is_taken` is asked for each
    /// that has an owner; one for which it says no stays alone, until it is released.
    pub(crate) fn cut(&mut self, key: usize, mut is_taken: impl FnMut(&T) -> bool) {
        let parent = self.nodes[key].parent;
        self.unlink(key);
        let mut ahead = vec![key];
        while let Some(key) = ahead.pop() {
            let mut child = std::mem::replace(&mut self.nodes[key].first_child, NONE);
            while child != NONE {
                ahead.push(child);
                child = self.nodes[child].next;
            }
            let place = &self.nodes[key];
            if !place.has_owner || is_taken(&place.value) {
                self.nodes.remove(key);
            } else {
                self.link(NONE, key);
            }
        }
        self.prune(parent);
    }
}
