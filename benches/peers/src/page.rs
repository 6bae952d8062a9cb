//! The measured part of `docs/PERFORMANCE.md`: put between two marks, so that the page says what was printed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Puts text between the marks `<!-- NAME -->` and `<!-- end of NAME -->` of a file.
pub(crate) fn put(page: &Path, name: &str, text: &str) -> Result<()> {
    let old = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let put = replaced(&old, name, text).with_context(|| format!("{} has no place for {name}", page.display()))?;
    fs::write(page, put).with_context(|| format!("cannot write {}", page.display()))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::replaced;
    use crate::cases::GROUPS;

    #[test]
    fn the_page_has_a_place_for_every_group() {
        let page = include_str!("../../../docs/PERFORMANCE.md");
        for name in ["machine"].into_iter().chain(GROUPS.iter().map(|group| group.name)) {
            assert!(replaced(page, name, "").is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        let once = replaced(page, "x", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert_eq!(replaced(&once, "x", "new").unwrap(), once);
        assert_eq!(replaced(page, "y", "new"), None);
    }
}
