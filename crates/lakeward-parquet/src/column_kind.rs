//! What the values of a column are, from its type annotations in the file.

use crate::thrift::Struct;

/// How the values of a column compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Integers, and the unscaled values of decimals, with so many digits after the point.
    Whole {
        unsigned: bool,
        scale: u32,
    },
    Date,
    Single,
    Double,
    Text,
    Boolean,
    /// Nothing is known to compare with; only whether it is NULL.
    Opaque,
}

/// How the values of the column that `element` describes compare. Its logical type decides, or the
/// older converted type if there is none.
pub(crate) fn kind(element: &Struct<'_>) -> Kind {
    let physical = element.i32(1);
    let meaning = match (element.structure(10), element.i32(6)) {
        (Some(logical), _) => logical_meaning(logical),
        (None, Some(converted)) => converted_meaning(converted, element),
        (None, None) => Some(Meaning::Plain),
    };
    match (physical, meaning) {
        (Some(0), Some(Meaning::Plain)) => Kind::Boolean,
        (Some(4), Some(Meaning::Plain)) => Kind::Single,
        (Some(5), Some(Meaning::Plain)) => Kind::Double,
        (Some(1 | 2), Some(Meaning::Plain)) => Kind::Whole {
            unsigned: false,
            scale: 0,
        },
        (Some(1 | 2), Some(Meaning::Integer { unsigned })) => Kind::Whole { unsigned, scale: 0 },
        (Some(1 | 2 | 6 | 7), Some(Meaning::Decimal { scale })) => Kind::Whole {
            unsigned: false,
            scale,
        },
        (Some(1), Some(Meaning::Date)) => Kind::Date,
        // Text of old writers has no annotation.
        (Some(6), Some(Meaning::Text | Meaning::Plain)) => Kind::Text,
        _ => Kind::Opaque,
    }
}

/// What a type annotation says.
enum Meaning {
    Plain,
    Text,
    Decimal { scale: u32 },
    Date,
    Integer { unsigned: bool },
}

fn logical_meaning(logical: &Struct<'_>) -> Option<Meaning> {
    if [1, 4, 12].iter().any(|text| logical.has(*text)) {
        return Some(Meaning::Text);
    }
    if let Some(decimal) = logical.structure(5) {
        return decimal_meaning(decimal.i32(1), decimal.i32(2));
    }
    if logical.has(6) {
        return Some(Meaning::Date);
    }
    let signed = logical.structure(10)?.boolean(2)?;
    Some(Meaning::Integer { unsigned: !signed })
}

fn converted_meaning(converted: i32, element: &Struct<'_>) -> Option<Meaning> {
    match converted {
        0 | 4 | 19 => Some(Meaning::Text),
        5 => decimal_meaning(element.i32(7).or(Some(0)), element.i32(8)),
        6 => Some(Meaning::Date),
        11..=14 => Some(Meaning::Integer { unsigned: true }),
        15..=18 => Some(Meaning::Integer { unsigned: false }),
        _ => None,
    }
}

fn decimal_meaning(scale: Option<i32>, precision: Option<i32>) -> Option<Meaning> {
    let scale = scale.filter(|scale| (0..=38).contains(scale))?;
    precision.filter(|precision| (1..=38).contains(precision))?;
    Some(Meaning::Decimal {
        scale: scale.unsigned_abs(),
    })
}
