//! redb: one value for each tensor, all in one durable transaction of a new database.

use std::path::Path;

use anyhow::Result;
use redb::{Database, TableDefinition};

const TENSORS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tensors");

/// Writes tensors; they are durable when this returns.
pub(crate) fn write<'a>(path: &Path, tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Database> {
    let database = Database::create(path)?;
    // Durability::Immediate is the default.
    let transaction = database.begin_write()?;
    let mut table = transaction.open_table(TENSORS)?;
    for (name, bytes) in tensors {
        table.insert(name, bytes)?;
    }
    drop(table);
    transaction.commit()?;
    Ok(database)
}
