//! Which part of a host name is a bucket.

use s3s::{
    S3Result,
    host::{S3Host, VirtualHost},
};

/// The hosts whose subdomains are buckets. A request to any other host is path-style.
///
/// `s3.amazonaws.com`, `s3.<region>.amazonaws.com` and their dual-stack forms always count, for
/// clients that come through the proxy under AWS's own names.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    bases: Vec<String>,
}

impl Hosts {
    /// Hosts with more base domains, for instance `localhost` or `s3.lake.example`.
    #[must_use]
    pub fn new(bases: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let bases = bases
            .into_iter()
            .map(|base| base.into().to_ascii_lowercase());
        Self {
            bases: bases.collect(),
        }
    }

    fn bucket<'h>(&self, host: &'h str) -> Option<&'h str> {
        let own = self.bases.iter().filter(|base| is_under(host, base));
        let bucket = match own.max_by_key(|base| base.len()) {
            Some(base) => host.strip_suffix(base.as_str())?.strip_suffix('.'),
            None => aws_bucket(host),
        };
        bucket.filter(|bucket| !bucket.is_empty())
    }
}

/// Whether `host` is `base` or a subdomain of it.
fn is_under(host: &str, base: &str) -> bool {
    let above = host.strip_suffix(base);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// `bucket.s3.region.amazonaws.com` and its older forms.
fn aws_bucket(host: &str) -> Option<&str> {
    let rest = host.strip_suffix(".amazonaws.com")?;
    // A bucket name may hold `.s3` itself, so the last one is the service.
    let at = rest.rfind(".s3")?;
    let (bucket, service) = rest.split_at_checked(at)?;
    let service = service.strip_prefix(".s3")?;
    let labels = service.split('.').filter(|label| !label.is_empty()).count();
    let known = service.is_empty() || service.starts_with('.') || service.starts_with('-');
    (known && labels <= 2).then_some(bucket)
}

/// The host without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let lower = without_port(host).to_ascii_lowercase();
        let answer = VirtualHost::new(host);
        Ok(match self.bucket(&lower) {
            Some(bucket) => answer.with_bucket(bucket.to_owned()),
            None => answer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_found_in_hosts() {
        let hosts = Hosts::new(["localhost", "s3.localhost", "s3.lake.example"]);
        for (host, bucket) in [
            ("localhost", None),
            ("localhost:4566", None),
            ("s3.localhost:4566", None),
            ("lake.s3.localhost", Some("lake")),
            ("lake.localhost:4566", Some("lake")),
            ("a.b.s3.lake.example", Some("a.b")),
            ("s3.lake.example", None),
            ("lake.example", None),
            ("notlocalhost", None),
            ("s3.amazonaws.com", None),
            ("s3.us-east-1.amazonaws.com", None),
            ("s3-us-west-2.amazonaws.com", None),
            ("s3.dualstack.us-east-1.amazonaws.com", None),
            ("lake.s3.amazonaws.com", Some("lake")),
            ("Lake.S3.us-east-1.amazonaws.com", Some("lake")),
            ("lake.s3-us-west-2.amazonaws.com", Some("lake")),
            ("my.s3.data.s3.us-east-1.amazonaws.com", Some("my.s3.data")),
            (
                "lake.s3.dualstack.us-east-1.amazonaws.com:443",
                Some("lake"),
            ),
            ("glue.us-east-1.amazonaws.com", None),
            ("127.0.0.1:9000", None),
            ("anything.else", None),
        ] {
            let answer = hosts.parse_host_header(host).unwrap();
            assert_eq!(answer.bucket(), bucket, "{host}");
        }
    }
}
