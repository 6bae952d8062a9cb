//! A checkpoint's metadata, whatever its type: any serde value, NaN and bytes included.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::number;

/// Any value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Metadata {
    Nothing,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Metadata>),
    /// In the order they were written. Keys that are no text are written as text.
    Map(Vec<(String, Metadata)>),
}

impl Metadata {
    /// The value that dots lead to: `metrics.loss`, `lr.0`.
    pub(crate) fn get(&self, path: &str) -> Option<&Self> {
        if let Self::Map(entries) = self
            && let Some((_, value)) = entries.iter().find(|(key, _)| key == path)
        {
            return Some(value);
        }
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let value = match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key == first).map(|(_, value)| value),
            Self::List(items) => first.parse().ok().and_then(|i: usize| items.get(i)),
            _ => None,
        }?;
        rest.map_or(Some(value), |rest| value.get(rest))
    }
}

impl Metadata {
    /// The value, if it is a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(x) => Some(*x as f64),
            Self::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// The names under which [`Metadata::get`] finds numbers.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let Self::Map(entries) = self else { return Vec::new() };
        let mut names = Vec::new();
        for (key, value) in entries {
            if value.number().is_some() {
                names.push(key.clone());
            }
            names.extend(value.numbers().into_iter().map(|inner| format!("{key}.{inner}")));
        }
        names
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Bool(x) => write!(f, "{x}"),
            Self::Int(x) => write!(f, "{x}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(x) => f.write_str(x),
            Self::Bytes(x) => write!(f, "({} bytes)", x.len()),
            Self::List(x) => write!(f, "({} items)", x.len()),
            Self::Map(x) => write!(f, "({} fields)", x.len()),
        }
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Bool(x) => serializer.serialize_bool(*x),
            Self::Int(x) => number::Number::Int(*x).serialize(serializer),
            Self::Float(x) => number::serialize_float(x, serializer),
            Self::Text(x) => serializer.serialize_str(x),
            Self::Bytes(x) => serializer.collect_seq(x),
            Self::List(x) => serializer.collect_seq(x),
            Self::Map(x) => serializer.collect_map(x.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Metadata, E> {
        Ok(Metadata::Nothing)
    }

    fn visit_none<E>(self) -> Result<Metadata, E> {
        Ok(Metadata::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        Metadata::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        Metadata::deserialize(deserializer)
    }

    fn visit_bool<E>(self, x: bool) -> Result<Metadata, E> {
        Ok(Metadata::Bool(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Metadata, E> {
        Ok(Metadata::Int(x.into()))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Metadata, E> {
        Ok(Metadata::Int(x.into()))
    }

    fn visit_f32<E>(self, x: f32) -> Result<Metadata, E> {
        // The digits it was written with: 0.1 as f32 is to be shown as 0.1.
        Ok(Metadata::Float(x.to_string().parse().unwrap_or(f64::from(x))))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Metadata, E> {
        Ok(Metadata::Float(x))
    }

    fn visit_str<E>(self, x: &str) -> Result<Metadata, E> {
        Ok(Metadata::Text(x.to_owned()))
    }

    fn visit_bytes<E>(self, x: &[u8]) -> Result<Metadata, E> {
        Ok(Metadata::Bytes(x.to_vec()))
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
        while let Some((key, value)) = entries.next_entry::<Metadata, Metadata>()? {
            map.push((key.to_string(), value));
        }
        Ok(Metadata::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_reach_into_fields_and_lists() {
        let metadata: Metadata = serde_json::from_str(r#"{"a": {"b": [1, {"c": 2.5}]}, "a.b": "x"}"#).unwrap();
        assert_eq!(metadata.get("a.b"), Some(&Metadata::Text("x".to_owned())));
        assert_eq!(metadata.get("a").unwrap().get("b.1.c"), Some(&Metadata::Float(2.5)));
        assert_eq!(metadata.get("a.b.0"), Some(&Metadata::Int(1)));
        assert_eq!(metadata.get("a.x"), None);
        assert_eq!(metadata.get(""), None);
        let metadata: Metadata = serde_json::from_str(r#"{"a": {"b": 1, "c": "x"}, "d": 2.5}"#).unwrap();
        assert_eq!(metadata.numbers(), ["a.b", "d"]);
    }
}
