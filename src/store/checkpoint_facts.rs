//! What a retention policy asks about checkpoints: read from their commit files once.

use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::checkpoint::decode_metadata;
use crate::commit::{Candidate, History};
use crate::format::{CommitRecord, TagEntry};
use crate::id::CommitId;

/// Where a checkpoint's metadata says at which step it was made.
const STEP: &str = "step";

/// When the checkpoints there are were made, and what their metadata says.
#[derive(Debug, Default)]
pub(crate) struct Facts(HashMap<CommitId, Fact>);

#[derive(Clone, Debug)]
struct Fact {
    unix_millis: u64,
    metadata: Metadata,
}

impl Fact {
    fn of(record: &CommitRecord) -> Self {
        let metadata = decode_metadata(&record.metadata).unwrap_or(Metadata::Other);
        Self { unix_millis: record.unix_millis, metadata }
    }
}

impl Facts {
    /// The checkpoints of a table of tags, as a policy looks at them; `newest` need not be on the disk yet. One whose
    /// commit file cannot be read is left out, and so kept.
    pub(crate) fn candidates(
        &mut self,
        history: &History,
        tags: &[TagEntry],
        metric: Option<&str>,
        newest: Option<&CommitRecord>,
    ) -> Vec<Candidate> {
        self.0.retain(|id, _| tags.iter().any(|entry| entry.commit == *id));
        let mut candidates = Vec::new();
        for entry in tags {
            let known = self.0.get(&entry.commit).cloned().or_else(|| {
                let on_disk = || history.read(entry.number).ok().flatten().filter(|record| record.id == entry.commit);
                let record = newest.filter(|record| record.id == entry.commit).cloned().or_else(on_disk)?;
                let fact = Fact::of(&record);
                self.0.insert(entry.commit, fact.clone());
                Some(fact)
            });
            let Some(fact) = known else { continue };
            let step = fact.metadata.number(STEP).and_then(|step| format!("{step:.0}").parse().ok());
            candidates.push(Candidate {
                tag: entry.tag.clone(),
                number: entry.number,
                unix_millis: fact.unix_millis,
                step: step.or_else(|| last_number(&entry.tag)),
                metric: metric.and_then(|path| fact.metadata.number(path)),
            });
        }
        candidates
    }
}

/// The last number in a tag: 1000 of `step-1000`.
fn last_number(tag: &str) -> Option<u64> {
    tag.rsplit(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

/// As much of a checkpoint's metadata as a path can lead to a number through.
#[derive(Clone, Debug)]
enum Metadata {
    Number(f64),
    List(Vec<Metadata>),
    Map(Vec<(String, Metadata)>),
    Other,
}

impl Metadata {
    /// The number that dots lead to: `loss`, `metrics.loss`, `losses.0`.
    fn number(&self, path: &str) -> Option<f64> {
        if let Self::Map(entries) = self
            && let Some((_, Self::Number(number))) = entries.iter().find(|(key, _)| key == path)
        {
            return Some(*number);
        }
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let value = match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key == first).map(|(_, value)| value),
            Self::List(items) => first.parse().ok().and_then(|i: usize| items.get(i)),
            Self::Number(_) | Self::Other => None,
        }?;
        match (value, rest) {
            (value, Some(rest)) => value.number(rest),
            (Self::Number(number), None) => Some(*number),
            (_, None) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Metadata;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Metadata, E> {
                Ok(Metadata::Other)
            }

            fn visit_i64<E>(self, x: i64) -> Result<Metadata, E> {
                Ok(Metadata::Number(x as f64))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Metadata, E> {
                Ok(Metadata::Number(x as f64))
            }

            fn visit_f64<E>(self, x: f64) -> Result<Metadata, E> {
                Ok(Metadata::Number(x))
            }

            fn visit_str<E>(self, _: &str) -> Result<Metadata, E> {
                Ok(Metadata::Other)
            }

            fn visit_bytes<E>(self, _: &[u8]) -> Result<Metadata, E> {
                Ok(Metadata::Other)
            }

            fn visit_unit<E>(self) -> Result<Metadata, E> {
                Ok(Metadata::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Metadata, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Metadata::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Metadata, A::Error> {
                let mut map = Vec::new();
                while let Some((key, value)) = entries.next_entry::<Key, Metadata>()? {
                    map.push((key.0, value));
                }
                Ok(Metadata::Map(map))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A key of a map: text as it is, anything else as nothing that a path can name.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Key;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.to_owned()))
            }

            fn visit_i64<E>(self, x: i64) -> Result<Key, E> {
                Ok(Key(x.to_string()))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Key, E> {
                Ok(Key(x.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: &impl serde::Serialize, path: &str) -> Option<f64> {
        rmp_serde::from_slice::<Metadata>(&rmp_serde::to_vec_named(value).unwrap()).unwrap().number(path)
    }

    #[test]
    fn numbers_are_found_by_dots_and_places() {
        #[derive(serde::Serialize)]
        struct Inner {
            loss: f32,
            on: bool,
        }
        #[derive(serde::Serialize)]
        struct Outer {
            step: u64,
            name: &'static str,
            eval: Inner,
            losses: Vec<f64>,
        }
        let outer = Outer { step: 7, name: "x", eval: Inner { loss: 0.5, on: true }, losses: vec![3.0, f64::INFINITY] };
        assert_eq!(number(&outer, "step"), Some(7.0));
        assert_eq!(number(&outer, "eval.loss"), Some(0.5));
        assert_eq!(number(&outer, "losses.1"), Some(f64::INFINITY));
        for missing in ["name", "eval", "eval.on", "losses.2", "losses.x", "nothing", ""] {
            assert_eq!(number(&outer, missing), None, "{missing}");
        }
        let dotted = std::collections::BTreeMap::from([("eval/loss.mean", 1.5)]);
        assert_eq!(number(&dotted, "eval/loss.mean"), Some(1.5));
    }

    #[test]
    fn a_tag_may_tell_the_step() {
        assert_eq!(last_number("step-001000"), Some(1000));
        assert_eq!(last_number("v2-step-7-final"), Some(7));
        assert_eq!(last_number("final"), None);
        assert_eq!(last_number("99999999999999999999999"), None);
    }
}
