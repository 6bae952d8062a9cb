//! Sizes, counts and times as people read them.

use std::time::SystemTime;

use jiff::{Timestamp, tz::TimeZone};

/// A size in bytes, in binary units: 1.2 MiB.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024.0 is one of the next unit.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A count with commas: 1,234,567.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 variable`, `2 variables`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A shape as NumPy and the library write it.
pub(crate) fn shape(sizes: &[u64]) -> String {
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// How long ago.
pub(crate) fn ago(time: SystemTime, now: SystemTime) -> String {
    let Ok(past) = now.duration_since(time) else { return "in the future".to_owned() };
    let seconds = past.as_secs();
    let (number, unit) = match seconds {
        0 => return "just now".to_owned(),
        1..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        86_400..172_800 => return "1 day ago".to_owned(),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit} ago")
}

/// The time on the clock here.
pub(crate) fn local(time: SystemTime) -> String {
    formatted(time, &TimeZone::system(), "%Y-%m-%d %H:%M:%S")
}

/// The time for programs: RFC 3339, in UTC.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    formatted(time, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn formatted(time: SystemTime, zone: &TimeZone, format: &str) -> String {
    // Files may hold any number as their time.
    Timestamp::try_from(time)
        .map_or_else(|_| "unknown".to_owned(), |time| time.to_zoned(zone.clone()).strftime(format).to_string())
}

/// A number in about so many significant digits, short where it can be.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}").replace("NaN", "nan");
    }
    // As it is after rounding: 9.9999 is 10.00.
    let scientific = format!("{x:.*e}", digits.saturating_sub(1));
    let exponent: i32 = scientific.rsplit('e').next().and_then(|exponent| exponent.parse().ok()).unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        return scientific;
    }
    let decimals = usize::try_from(exponent.saturating_neg()).map_or_else(
        |_| digits.saturating_sub(1 + exponent.unsigned_abs() as usize),
        |zeros| digits.saturating_sub(1) + zeros,
    );
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A share: 12.3 %, but never 0 or 100 for what is not.
pub(crate) fn percent(share: f64) -> String {
    match share {
        0.0 => "0%".to_owned(),
        1.0 => "100%".to_owned(),
        share if share < 0.0005 => "<0.1%".to_owned(),
        share if share > 0.9994 => ">99.9%".to_owned(),
        share => format!("{:.1}%", share * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn sizes_and_counts_are_short() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_525, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "file"), counted(2, "file")), ("1 file".to_owned(), "2 files".to_owned()));
    }

    #[test]
    fn numbers_keep_their_significant_digits() {
        for (x, text) in [
            (0.0, "0"),
            (0.123_456, "0.1235"),
            (1234.5, "1234"),
            (123_456.0, "123456"),
            (1.0, "1"),
            (1e-7, "1.000e-7"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
            (-0.5, "-0.5"),
            (9.999_96, "10"),
            (0.000_123_46, "0.0001235"),
            (999_999.9, "1.000e6"),
        ] {
            assert_eq!(significant(x, 4), text);
        }
        let shares = [0.0, 0.0001, 0.5, 0.9999, 1.0].map(percent);
        assert_eq!(shares, ["0%", "<0.1%", "50.0%", ">99.9%", "100%"]);
    }

    #[test]
    fn times_are_told_both_ways() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.123Z");
        let after = |seconds| ago(time, time + Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 7200, 90_000, 864_000].map(after).join(", "),
            "just now, 59 s ago, 1 min ago, 2 h ago, 1 day ago, 10 days ago"
        );
        assert_eq!(ago(time, UNIX_EPOCH), "in the future");
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(u64::MAX / 1000)), "unknown");
    }
}
