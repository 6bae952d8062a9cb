//! Which checkpoint was made from which, drawn beside the rows: a lane for each line of history.

use crate::cmd::log::Row;

/// The drawing for each row, newest first; `None` if history is one line. A checkpoint whose parent is not kept any more
/// is taken to come from the one before it.
pub(super) fn graph(rows: &[&Row]) -> Option<Vec<String>> {
    let mut lanes: Vec<Option<&str>> = Vec::new();
    let mut drawn = Vec::new();
    let mut lanes_max = 0;
    for (i, row) in rows.iter().enumerate() {
        let awaited = |lane: Option<&str>| lane == Some(row.id.as_str());
        let mine = lanes.iter().position(|lane| awaited(*lane)).or_else(|| lanes.iter().position(Option::is_none));
        let mine = mine.unwrap_or_else(|| {
            lanes.push(None);
            lanes.len() - 1
        });
        lanes[mine] = Some(&row.id);
        let joining: Vec<usize> = (mine + 1..lanes.len()).filter(|lane| awaited(lanes[*lane])).collect();
        lanes_max = lanes_max.max(lanes.iter().flatten().count());
        drawn.push(line(&lanes, mine, &joining, row.is_live));
        for lane in joining {
            lanes[lane] = None;
        }
        let is_kept = |id: &&str| rows[i + 1..].iter().any(|older| older.id == **id);
        let parent = row.parent.as_deref().filter(is_kept);
        lanes[mine] = parent.or_else(|| rows.get(i + 1).map(|older| older.id.as_str()));
        while lanes.last().is_some_and(Option::is_none) {
            lanes.pop();
        }
    }
    (lanes_max > 1).then_some(drawn)
}

fn line(lanes: &[Option<&str>], mine: usize, joining: &[usize], is_live: bool) -> String {
    let last = joining.last().copied().unwrap_or(mine);
    let mut text = String::new();
    for (i, lane) in lanes.iter().enumerate() {
        let is_between = (mine..last).contains(&i);
        text.push(match lane {
            _ if i == mine => {
                if is_live {
                    '*'
                } else {
                    'o'
                }
            }
            _ if i == last && joining.contains(&i) => '╯',
            _ if joining.contains(&i) => '┴',
            // A line that only crosses.
            Some(_) if is_between => '┼',
            None if is_between => '─',
            Some(_) => '│',
            None => ' ',
        });
        text.push(if is_between { '─' } else { ' ' });
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn row(id: &str, parent: &str) -> Row {
        Row {
            tag: None,
            number: 0,
            id: id.to_owned(),
            parent: (!parent.is_empty()).then(|| parent.to_owned()),
            time: SystemTime::UNIX_EPOCH,
            variables: 0,
            bytes_new: 0,
            bytes_shared: 0,
            bytes_total: 0,
            is_head: false,
            is_live: id == "f",
            repeats: None,
            branches_from: None,
            metadata: None,
        }
    }

    fn drawn(pairs: &[(&str, &str)]) -> Option<Vec<String>> {
        let rows: Vec<Row> = pairs.iter().map(|(id, parent)| row(id, parent)).collect();
        graph(&rows.iter().collect::<Vec<_>>())
    }

    #[test]
    fn one_line_of_history_needs_no_drawing() {
        assert_eq!(drawn(&[("c", "b"), ("b", "gone"), ("a", "")]), None);
        assert_eq!(drawn(&[]), None);
    }

    #[test]
    fn branches_join_where_they_began() {
        let pairs = [("f", "e"), ("e", "b"), ("d", "a"), ("c", "b"), ("b", "a"), ("a", "")];
        assert_eq!(drawn(&pairs).unwrap(), ["*", "o", "│ o", "│ │ o", "o─┼─╯", "o─╯"]);
        let pairs = [("d", "a"), ("c", "a"), ("b", "a"), ("a", "")];
        assert_eq!(drawn(&pairs).unwrap(), ["o", "│ o", "│ │ o", "o─┴─╯"]);
    }
}
