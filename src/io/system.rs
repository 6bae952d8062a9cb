//! What the machine says of itself: the time, this process, this boot.

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

/// What names this boot of the machine: what was only handed to the kernel survives a process, but not a boot.
///
/// `None` where it cannot be told, as on macOS: then every process start counts as a boot.
pub(crate) fn boot_id() -> Option<[u8; 16]> {
    parse_boot_id(&std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?)
}

fn parse_boot_id(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim_end().chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_32_digits_and_nothing_else() {
        let id = parse_boot_id("0d1b2f3a-0000-4000-8000-0000000000ff\n").unwrap();
        assert_eq!((id[0], id[1], id[15]), (0x0d, 0x1b, 0xff));
        for bad in ["", "0d1b2f3a", "+d1b2f3a-0000-4000-8000-0000000000ff", "äd1b2f3a-0000-4000-8000-0000000000f"] {
            assert_eq!(parse_boot_id(bad), None, "{bad}");
        }
        if cfg!(target_os = "linux") {
            assert_eq!(boot_id(), boot_id());
            assert!(boot_id().is_some_and(|id| id != [0; 16]));
        }
    }

    #[test]
    fn the_clock_is_past_2025_and_the_program_has_a_name() {
        assert!(unix_millis_now() > 1_735_689_600_000);
        assert!(program_name().is_some_and(|name| name.contains("varkeep")));
    }
}
