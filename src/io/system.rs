//! What the machine says of itself: the time, this process; and what it is told of its threads.

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

/// Lets the calling thread, and those it starts, come after all others for the processor, where that can be said of a
/// thread alone. There is no way back.
pub(crate) fn give_way() {
    // Elsewhere it would hold for the whole process.
    #[cfg(target_os = "linux")]
    {
        const POLITE: i32 = 10;
        // What is refused costs others time, and nothing else.
        let _now = rustix::process::nice(POLITE);
    }
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
