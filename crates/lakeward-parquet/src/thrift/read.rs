//! Reading by allow-list. Every length is checked against what is left, so nothing is allocated that
//! isn't there.

use super::{
    BINARY, DOUBLE, FALSE, Fields, I8, I16, I32, I64, LIST, MAP, SET, STRUCT, Shape, Struct, TRUE,
    UUID, Value, code,
};
use crate::limits::{THRIFT_DEPTH, THRIFT_VALUES};

/// Why bytes are no acceptable thrift.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum ThriftError {
    #[error("it ends too early")]
    Short,
    #[error("a number is too long")]
    Number,
    #[error("field {0} has an unexpected type")]
    Type(i16),
    #[error("field {0} occurs twice")]
    Twice(i16),
    #[error("type {0} doesn't exist")]
    Unknown(u8),
    #[error("it is nested too deeply")]
    Deep,
    #[error("it holds too many values")]
    Many,
}

/// Reads the struct at the start of `bytes`; also gives the number of bytes that it takes.
pub(crate) fn read_struct<'a>(
    bytes: &'a [u8],
    fields: Fields,
) -> Result<(Struct<'a>, usize), ThriftError> {
    let mut reader = Reader {
        rest: bytes,
        values_left: THRIFT_VALUES,
    };
    let value = reader.structure(fields, 0)?;
    Ok((value, bytes.len() - reader.rest.len()))
}

struct Reader<'a> {
    rest: &'a [u8],
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ThriftError> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ThriftError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, ThriftError> {
        let (first, rest) = self.rest.split_first().ok_or(ThriftError::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ThriftError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ThriftError::Number)
    }

    fn signed(&mut self) -> Result<i64, ThriftError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn narrow<T: TryFrom<i64>>(&mut self) -> Result<T, ThriftError> {
        T::try_from(self.signed()?).map_err(|_| ThriftError::Number)
    }

    /// A length or count; every counted thing takes a byte at least, so none may exceed the rest.
    fn count(&mut self) -> Result<usize, ThriftError> {
        let count = usize::try_from(self.varint()?).map_err(|_| ThriftError::Short)?;
        if count > self.rest.len() {
            return Err(ThriftError::Short);
        }
        Ok(count)
    }

    /// The header of the next field: its identifier and type; `None` at the end of the struct.
    fn field(&mut self, last: i16) -> Result<Option<(i16, u8)>, ThriftError> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        let delta = i16::from(byte >> 4);
        let id = match delta {
            0 => self.narrow()?,
            _ => last.checked_add(delta).ok_or(ThriftError::Number)?,
        };
        Ok(Some((id, byte & 0x0f)))
    }

    /// The header of a list or set: the number of items and their type.
    fn list_header(&mut self) -> Result<(usize, u8), ThriftError> {
        let byte = self.byte()?;
        let count = match byte >> 4 {
            15 => self.count()?,
            short => usize::from(short),
        };
        if count > self.rest.len() {
            return Err(ThriftError::Short);
        }
        Ok((count, byte & 0x0f))
    }

    fn structure(&mut self, fields: Fields, depth: usize) -> Result<Struct<'a>, ThriftError> {
        if depth > THRIFT_DEPTH {
            return Err(ThriftError::Deep);
        }
        let mut found = Struct::default();
        let mut last = 0;
        while let Some((id, kind)) = self.field(last)? {
            last = id;
            let Some((_, shape)) = fields.iter().find(|field| field.0 == id) else {
                self.skip_field(kind, depth + 1)?;
                continue;
            };
            if found.has(id) {
                return Err(ThriftError::Twice(id));
            }
            let value = match (shape, kind) {
                (Shape::Bool, TRUE) => Value::Bool(true),
                (Shape::Bool, FALSE) => Value::Bool(false),
                _ if kind == code(shape) => self.value(shape, id, depth + 1)?,
                _ => return Err(ThriftError::Type(id)),
            };
            self.values_left = self.values_left.checked_sub(1).ok_or(ThriftError::Many)?;
            found.set(id, value);
        }
        Ok(found)
    }

    fn value(
        &mut self,
        shape: &'static Shape,
        id: i16,
        depth: usize,
    ) -> Result<Value<'a>, ThriftError> {
        Ok(match shape {
            Shape::Bool => Value::Bool(self.byte()? == TRUE),
            Shape::I8 => Value::I8(self.byte()? as i8),
            Shape::I16 => Value::I16(self.narrow()?),
            Shape::I32 => Value::I32(self.narrow()?),
            Shape::I64 => Value::I64(self.signed()?),
            Shape::Binary => {
                let length = self.count()?;
                Value::Binary(self.take(length)?)
            }
            Shape::List(item) => match self.list(item, id, depth)? {
                items if items.is_empty() => Value::EmptyList(item),
                items => Value::List(items),
            },
            Shape::Struct(fields) => Value::Struct(self.structure(fields, depth)?),
        })
    }

    fn list(
        &mut self,
        item: &'static Shape,
        id: i16,
        depth: usize,
    ) -> Result<Vec<Value<'a>>, ThriftError> {
        if depth > THRIFT_DEPTH {
            return Err(ThriftError::Deep);
        }
        let (count, kind) = self.list_header()?;
        let fits = kind == code(item) || (matches!(item, Shape::Bool) && kind == FALSE);
        if count > 0 && !fits {
            return Err(ThriftError::Type(id));
        }
        self.values_left = self
            .values_left
            .checked_sub(count)
            .ok_or(ThriftError::Many)?;
        (0..count)
            .map(|_| self.value(item, id, depth + 1))
            .collect()
    }

    /// Skips the value of a struct's field, where a boolean takes no bytes of its own.
    fn skip_field(&mut self, kind: u8, depth: usize) -> Result<(), ThriftError> {
        match kind {
            TRUE | FALSE => Ok(()),
            _ => self.skip(kind, depth),
        }
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), ThriftError> {
        if depth > THRIFT_DEPTH {
            return Err(ThriftError::Deep);
        }
        match kind {
            TRUE | FALSE | I8 => drop(self.byte()?),
            I16 | I32 | I64 => drop(self.varint()?),
            DOUBLE => drop(self.take(8)?),
            UUID => drop(self.take(16)?),
            BINARY => {
                let length = self.count()?;
                self.take(length)?;
            }
            LIST | SET => {
                let (count, item) = self.list_header()?;
                for _ in 0..count {
                    self.skip(item, depth + 1)?;
                }
            }
            MAP => self.skip_map(depth)?,
            STRUCT => {
                let mut last = 0;
                while let Some((id, kind)) = self.field(last)? {
                    last = id;
                    self.skip_field(kind, depth + 1)?;
                }
            }
            unknown => return Err(ThriftError::Unknown(unknown)),
        }
        Ok(())
    }

    fn skip_map(&mut self, depth: usize) -> Result<(), ThriftError> {
        let count = self.count()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        for _ in 0..count {
            self.skip(kinds >> 4, depth + 1)?;
            self.skip(kinds & 0x0f, depth + 1)?;
        }
        Ok(())
    }
}
