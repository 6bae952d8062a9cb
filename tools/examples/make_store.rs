//! Makes a store to measure the command on: `make_store PATH MIB VARIABLES`. It has two checkpoints, `a` and `b`: normal
//! random float32 values, of which one in a hundred rows changes between the two.

use std::error::Error;

use varkeep::{Store, init};

/// So much is made before it is written.
const PENDING_BYTES_MAX: usize = 512 << 20;

/// Of every variable.
const COLUMNS: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, mib, variables] = &*args else { return Err("make_store PATH MIB VARIABLES".into()) };
    let (mib, variables): (usize, usize) = (mib.parse()?, variables.parse()?);
    let elements = (mib << 20) / 4 / variables;
    let (rows, columns) = if elements >= COLUMNS { (elements / COLUMNS, COLUMNS) } else { (1, elements.max(1)) };
    let store = Store::open(path)?;
    {
        let root = store.root();
        let mut pending = 0;
        for i in 0..variables {
            // As deep as real names are.
            let name = format!("model/block_{}/layer_{}/w{}", i / 64, i / 8 % 8, i % 8);
            root.get_variable(&name).shape([rows, columns]).initializer(init::random_normal(0.0, 0.02)).get()?;
            // Values that are durable need no memory of their own any more.
            pending += rows * columns * 4;
            if pending > PENDING_BYTES_MAX {
                store.commit()?;
                pending = 0;
            }
        }
    }
    store.save("a")?;
    for i in (0..variables).filter(|i| rows >= 100 || i % 100 == 0) {
        let name = format!("model/block_{}/layer_{}/w{}", i / 64, i / 8 % 8, i % 8);
        let Some(w) = store.find(&name)? else { continue };
        let some = 0..(rows / 100).max(1);
        w.update_rows::<f32>(some, |mut rows| rows.mapv_inplace(|x| x + 0.001))?;
    }
    store.save("b")?;
    Ok(())
}
