//! Random numbers of the operating system: for identifiers, which must never meet, and seeds.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::error::{Error, ErrorKind, Result};

/// 128 random bits, enough that no two identifiers ever made are the same.
pub(crate) fn random_128() -> Result<[u8; 16]> {
    random_bytes()
}

/// A random seed.
pub(crate) fn random_seed() -> Result<u64> {
    random_bytes().map(u64::from_le_bytes)
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    match SysRng.try_fill_bytes(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            Err(Error::new(ErrorKind::Io, "cannot get random bytes from the operating system").caused_by(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_every_time_in_every_byte() {
        let ids: Vec<_> = (0..64).map(|_| random_128().unwrap()).collect();
        for byte in 0..16 {
            assert!(ids.iter().any(|id| id[byte] != ids[0][byte]), "byte {byte} is always {}", ids[0][byte]);
        }
        assert_ne!(random_seed().unwrap(), random_seed().unwrap());
    }
}
