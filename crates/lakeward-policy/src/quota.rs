//! How large the documents of each use may be.

/// A quota on the size of policies, in characters.
///
/// Source: IAM User Guide, "IAM and AWS STS quotas"; AWS Organizations User Guide, "Quotas and
/// service limits".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quota {
    /// One version of a managed policy.
    ManagedPolicy,
    /// All inline policies of a user together.
    UserPolicies,
    /// All inline policies of a group together.
    GroupPolicies,
    /// All inline policies of a role together.
    RolePolicies,
    /// A role's trust policy. An account may have this quota raised to
    /// [`Quota::HIGHEST_TRUST_POLICY`].
    TrustPolicy,
    /// The policy passed when a session is made.
    SessionPolicy,
    /// A service control policy.
    ServiceControlPolicy,
    /// A resource control policy.
    ResourceControlPolicy,
}

impl Quota {
    /// The highest value to which the quota of trust policies can be raised.
    pub const HIGHEST_TRUST_POLICY: usize = 4_096;

    /// The quota's default value, in characters.
    pub const fn limit(self) -> usize {
        match self {
            Quota::ManagedPolicy => 6_144,
            Quota::UserPolicies | Quota::TrustPolicy | Quota::SessionPolicy => 2_048,
            Quota::GroupPolicies | Quota::ResourceControlPolicy => 5_120,
            Quota::RolePolicies | Quota::ServiceControlPolicy => 10_240,
        }
    }

    /// How much of the quota a text takes. IAM doesn't count white space; STS and Organizations
    /// count every character.
    pub fn measure(self, text: &str) -> usize {
        match self {
            Quota::SessionPolicy | Quota::ServiceControlPolicy | Quota::ResourceControlPolicy => {
                text.chars().count()
            }
            _ => text.chars().filter(|c| !c.is_whitespace()).count(),
        }
    }

    /// Whether these texts together are larger than the quota.
    pub fn is_exceeded<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        let total: usize = texts.into_iter().map(|text| self.measure(text)).sum();
        total > self.limit()
    }

    /// The text with which AWS refuses what is too large; `owner` is the name of the user, group
    /// or role.
    pub fn refusal(self, owner: &str) -> String {
        let limit = self.limit();
        let of = |kind: &str| {
            format!("Maximum policy size of {limit} bytes exceeded for {kind} {owner}")
        };
        match self {
            Quota::ManagedPolicy => format!("Cannot exceed quota for PolicySize: {limit}"),
            Quota::UserPolicies => of("user"),
            Quota::GroupPolicies => of("group"),
            Quota::RolePolicies => of("role"),
            Quota::TrustPolicy => format!("Cannot exceed quota for ACLSizePerRole: {limit}"),
            Quota::SessionPolicy => format!(
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: \
                 Member must have length less than or equal to {limit}"
            ),
            Quota::ServiceControlPolicy | Quota::ResourceControlPolicy => {
                "You have exceeded the allowed maximum size of a policy.".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_counts_where_aws_counts_it() {
        let text = "{ \"é\":\n1 }";
        assert_eq!(Quota::ManagedPolicy.measure(text), 7);
        assert_eq!(Quota::SessionPolicy.measure(text), 10);
        assert_eq!(Quota::ServiceControlPolicy.measure(text), 10);
    }

    #[test]
    fn a_quota_is_used_up_by_all_texts_together() {
        let half = "x".repeat(1_024);
        assert!(!Quota::UserPolicies.is_exceeded([half.as_str(), &half]));
        assert!(Quota::UserPolicies.is_exceeded([half.as_str(), &half, "x"]));
        assert!(!Quota::UserPolicies.is_exceeded([half.as_str(), &half, " "]));
        assert_eq!(
            Quota::UserPolicies.refusal("ana"),
            "Maximum policy size of 2048 bytes exceeded for user ana"
        );
    }

    #[test]
    fn the_limits() {
        let limits = [
            (Quota::ManagedPolicy, 6_144),
            (Quota::UserPolicies, 2_048),
            (Quota::GroupPolicies, 5_120),
            (Quota::RolePolicies, 10_240),
            (Quota::TrustPolicy, 2_048),
            (Quota::SessionPolicy, 2_048),
            (Quota::ServiceControlPolicy, 10_240),
            (Quota::ResourceControlPolicy, 5_120),
        ];
        for (quota, limit) in limits {
            assert_eq!(quota.limit(), limit);
            let full = "x".repeat(limit);
            assert!(!quota.is_exceeded([full.as_str()]), "{quota:?}");
            assert!(quota.is_exceeded([full.as_str(), "x"]), "{quota:?}");
        }
    }
}
