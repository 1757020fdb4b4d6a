//! The fields of Parquet's metadata that may reach a filtered file, or that tell whether a file can
//! be filtered at all. Identifiers are those of `parquet.thrift` in apache/parquet-format.

use crate::thrift::{Fields, Shape};

const EMPTY: Shape = Shape::Struct(&[]);

/// `FileMetaData`, without key-value metadata (5): other tools' schemas and comments in there name
/// hidden columns. Encryption (8) is read to be refused.
pub(crate) const FILE_META_DATA: Fields = &[
    (1, Shape::I32),
    (2, Shape::List(&Shape::Struct(SCHEMA_ELEMENT))),
    (3, Shape::I64),
    (4, Shape::List(&Shape::Struct(ROW_GROUP))),
    (6, Shape::Binary),
    (7, Shape::List(&Shape::Struct(COLUMN_ORDER))),
    (8, EMPTY),
];

const COLUMN_ORDER: Fields = &[(1, EMPTY), (2, EMPTY)];

const SCHEMA_ELEMENT: Fields = &[
    (1, Shape::I32),
    (2, Shape::I32),
    (3, Shape::I32),
    (4, Shape::Binary),
    (5, Shape::I32),
    (6, Shape::I32),
    (7, Shape::I32),
    (8, Shape::I32),
    (9, Shape::I32),
    (10, Shape::Struct(LOGICAL_TYPE)),
];

const LOGICAL_TYPE: Fields = &[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Shape::Struct(&[(1, Shape::I32), (2, Shape::I32)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Shape::Struct(&[(1, Shape::I8), (2, Shape::Bool)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Shape::Struct(&[(1, Shape::I8)])),
    (17, Shape::Struct(&[(1, Shape::Binary)])),
    (18, Shape::Struct(&[(1, Shape::Binary), (2, Shape::I32)])),
];

const TIME: Shape = Shape::Struct(&[
    (1, Shape::Bool),
    (2, Shape::Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)])),
]);

const ROW_GROUP: Fields = &[
    (1, Shape::List(&Shape::Struct(COLUMN_CHUNK))),
    (2, Shape::I64),
    (3, Shape::I64),
    (4, Shape::List(&Shape::Struct(SORTING_COLUMN))),
    (5, Shape::I64),
    (6, Shape::I64),
    (7, Shape::I16),
];

const SORTING_COLUMN: Fields = &[(1, Shape::I32), (2, Shape::Bool), (3, Shape::Bool)];

/// `ColumnChunk`; the path of another file (1) and encryption (8, 9) are read to be refused.
const COLUMN_CHUNK: Fields = &[
    (1, Shape::Binary),
    (3, Shape::Struct(COLUMN_META_DATA)),
    (4, Shape::I64),
    (5, Shape::I32),
    (6, Shape::I64),
    (7, Shape::I32),
    (8, EMPTY),
    (9, Shape::Binary),
];

/// `ColumnMetaData`, without key-value metadata (8), index pages (10) and geospatial statistics (17).
const COLUMN_META_DATA: Fields = &[
    (1, Shape::I32),
    (2, Shape::List(&Shape::I32)),
    (3, Shape::List(&Shape::Binary)),
    (4, Shape::I32),
    (5, Shape::I64),
    (6, Shape::I64),
    (7, Shape::I64),
    (9, Shape::I64),
    (11, Shape::I64),
    (12, Shape::Struct(STATISTICS)),
    (13, Shape::List(&Shape::Struct(PAGE_ENCODING_STATS))),
    (14, Shape::I64),
    (15, Shape::I32),
    (16, Shape::Struct(SIZE_STATISTICS)),
];

const STATISTICS: Fields = &[
    (1, Shape::Binary),
    (2, Shape::Binary),
    (3, Shape::I64),
    (4, Shape::I64),
    (5, Shape::Binary),
    (6, Shape::Binary),
    (7, Shape::Bool),
    (8, Shape::Bool),
];

const PAGE_ENCODING_STATS: Fields = &[(1, Shape::I32), (2, Shape::I32), (3, Shape::I32)];

const SIZE_STATISTICS: Fields = &[
    (1, Shape::I64),
    (2, Shape::List(&Shape::I64)),
    (3, Shape::List(&Shape::I64)),
];

/// `OffsetIndex`.
pub(crate) const OFFSET_INDEX: Fields = &[
    (
        1,
        Shape::List(&Shape::Struct(&[
            (1, Shape::I64),
            (2, Shape::I32),
            (3, Shape::I64),
        ])),
    ),
    (2, Shape::List(&Shape::I64)),
];

/// `PageHeader`, as far as a survey of pages needs it.
pub(crate) const PAGE_HEADER: Fields = &[
    (1, Shape::I32),
    (2, Shape::I32),
    (3, Shape::I32),
    (5, Shape::Struct(&[(1, Shape::I32), (2, Shape::I32)])),
    (7, Shape::Struct(&[(1, Shape::I32), (2, Shape::I32)])),
    (
        8,
        Shape::Struct(&[
            (1, Shape::I32),
            (2, Shape::I32),
            (3, Shape::I32),
            (4, Shape::I32),
            (5, Shape::I32),
            (6, Shape::I32),
            (7, Shape::Bool),
        ]),
    ),
];
