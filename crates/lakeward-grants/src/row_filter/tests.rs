use proptest::prelude::*;

use super::*;

fn schema() -> TableSchema {
    let column = |name: &str, data_type: &str| Column {
        name: name.into(),
        data_type: data_type.into(),
    };
    TableSchema {
        columns: vec![
            column("i_category", "varchar(20)"),
            column("i_class", "string"),
            column("i_item_sk", "int"),
            column("i_big", "bigint"),
            column("i_price", "decimal(7,2)"),
            column("i_active", "boolean"),
            column("i_since", "date"),
            column("i_maker", "struct<name:string>"),
            column("select", "string"),
            column("oid", "int"),
        ],
        partition_keys: vec![column("year", "int")],
    }
}

fn parse(text: &str) -> Predicate {
    parse_row_filter(text, &schema()).unwrap()
}

fn error(text: &str) -> RowFilterError {
    parse_row_filter(text, &schema()).unwrap_err()
}

fn compare(column: &str, op: CompareOp, value: Literal) -> Predicate {
    Predicate::Compare {
        column: column.into(),
        op,
        value,
    }
}

fn text(value: &str) -> Literal {
    Literal::String(value.into())
}

fn number(value: &str) -> Literal {
    Literal::Number(value.into())
}

#[test]
fn comparisons_take_literals_of_the_columns_type() {
    let electronics = compare("i_category", CompareOp::Eq, text("Electronics"));
    assert_eq!(parse("i_category = 'Electronics'"), electronics);
    assert_eq!(parse("\"I_CATEGORY\"='Electronics'"), electronics);
    assert_eq!(
        parse("i_item_sk>=-007.0"),
        compare("i_item_sk", CompareOp::GtEq, number("-7"))
    );
    assert_eq!(
        parse("i_price != .50"),
        compare("i_price", CompareOp::NotEq, number("0.5"))
    );
    assert_eq!(
        parse("i_price < -0"),
        compare("i_price", CompareOp::Lt, number("0"))
    );
    assert_eq!(
        parse("i_active <> true"),
        compare("i_active", CompareOp::NotEq, Literal::Boolean(true))
    );
    assert_eq!(
        parse("i_class = 'it''s'"),
        compare("i_class", CompareOp::Eq, text("it's"))
    );
    assert_eq!(
        parse("\"select\" = ''"),
        compare("select", CompareOp::Eq, text(""))
    );
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    let [a, b, c] = ["i_item_sk = 1", "i_big = 2", "year = 3"].map(parse);
    assert_eq!(
        parse("i_item_sk = 1 or i_big = 2 AND year = 3"),
        Predicate::Or(vec![a.clone(), Predicate::And(vec![b.clone(), c.clone()])])
    );
    assert_eq!(
        parse("not i_item_sk = 1 and (i_big = 2 or year = 3)"),
        Predicate::And(vec![not(a), Predicate::Or(vec![b, c])])
    );
}

#[test]
fn between_in_like_and_null_tests_may_be_negated() {
    assert_eq!(
        parse("i_item_sk not between 1 and 5"),
        not(Predicate::Between {
            column: "i_item_sk".into(),
            low: number("1"),
            high: number("5"),
        })
    );
    assert_eq!(
        parse("i_category NOT IN ('a', 'b')"),
        not(Predicate::In {
            column: "i_category".into(),
            values: vec![text("a"), text("b")],
        })
    );
    assert_eq!(
        parse("i_category like 'El%'"),
        Predicate::Like {
            column: "i_category".into(),
            pattern: "El%".into(),
        }
    );
    let is_null = Predicate::IsNull {
        column: "i_class".into(),
    };
    assert_eq!(parse("i_class is null"), is_null);
    assert_eq!(parse("i_class is not null"), not(is_null));
}

#[test]
fn a_lone_true_is_every_row() {
    assert!(parse(" true ").is_always());
    assert_eq!(error("true and i_big = 1").position, 1);
}

#[test]
fn errors_name_the_position_and_the_cause() {
    for (text, position, cause) in [
        ("", 1, "missing"),
        ("i_nothing = 1", 1, "no column `i_nothing`"),
        ("i_category = 5", 14, "text in single quotes"),
        ("i_item_sk = '5'", 13, "whole number"),
        ("i_item_sk = 5.5", 13, "whole number"),
        ("i_item_sk = 2147483648", 13, "whole number"),
        ("i_big = 9223372036854775808", 9, "whole number"),
        ("i_price = 1e5", 11, "exponent"),
        ("i_price = 1.2.3", 11, "number"),
        ("i_active = 'x'", 12, "TRUE or FALSE"),
        ("i_active > TRUE", 10, "no order"),
        ("i_category = i_class", 14, "columns"),
        ("i_category = \"Electronics\"", 14, "single quotes"),
        ("i_category = NULL", 14, "IS NULL"),
        ("upper(i_category) = 'E'", 1, "functions"),
        ("i_category = upper('e')", 14, "functions"),
        ("i_maker.name = 'x'", 1, "top-level"),
        ("i_maker = 'x'", 1, "type `struct<name:string>`"),
        ("i_since = '2020-01-01'", 1, "type `date`"),
        ("oid = 5", 1, "can't be used"),
        ("year IS NULL", 6, "partition key"),
        ("i_item_sk LIKE '5%'", 11, "text column"),
        ("i_category LIKE", 16, "value is missing"),
        ("i_category = 'x", 14, "closing '"),
        ("i_category", 11, "operator"),
        ("i_category ! 'x'", 12, "operator"),
        ("i_category = 'x' i_big = 1", 18, "AND or OR"),
        ("(i_category = 'x'", 18, "`)` is missing"),
        ("i_big IN ()", 11, "literal"),
        ("i_big = 1; drop table x", 10, "character `;`"),
        ("5 = i_big", 1, "column name"),
        ("i_category = 'é' AND i_nope = 1", 22, "i_nope"),
    ] {
        let error = error(text);
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.to_string().contains(cause), "{text}: {error}");
    }
}

#[test]
fn length_and_depth_are_limited() {
    let long = format!("i_class = '{}'", "x".repeat(MAX_FILTER_CHARS));
    assert_eq!(error(&long).position, MAX_FILTER_CHARS + 1);
    let deep = format!("{}i_big = 1{}", "(".repeat(900), ")".repeat(900));
    assert!(error(&deep).message.contains("nest"));
    let fine = format!("{}i_big = 1{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(parse(&fine), parse("i_big = 1"));
}

fn arbitrary_predicate() -> impl Strategy<Value = Predicate> {
    let text_value = || "[a-c%_' é]{0,4}".prop_map(Literal::String);
    let integer = || any::<i32>().prop_map(|value| Literal::Number(value.to_string()));
    let leaf = prop_oneof![
        text_value().prop_map(|value| compare("i_class", CompareOp::GtEq, value)),
        integer().prop_map(|value| compare("i_item_sk", CompareOp::NotEq, value)),
        (integer(), integer()).prop_map(|(low, high)| Predicate::Between {
            column: "i_big".into(),
            low,
            high,
        }),
        proptest::collection::vec(text_value(), 1..4).prop_map(|values| Predicate::In {
            column: "select".into(),
            values,
        }),
        "[a%_'\"]{0,5}".prop_map(|pattern| Predicate::Like {
            column: "i_category".into(),
            pattern,
        }),
        Just(Predicate::IsNull {
            column: "i_active".into()
        }),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Predicate::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Predicate::Or),
            inner.prop_map(not),
        ]
    })
}

proptest! {
    #[test]
    fn displayed_predicates_parse_back(predicate in arbitrary_predicate()) {
        let text = predicate.to_string();
        prop_assume!(text.chars().count() <= MAX_FILTER_CHARS);
        prop_assert_eq!(parse(&text), predicate);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~é]{0,60}") {
        _ = parse_row_filter(&text, &schema());
    }

    #[test]
    fn no_sequence_of_words_makes_the_parser_panic(
        words in proptest::collection::vec(
            prop_oneof![
                Just("i_class"), Just("i_big"), Just("NOT"), Just("("), Just(")"), Just("AND"),
                Just("OR"), Just("IN"), Just("'x'"), Just("5"), Just("="), Just("IS"), Just("NULL"),
                Just("BETWEEN"), Just("LIKE"), Just(","), Just("."), Just("-"),
            ],
            0..30,
        )
    ) {
        _ = parse_row_filter(&words.join(" "), &schema());
    }
}
