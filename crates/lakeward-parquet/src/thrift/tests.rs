use proptest::prelude::*;

use super::read::ThriftError;
use super::*;

const INNER: Fields = &[(1, Shape::Binary), (2, Shape::I64), (40, Shape::I8)];
const OUTER: Fields = &[
    (1, Shape::Bool),
    (2, Shape::I16),
    (3, Shape::I32),
    (20, Shape::List(&Shape::Struct(INNER))),
    (21, Shape::List(&Shape::Bool)),
    (300, Shape::Struct(INNER)),
];

fn inner(text: &[u8], number: i64) -> Struct<'_> {
    Struct::default()
        .with(1, Value::Binary(text))
        .with(2, Value::I64(number))
        .with(40, Value::I8(-3))
}

proptest! {
    #[test]
    fn what_is_written_reads_back(text in proptest::collection::vec(any::<u8>(), 0..40),
                                  number: i64, small: i16, flag: bool, count in 0usize..40,
                                  cut: prop::sample::Index) {
        let items: Vec<_> = (0..count).map(|_| Value::Struct(inner(&text, number))).collect();
        let items = match items.is_empty() {
            true => Value::EmptyList(&Shape::Struct(INNER)),
            false => Value::List(items),
        };
        let tree = Struct::default()
            .with(1, Value::Bool(flag))
            .with(2, Value::I16(small))
            .with(3, Value::I32(i32::MIN))
            .with(20, items)
            .with(21, Value::List(vec![Value::Bool(flag), Value::Bool(!flag)]))
            .with(300, Value::Struct(inner(&text, number)));
        let bytes = tree.to_bytes();
        prop_assert_eq!(read_struct(&bytes, OUTER), Ok((tree.clone(), bytes.len())));
        let (nothing, length) = read_struct(&bytes, &[]).unwrap();
        prop_assert_eq!((nothing, length), (Struct::default(), bytes.len()));
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert!(read_struct(cut, OUTER).is_err());
        prop_assert!(read_struct(cut, &[]).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_struct(&bytes, OUTER);
        let _ = read_struct(&bytes, &[]);
    }
}

#[test]
fn unlisted_fields_vanish() {
    let tree = Struct::default()
        .with(1, Value::Bool(true))
        .with(7, Value::Struct(inner(b"secret", 1)))
        .with(9, Value::List(vec![Value::Bool(true); 20]))
        .with(20, Value::List(Vec::new()));
    let bytes = tree.to_bytes();
    let (read, _) = read_struct(&bytes, OUTER).unwrap();
    let expected = Struct::default()
        .with(1, Value::Bool(true))
        .with(20, Value::EmptyList(&Shape::Struct(INNER)));
    assert_eq!(read, expected);
}

#[test]
fn many_small_values_are_refused() {
    const LISTS: Fields = &[(1, Shape::List(&Shape::Struct(INNER)))];
    let structs = |count: usize| {
        let items = vec![Value::Struct(Struct::default()); count];
        let tree = Struct::default().with(1, Value::List(items));
        read_struct(&tree.to_bytes(), LISTS).map(drop)
    };
    assert_eq!(structs(2_500_000), Err(ThriftError::Many));
    assert_eq!(structs(100_000), Ok(()));
}

#[test]
fn empty_lists_keep_the_type_of_their_items() {
    const NUMBERS: Fields = &[(1, Shape::List(&Shape::I64))];
    let bytes = [0x19, I64, 0];
    let (tree, _) = read_struct(&bytes, NUMBERS).unwrap();
    assert_eq!(tree.list(1), Some(&[][..]));
    assert_eq!(tree.to_bytes(), bytes);
}

#[test]
fn doubtful_input_is_refused() {
    let twice = [0x15, 2, 0x05, 6, 4, 0x05, 6, 4, 0];
    assert_eq!(read_struct(&twice, OUTER), Err(ThriftError::Type(1)));
    let twice = [0x35, 4, 0x05, 6, 4, 0];
    assert_eq!(read_struct(&twice, OUTER), Err(ThriftError::Twice(3)));
    let deep = vec![0x1c; 100_000];
    assert_eq!(read_struct(&deep, &[]), Err(ThriftError::Deep));
    let huge_list = [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
    assert_eq!(read_struct(&huge_list, &[]), Err(ThriftError::Short));
    let huge_number = [0x16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert_eq!(
        read_struct(&huge_number, &[(1, Shape::I64)]),
        Err(ThriftError::Number)
    );
}
