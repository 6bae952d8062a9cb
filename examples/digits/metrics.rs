//! Running means, kept in local variables: they are this process's own and no save writes them.

use varkeep::{DType, Result, Scope, Variable, init};

/// The mean of what was added since the last reset, as a sum and a count.
pub(crate) struct Mean {
    sum: Variable,
    count: Variable,
}

impl Mean {
    pub(crate) fn get(scope: &Scope<'_>, name: &str) -> Result<Self> {
        let scope = scope.scope(name).dtype(DType::F32).initializer(init::zeros()).enter()?;
        let local = |name| scope.get_local_variable(name).scalar().get();
        Ok(Self { sum: local("sum")?, count: local("count")? })
    }

    pub(crate) fn add(&self, value: f32) -> Result<()> {
        self.sum.assign(self.sum.item::<f32>()? + value)?;
        self.count.assign(self.count.item::<f32>()? + 1.0)
    }

    pub(crate) fn value(&self) -> Result<f32> {
        Ok(self.sum.item::<f32>()? / self.count.item::<f32>()?)
    }

    pub(crate) fn reset(&self) -> Result<()> {
        self.sum.assign(0.0_f32)?;
        self.count.assign(0.0_f32)
    }
}
