use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use thiserror::Error;

/// Where the state is kept. Neither `Debug` nor `Display` shows a password.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file, for one node.
    File(PathBuf),
    /// A PostgreSQL database, which several nodes may share.
    Postgres(PostgresAddress),
}

/// How to reach a PostgreSQL database.
#[derive(Clone)]
pub struct PostgresAddress {
    options: Box<PgConnectOptions>,
}

/// Why a text doesn't say where the state is. The text isn't repeated: it may hold a password.
#[derive(Debug, Error)]
#[error(
    "the store is neither a path nor a usable URL ({0}); write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"
)]
pub struct LocationError(String);

/// What a URL may set. The driver would ignore others, so that a typing error went unseen.
const PARAMETERS: [&str; 15] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
];

impl Location {
    /// True when several nodes may share this state.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// Reads a `postgres://` URL or a path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(Self::Postgres);
        }
        match text.split_once("://") {
            Some(_) => Err(LocationError(
                "only postgres:// and postgresql:// are known".to_owned(),
            )),
            None if text.is_empty() => Err(LocationError("it is empty".to_owned())),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl FromStr for PostgresAddress {
    type Err = LocationError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let (_, query) = url.split_once('?').unwrap_or((url, ""));
        let mut chose_tls = std::env::var_os("PGSSLMODE").is_some();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !PARAMETERS.contains(&name) {
                return Err(LocationError(
                    "it sets a parameter that isn't known".to_owned(),
                ));
            }
            chose_tls |= matches!(name, "sslmode" | "ssl-mode");
        }
        let mut options: PgConnectOptions = url
            .parse()
            .map_err(|error: sqlx::Error| LocationError(error.to_string()))?;
        // All secrets of the instance go over this connection: on a network it is encrypted, and
        // the server proves who it is, unless the URL says otherwise.
        if !chose_tls && !is_local(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        if options.get_application_name().is_none() {
            options = options.application_name("lakeward");
        }
        Ok(Self {
            options: Box::new(options),
        })
    }
}

impl PostgresAddress {
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = |ip: IpAddr| ip.is_loopback();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(loopback)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options
            .get_database()
            .unwrap_or_else(|| options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "postgres:///{database}?host={}", socket.display()),
            None => write!(
                f,
                "postgres://{}:{}/{database}",
                options.get_host(),
                options.get_port()
            ),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let text = "postgres://ann:s3cret@db.example:5433/lake?password=s3cret2";
        let location: Location = text.parse().unwrap();
        let shown = format!("{location} {location:?} {:#?}", Some(&location));
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("postgres://db.example:5433/lake"), "{shown}");
        for broken in [
            "postgres://ann:s3cret@db.example:99999/lake",
            "postgres://ann:s3cret@db.example/lake?passwrd=s3cret",
            "postgres://ann:s3cret@db.example/lake?sslmode=s3cret-not",
            "mysql://ann:s3cret@db.example/lake",
        ] {
            let error = broken.parse::<Location>().unwrap_err().to_string();
            assert!(!error.contains("ann:s3cret"), "{error}");
            assert!(error.contains("postgres://USER"), "{error}");
        }
    }

    #[test]
    fn a_server_on_the_network_must_prove_who_it_is() {
        let mode = |text: &str| {
            let address: PostgresAddress = text.parse().unwrap();
            format!("{:?}", address.options().get_ssl_mode())
        };
        assert_eq!(mode("postgres://a@db.example/x"), "VerifyFull");
        assert_eq!(mode("postgres://a@10.0.0.7/x"), "VerifyFull");
        assert_eq!(mode("postgres://a@db.example/x?sslmode=require"), "Require");
        assert_eq!(mode("postgres://a@localhost/x"), "Prefer");
        assert_eq!(mode("postgres://a@[::1]/x"), "Prefer");
        assert_eq!(mode("postgres://a@x/y?host=/run/postgresql"), "Prefer");
    }

    #[test]
    fn a_path_is_a_file() {
        let location: Location = "some/state.db".parse().unwrap();
        assert!(matches!(location, Location::File(path) if path == Path::new("some/state.db")));
    }
}
