//! Writing, always in the shortest form.

use super::{FALSE, STRUCT, Struct, TRUE, Value, code, value_code};

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(super) fn write_struct(out: &mut Vec<u8>, value: &Struct<'_>) {
    let mut last = 0i16;
    for (id, value) in &value.fields {
        let kind = value_code(value);
        match id.checked_sub(last) {
            Some(delta @ 1..=15) => out.push((delta as u8) << 4 | kind),
            _ => {
                out.push(kind);
                write_signed(out, i64::from(*id));
            }
        }
        last = *id;
        if !matches!(value, Value::Bool(_)) {
            write_value(out, value);
        }
    }
    out.push(0);
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::I8(value) => out.push(*value as u8),
        Value::I16(value) => write_signed(out, i64::from(*value)),
        Value::I32(value) => write_signed(out, i64::from(*value)),
        Value::I64(value) => write_signed(out, *value),
        Value::Binary(bytes) => {
            write_varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Value::List(items) => write_list(out, items),
        Value::EmptyList(item) => out.push(code(item)),
        Value::Struct(value) => write_struct(out, value),
    }
}

fn write_list(out: &mut Vec<u8>, items: &[Value<'_>]) {
    // The only list made here that may be empty is that of row groups, which are structs.
    let kind = match items.first() {
        Some(Value::Bool(_)) => FALSE,
        Some(first) => value_code(first),
        None => STRUCT,
    };
    match items.len() {
        short @ 0..15 => out.push((short as u8) << 4 | kind),
        long => {
            out.push(0xf0 | kind);
            write_varint(out, long as u64);
        }
    }
    for item in items {
        write_value(out, item);
    }
}
