//! What a cluster consists of, and the operations that show it.

pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod list;
pub(crate) mod record;
