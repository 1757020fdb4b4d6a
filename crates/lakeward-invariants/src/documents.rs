use lakeward_policy::{
    Arn, Attached, Context, Layers, PolicyDocument, Principal, Request, ResourceSide, Usage,
    evaluate,
};

const ACCOUNT: &str = "111122223333";
const USAGES: [Usage; 6] = [
    Usage::Identity,
    Usage::Resource,
    Usage::Trust,
    Usage::ServiceControl,
    Usage::ResourceControl,
    Usage::Endpoint,
];

/// An ARN is written as it was read.
///
/// # Panics
/// It isn't.
pub fn arn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(arn) = Arn::parse(text) {
        assert_eq!(arn.to_string(), text, "an ARN is written as it was read");
        assert_eq!(Arn::parse(&arn.to_string()), Ok(arn));
    }
}

/// A policy that is understood is understood again from its own text, decides without panicking, and
/// allows nothing unless it says `Allow`.
///
/// # Panics
/// One of these doesn't hold.
pub fn policy_document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for usage in USAGES {
        let Ok(document) = PolicyDocument::parse(text, usage) else {
            continue;
        };
        assert_eq!(document.source(), text);
        assert_eq!(document.usage(), usage);
        let again = PolicyDocument::parse(document.source(), usage);
        let again = again.map_err(|error| error.to_string());
        let decided = decisions(&document);
        assert_eq!(again.as_ref().map(decisions), Ok(decided.clone()));
        assert!(
            text.contains("Allow") || text.contains("\\u") || !decided.contains(&true),
            "a policy without `Allow` allowed"
        );
        // The same names bound to nothing mean what they meant.
        assert_eq!(decisions(&document.bind(|_| None)), decided);
    }
}

/// Whether the document allows some requests, as an identity's policy and as a resource's.
fn decisions(document: &PolicyDocument) -> Vec<bool> {
    let caller = format!("arn:aws:iam::{ACCOUNT}:user/ana");
    let principal = Principal::User { arn: caller };
    let context = Context::new()
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:CurrentTime", "2026-11-21T12:00:00Z")
        .with("aws:PrincipalTag/team", "blue")
        .with("s3:prefix", "home/");
    let attached = [Attached {
        name: "document",
        document,
    }];
    let mut decided = Vec::new();
    for (action, resource) in [
        ("s3:GetObject", "arn:aws:s3:::lake/home/a.parquet"),
        ("sts:AssumeRole", "arn:aws:iam::111122223333:role/reader"),
        ("iam:PassRole", "*"),
    ] {
        let request = Request {
            principal: &principal,
            unique_id: Some("AIDAEXAMPLEEXAMPLE000"),
            action,
            resource,
            context: &context,
        };
        let identity = Layers {
            identity: &attached,
            ..Layers::default()
        };
        let resource = Layers {
            resource: ResourceSide::Policy {
                document,
                account: ACCOUNT,
            },
            ..Layers::default()
        };
        decided.push(evaluate(&request, &identity).is_allowed());
        decided.push(evaluate(&request, &resource).is_allowed());
    }
    decided
}
