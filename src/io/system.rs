//! What the machine says of itself: the time, this process.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, by the system's clock, which may be wrong and may go back.
pub(crate) fn unix_millis_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The number of this process.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}

/// The name of this program's file, as far as it can be told.
pub(crate) fn program_name() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_2025_and_the_program_has_a_name() {
        assert!(unix_millis_now() > 1_735_689_600_000);
        assert!(program_name().is_some_and(|name| name.contains("varkeep")));
    }
}
