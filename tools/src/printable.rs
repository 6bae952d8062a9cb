//! Text that a terminal shows as it is: names come from files, and from folders of others.

pub(crate) fn is_printable(text: &str) -> bool {
    // Nearly all text is plain.
    let is_plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    is_plain || !text.chars().any(steers)
}

/// Whether a character does something to the terminal, or to how the text around it is read, in the place of being seen:
/// control characters, marks that turn the direction of writing, and what has no width.
fn steers(c: char) -> bool {
    let has_no_look =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || has_no_look
}

/// The text, with escapes in the place of characters that steer.
pub(crate) fn printable(text: &str) -> String {
    if is_printable(text) {
        return text.to_owned();
    }
    text.chars().map(|c| if steers(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
        // Nor make a reader take one name for another.
        assert_eq!(printable("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert_eq!(printable("é日本"), "é日本");
    }
}
