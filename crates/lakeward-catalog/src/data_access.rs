//! The decision that the gate serves the lake's bytes under.

use lakeward_grants::TableView;
use lakeward_identity::{Call, Permit};
use lakeward_policy::Context;
use lakeward_wire::AwsError;

use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::lake_formation::DataLakeSettings;
use crate::location::{self, folders_of_object, folders_of_prefix};

/// The session tag that an engine of Lake Formation's makes itself known by.
const AUTHORIZED_CALLER_TAG: &str = "LakeFormationAuthorizedCaller";

/// What Lake Formation says to reading an object or listing a prefix.
#[derive(Debug)]
pub enum ObjectAccess {
    /// Not at a registered location: IAM and the bucket policy alone decide.
    Unregistered,
    /// The caller sees the table that the place belongs to, as the permit tells.
    View(ViewPermit),
    /// The caller sees nothing there, or there is nothing; the error doesn't tell which.
    Denied(AwsError),
}

/// Proof that IAM and Lake Formation let a caller read a table's data through a view.
///
/// Only [`Catalog::object_access`] and [`Catalog::prefix_access`] make one, after the whole decision.
#[derive(Debug)]
pub struct ViewPermit {
    view: TableView,
    database: String,
    table: String,
    location: String,
    /// IAM's part of the decision.
    _data_access: Permit,
}

impl ViewPermit {
    /// What the caller sees of the table.
    #[must_use]
    pub fn view(&self) -> &TableView {
        &self.view
    }

    /// The table's database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Where the table's data lies: `s3://bucket/folder/`, with the slash at its end.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }
}

impl Catalog {
    /// What Lake Formation says to reading the object.
    ///
    /// Asks IAM for `lakeformation:GetDataAccess` when the object lies at a registered location.
    ///
    /// # Errors
    /// None at present; a refusal is [`ObjectAccess::Denied`].
    pub fn object_access(
        &self,
        call: &Call,
        bucket: &str,
        key: &str,
    ) -> Result<ObjectAccess, AwsError> {
        let place = format!("s3://{bucket}/{key}");
        Ok(data_access(call, &place, &folders_of_object(bucket, key)))
    }

    /// What Lake Formation says to listing what begins with `prefix`.
    ///
    /// A view is only given when all of that lies inside one table: the prefix must reach to the slash
    /// after the table's folder.
    ///
    /// # Errors
    /// None at present; a refusal is [`ObjectAccess::Denied`].
    pub fn prefix_access(
        &self,
        call: &Call,
        bucket: &str,
        prefix: &str,
    ) -> Result<ObjectAccess, AwsError> {
        let place = format!("s3://{bucket}/{prefix}");
        Ok(data_access(
            call,
            &place,
            &folders_of_prefix(bucket, prefix),
        ))
    }

    /// Whether Lake Formation lets the caller write the object, if IAM does.
    ///
    /// Someone who sees only a part of a table doesn't write among its data: what it can't see it could
    /// overwrite, or write back masked.
    #[must_use]
    pub fn writes_allowed(&self, call: &Call, bucket: &str, key: &str) -> bool {
        let caller = Caller::of(call);
        let access = Access::new(call.snapshot(), &caller);
        let folders = folders_of_object(bucket, key);
        let Some(place) = access.lake().table_at(folders.iter().map(String::as_str)) else {
            return true;
        };
        let Some(table) = access.lake().table(&place.database, &place.table) else {
            return false;
        };
        !access.sees_a_part(&table)
    }
}

fn data_access(call: &Call, place: &str, folders: &[String]) -> ObjectAccess {
    let caller = Caller::of(call);
    let access = Access::new(call.snapshot(), &caller);
    let folders = || folders.iter().map(String::as_str);
    if !access.lake().is_registered(folders()) {
        return ObjectAccess::Unregistered;
    }
    match call.authorize("lakeformation:GetDataAccess", "*", Context::new()) {
        Err(refusal) => ObjectAccess::Denied(refusal),
        Ok(data_access) => {
            let answer = match permit(&access, folders(), data_access) {
                Some(permit) => admit_engine(call, &access, permit),
                None => denied(CatalogError::Insufficient(format!(" on {place}"))),
            };
            note(call, place, &answer);
            answer
        }
    }
}

/// Puts Lake Formation's side of the decision into the audit record.
fn note(call: &Call, place: &str, answer: &ObjectAccess) {
    let (allowed, reason) = match answer {
        ObjectAccess::View(permit) => (
            true,
            format!("a grant on {}.{}", permit.database, permit.table),
        ),
        ObjectAccess::Denied(refusal) => (false, refusal.message.clone()),
        ObjectAccess::Unregistered => return,
    };
    call.note("lakeformation:Select", place, allowed, reason);
}

/// The caller's view of the table whose data one of the folders holds.
///
/// The table itself must lie at a registered location: whoever makes a table above one owns that table,
/// but nothing of what is registered below it.
fn permit<'f>(
    access: &Access<'_>,
    folders: impl Iterator<Item = &'f str>,
    data_access: Permit,
) -> Option<ViewPermit> {
    let place = access.lake().table_at(folders)?;
    if !access.lake().is_registered(location::folders(&place.path)) {
        return None;
    }
    let table = access.lake().table(&place.database, &place.table)?;
    let view = match access.view(&table) {
        Ok(view) => view?,
        Err(error) => {
            tracing::warn!(
                database = place.database,
                table = place.table,
                %error,
                "a data cells filter doesn't fit its table: access is denied"
            );
            return None;
        }
    };
    Some(ViewPermit {
        view,
        database: place.database.clone(),
        table: place.table.clone(),
        location: format!("s3://{}", place.path),
        _data_access: data_access,
    })
}

/// Applies the account's settings for engines outside Lake Formation to a session that has the tag of
/// one.
fn admit_engine(call: &Call, access: &Access<'_>, permit: ViewPermit) -> ObjectAccess {
    let settings = access.lake().settings();
    match call.session_tag(AUTHORIZED_CALLER_TAG) {
        Some(value) if !admits(&settings, value, call.account(), &permit.view) => {
            denied(CatalogError::Insufficient(format!(
                ": external data filtering is not allowed for session tag value `{value}` in account {}",
                call.account()
            )))
        }
        _ => ObjectAccess::View(permit),
    }
}

fn admits(settings: &DataLakeSettings, tag: &str, account: &str, view: &TableView) -> bool {
    let filters = settings.allow_external_data_filtering == Some(true)
        && settings.authorizes_session_tag(tag)
        && settings.allows_filtering_in(account);
    let whole = settings.allow_full_table_external_data_access == Some(true) && view.is_full();
    filters || whole
}

fn denied(error: CatalogError) -> ObjectAccess {
    ObjectAccess::Denied(error.into())
}
