//! Brackets, lines and dots around items that are formatted already.

use super::EDGE_ITEMS;

/// NumPy's `linewidth`: a row goes on in the next line from here on.
const LINE_WIDTH: usize = 75;

/// Puts the items of an array of these sizes together; of one that is shortened, those that are shown.
pub(super) fn array(items: &[String], sizes: &[u64], shortened: bool) -> String {
    Layout { items, sizes, shortened }.part(0, 0, " ", LINE_WIDTH)
}

struct Layout<'a> {
    items: &'a [String],
    sizes: &'a [u64],
    shortened: bool,
}

impl Layout<'_> {
    fn is_cut(&self, axis: usize) -> bool {
        self.shortened && self.sizes[axis] > 2 * EDGE_ITEMS
    }

    /// Items along an axis that are shown.
    fn count(&self, axis: usize) -> usize {
        if self.is_cut(axis) { 2 * EDGE_ITEMS as usize } else { self.sizes[axis] as usize }
    }

    /// The part of the array whose items begin at `start`, the axes before `axis` being fixed.
    fn part(&self, axis: usize, start: usize, indent: &str, width: usize) -> String {
        let axes_left = self.sizes.len() - axis;
        if axes_left == 0 {
            return self.items[start].clone();
        }
        let text = if axes_left == 1 {
            self.row(axis, start, indent, width - 1)
        } else {
            let stride: usize = (axis + 1..self.sizes.len()).map(|axis| self.count(axis)).product();
            let separator = "\n".repeat(axes_left - 1);
            let inner = format!("{indent} ");
            let mut parts = Vec::new();
            for i in 0..self.count(axis) {
                if self.is_cut(axis) && i == EDGE_ITEMS as usize {
                    parts.push(format!("{indent}..."));
                }
                parts.push(format!("{indent}{}", self.part(axis + 1, start + i * stride, &inner, width - 1)));
            }
            parts.join(&separator)
        };
        format!("[{}]", &text[indent.len()..])
    }

    fn row(&self, axis: usize, start: usize, indent: &str, width: usize) -> String {
        let (mut text, mut line) = (String::new(), indent.to_owned());
        let mut add = |word: &str, is_last: bool| {
            let does_not_fit = line.chars().count() + word.chars().count() > width;
            // A line that holds nothing yet would not become shorter.
            if does_not_fit && line.len() > indent.len() {
                text += line.trim_end();
                text.push('\n');
                indent.clone_into(&mut line);
            }
            line += word;
            if !is_last {
                line.push(' ');
            }
        };
        let count = self.count(axis);
        for i in 0..count {
            if self.is_cut(axis) && i == EDGE_ITEMS as usize {
                add("...", false);
            }
            add(&self.items[start + i], i + 1 == count);
        }
        text + &line
    }
}
