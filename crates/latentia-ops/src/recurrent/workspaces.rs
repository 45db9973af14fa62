use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use latentia_kernels::recurrent::StackWorkspace;

/// Working memory of recurrent layers between calls, shared by its clones.
///
/// A forward pass takes a workspace and keeps in it what its backward pass needs; the backward pass (or the end of the graph)
/// gives it back. There come to be as many as are in use at once: one for a loop that alternates the two.
#[derive(Clone, Default)]
pub struct Workspaces(Arc<Mutex<Vec<StackWorkspace>>>);

impl fmt::Debug for Workspaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspaces")
    }
}

impl Workspaces {
    pub(super) fn lease(&self) -> Lease {
        let workspace = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lease { workspace: workspace.unwrap_or_default(), home: self.clone() }
    }
}

/// A workspace that returns to where it came from.
pub(super) struct Lease {
    workspace: StackWorkspace,
    home: Workspaces,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

impl Deref for Lease {
    type Target = StackWorkspace;

    fn deref(&self) -> &StackWorkspace {
        &self.workspace
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut StackWorkspace {
        &mut self.workspace
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let workspace = std::mem::take(&mut self.workspace);
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}
