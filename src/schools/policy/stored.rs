//! Reads a policy out of the database, where a newer release may have written it during a rolling
//! upgrade.
//!
//! The types of a policy refuse unknown keys, as an import must. Here each table is cut down to the
//! keys that its type knows before the type sees it.

use super::Policy;
use serde::{
    Deserialize, Deserializer,
    de::{
        IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};
use std::cell::RefCell;

/// A policy as this release understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// What is known of it, checked as in a file.
    pub policy: Policy,
    /// The dotted keys that were ignored. They stay in the row until the policy is replaced.
    pub ignored: Vec<String>,
}

impl StoredPolicy {
    /// Reads the JSON that is stored. Unknown keys are ignored; unknown values of known keys are
    /// not.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let ignored = RefCell::default();
        let whole =
            Known { value: serde_json::from_str(json)?, path: String::new(), ignored: &ignored };
        let policy = Policy::deserialize(whole)?;
        Ok(Self { policy, ignored: ignored.into_inner() })
    }
}

/// A value that shows its structs only the fields that they know.
struct Known<'a> {
    value: Value,
    /// The dotted key of `value`.
    path: String,
    ignored: &'a RefCell<Vec<String>>,
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl<'de> Deserializer<'de> for Known<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { value, path, ignored } = self;
        match value {
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| {
                    let path = below(&path, &name);
                    (name, Known { value, path, ignored })
                });
                MapDeserializer::new(fields).deserialize_any(visitor)
            }
            Value::Array(items) => {
                let items =
                    items.into_iter().map(|value| Known { value, path: path.clone(), ignored });
                SeqDeserializer::new(items).deserialize_any(visitor)
            }
            scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                scalar.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Value::Object(fields) = &mut self.value {
            let is_unknown = |name: &&String| !known.contains(&name.as_str());
            let unknown: Vec<String> = fields.keys().filter(is_unknown).cloned().collect();
            for name in unknown {
                fields.remove(&name);
                self.ignored.borrow_mut().push(below(&self.path, &name));
            }
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Known<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
