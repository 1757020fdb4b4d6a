//! Grants and the things they are on, with Lake Formation's names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The pseudo principal whose grant means "the access policies of IAM alone decide".
pub const IAM_ALLOWED_PRINCIPALS: &str = "IAM_ALLOWED_PRINCIPALS";

/// Whether two catalog names are the same: Glue folds database, table and column names to lower case.
pub fn same_name(left: &str, right: &str) -> bool {
    left == right || left.to_lowercase() == right.to_lowercase()
}

/// A column of a table, as Glue describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The Glue/Hive type text, such as `decimal(7,2)`.
    pub data_type: String,
}

/// The columns that a table's rows are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Columns stored in the data files, in table order.
    pub columns: Vec<Column>,
    /// Columns that the directory names carry.
    pub partition_keys: Vec<Column>,
}

impl TableSchema {
    /// The column or partition key called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.all().find(|column| same_name(&column.name, name))
    }

    /// Whether `name` is a partition key.
    pub fn is_partition_key(&self, name: &str) -> bool {
        self.partition_keys
            .iter()
            .any(|key| same_name(&key.name, name))
    }

    /// Every column, the partition keys last.
    pub fn all(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().chain(&self.partition_keys)
    }
}

/// A Lake Formation permission. Serialised under its wire name (`SELECT`, `CREATE_TABLE`, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Permission {
    /// Everything that the resource knows ("Super").
    All,
    /// Read rows.
    Select,
    /// Change the definition.
    Alter,
    /// Remove the resource.
    Drop,
    /// Remove rows.
    Delete,
    /// Add rows.
    Insert,
    /// See the definition.
    Describe,
    /// Make a database in the catalog.
    CreateDatabase,
    /// Make a table in the database.
    CreateTable,
    /// Put tables and databases on a registered location.
    DataLocationAccess,
    /// Make an LF-tag.
    CreateLfTag,
    /// Put an LF-tag on a resource.
    Associate,
    /// Grant by LF-tag expression.
    GrantWithLfTagExpression,
    /// Save an LF-tag expression.
    CreateLfTagExpression,
    /// Make a catalog.
    CreateCatalog,
    /// Everything in a catalog.
    SuperUser,
    /// Call a function.
    Execute,
}

impl Permission {
    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Select => "SELECT",
            Self::Alter => "ALTER",
            Self::Drop => "DROP",
            Self::Delete => "DELETE",
            Self::Insert => "INSERT",
            Self::Describe => "DESCRIBE",
            Self::CreateDatabase => "CREATE_DATABASE",
            Self::CreateTable => "CREATE_TABLE",
            Self::DataLocationAccess => "DATA_LOCATION_ACCESS",
            Self::CreateLfTag => "CREATE_LF_TAG",
            Self::Associate => "ASSOCIATE",
            Self::GrantWithLfTagExpression => "GRANT_WITH_LF_TAG_EXPRESSION",
            Self::CreateLfTagExpression => "CREATE_LF_TAG_EXPRESSION",
            Self::CreateCatalog => "CREATE_CATALOG",
            Self::SuperUser => "SUPER_USER",
            Self::Execute => "EXECUTE",
        }
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that permissions are granted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// The account's Data Catalog.
    Catalog,
    /// A database.
    Database {
        /// The database.
        name: String,
    },
    /// One table.
    Table {
        /// The table's database.
        database: String,
        /// The table.
        name: String,
    },
    /// Every table of a database, those to come included (the wire's `TableWildcard`).
    AllTables {
        /// The tables' database.
        database: String,
    },
    /// Some columns of a table (the wire's `TableWithColumns`).
    Columns {
        /// The table's database.
        database: String,
        /// The table.
        table: String,
        /// The columns.
        columns: ColumnSelection,
    },
    /// A data cells filter on a table.
    DataCellsFilter {
        /// The table's database.
        database: String,
        /// The table.
        table: String,
        /// The filter.
        name: String,
    },
    /// An S3 location.
    DataLocation {
        /// The location's ARN, such as `arn:aws:s3:::bucket/prefix`.
        arn: String,
    },
}

impl Resource {
    /// The database that the resource is, or is in.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Database { name } => Some(name),
            Self::Table { database, .. }
            | Self::AllTables { database }
            | Self::Columns { database, .. }
            | Self::DataCellsFilter { database, .. } => Some(database),
            Self::Catalog | Self::DataLocation { .. } => None,
        }
    }

    /// Whether the resource is this table, all tables of its database, or a part of the table.
    pub fn concerns_table(&self, database: &str, table: &str) -> bool {
        match self {
            Self::Table {
                database: db,
                name: of,
            }
            | Self::Columns {
                database: db,
                table: of,
                ..
            }
            | Self::DataCellsFilter {
                database: db,
                table: of,
                ..
            } => same_name(db, database) && same_name(of, table),
            Self::AllTables { database: db } => same_name(db, database),
            Self::Catalog | Self::Database { .. } | Self::DataLocation { .. } => false,
        }
    }
}

/// Which columns of a table a grant or filter covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnSelection {
    /// Only these columns.
    Include(Vec<String>),
    /// Every column, those to come included, but not these.
    AllExcept(Vec<String>),
}

impl ColumnSelection {
    /// Whether the selection covers `column`.
    pub fn covers(&self, column: &str) -> bool {
        match self {
            Self::Include(names) => names.iter().any(|name| same_name(name, column)),
            Self::AllExcept(names) => !names.iter().any(|name| same_name(name, column)),
        }
    }

    /// Whether the selection leaves out nothing.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::AllExcept(names) if names.is_empty())
    }
}

/// What one principal was granted on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The ARN of a role or user, [`IAM_ALLOWED_PRINCIPALS`], or `<account>:IAMPrincipals`.
    pub principal: String,
    /// What the grant is on.
    pub resource: Resource,
    /// What the principal may do.
    pub permissions: BTreeSet<Permission>,
    /// Which of these the principal may grant to others.
    pub grantable: BTreeSet<Permission>,
}

/// A named rectangle of a table: some rows and some columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCellsFilter {
    /// The table's database.
    pub database: String,
    /// The table.
    pub table: String,
    /// The filter's name, unique for the table.
    pub name: String,
    /// The row filter's text; `None` means all rows.
    pub rows: Option<String>,
    /// The columns.
    pub columns: ColumnSelection,
}
