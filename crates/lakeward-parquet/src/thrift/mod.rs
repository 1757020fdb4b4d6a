//! Thrift's compact protocol as trees, read by allow-list.
//!
//! A [`Shape`] says which fields of a struct are wanted and what they are. All other fields are
//! skipped while reading, so that a tree, and whatever is written from it, holds nothing unlisted.
//! A listed field of another type than its shape, or one that occurs twice, is an error: readers
//! differ in what they make of it.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::read_struct;

/// What a wanted value is.
#[derive(Debug, PartialEq)]
pub(crate) enum Shape {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Binary,
    List(&'static Shape),
    Struct(Fields),
}

/// The wanted fields of a struct.
pub(crate) type Fields = &'static [(i16, Shape)];

/// A value; text and bytes are borrowed from what was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    Binary(&'a [u8]),
    List(Vec<Value<'a>>),
    /// A list without items, which still tells what they would be; some readers insist on it.
    EmptyList(&'static Shape),
    Struct(Struct<'a>),
}

/// A struct: its fields in ascending order of their identifiers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Struct<'a> {
    fields: Vec<(i16, Value<'a>)>,
}

impl<'a> Struct<'a> {
    pub(crate) fn get(&self, id: i16) -> Option<&Value<'a>> {
        let index = self
            .fields
            .binary_search_by_key(&id, |field| field.0)
            .ok()?;
        self.fields.get(index).map(|field| &field.1)
    }

    pub(crate) fn has(&self, id: i16) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn set(&mut self, id: i16, value: Value<'a>) {
        match self.fields.binary_search_by_key(&id, |field| field.0) {
            Ok(index) => {
                if let Some(field) = self.fields.get_mut(index) {
                    field.1 = value;
                }
            }
            Err(index) => self.fields.insert(index, (id, value)),
        }
    }

    /// Chaining form of [`Struct::set`].
    pub(crate) fn with(mut self, id: i16, value: Value<'a>) -> Self {
        self.set(id, value);
        self
    }

    pub(crate) fn take(&mut self, id: i16) -> Option<Value<'a>> {
        let index = self
            .fields
            .binary_search_by_key(&id, |field| field.0)
            .ok()?;
        Some(self.fields.remove(index).1)
    }

    pub(crate) fn i32(&self, id: i16) -> Option<i32> {
        match self.get(id)? {
            Value::I32(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn i64(&self, id: i16) -> Option<i64> {
        match self.get(id)? {
            Value::I64(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, id: i16) -> Option<bool> {
        match self.get(id)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn binary(&self, id: i16) -> Option<&'a [u8]> {
        match self.get(id)? {
            Value::Binary(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn list(&self, id: i16) -> Option<&[Value<'a>]> {
        match self.get(id)? {
            Value::List(items) => Some(items),
            Value::EmptyList(_) => Some(&[]),
            _ => None,
        }
    }

    pub(crate) fn structure(&self, id: i16) -> Option<&Struct<'a>> {
        match self.get(id)? {
            Value::Struct(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn take_list(&mut self, id: i16) -> Option<Vec<Value<'a>>> {
        match self.take(id)? {
            Value::List(items) => Some(items),
            Value::EmptyList(_) => Some(Vec::new()),
            _ => None,
        }
    }

    pub(crate) fn take_struct(&mut self, id: i16) -> Option<Struct<'a>> {
        match self.take(id)? {
            Value::Struct(value) => Some(value),
            _ => None,
        }
    }

    /// The struct in compact protocol.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::write_struct(&mut out, self);
        out
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I8: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

fn code(shape: &Shape) -> u8 {
    match shape {
        Shape::Bool => TRUE,
        Shape::I8 => I8,
        Shape::I16 => I16,
        Shape::I32 => I32,
        Shape::I64 => I64,
        Shape::Binary => BINARY,
        Shape::List(_) => LIST,
        Shape::Struct(_) => STRUCT,
    }
}

fn value_code(value: &Value<'_>) -> u8 {
    match value {
        Value::Bool(true) => TRUE,
        Value::Bool(false) => FALSE,
        Value::I8(_) => I8,
        Value::I16(_) => I16,
        Value::I32(_) => I32,
        Value::I64(_) => I64,
        Value::Binary(_) => BINARY,
        Value::List(_) | Value::EmptyList(_) => LIST,
        Value::Struct(_) => STRUCT,
    }
}
