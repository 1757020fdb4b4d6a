//! The people, policies and layers that the rows are about.

use lakeward_policy::{
    Attached, Context, Decision, Layers, PolicyDocument, Principal, Request, ResourceSide, Usage,
    evaluate,
};

pub const HOME: &str = "111122223333";
pub const AWAY: &str = "444455556666";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
pub const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/ana";
pub const USER: &str = "arn:aws:iam::111122223333:user/ana";
pub const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/ana";
pub const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/id.example.com";
pub const ROOT: &str = "arn:aws:iam::111122223333:root";
pub const OBJECT: &str = "arn:aws:s3:::lake/a";

pub fn session() -> Principal {
    Principal::RoleSession {
        role_arn: ROLE.into(),
        session_arn: SESSION.into(),
    }
}

pub fn service_linked() -> Principal {
    Principal::RoleSession {
        role_arn: "arn:aws:iam::111122223333:role/aws-service-role/emr.amazonaws.com/Cleanup"
            .into(),
        session_arn: "arn:aws:sts::111122223333:assumed-role/Cleanup/emr".into(),
    }
}

pub fn user() -> Principal {
    Principal::User { arn: USER.into() }
}

pub fn federated(issuer: &str) -> Principal {
    Principal::FederatedUser {
        arn: FEDERATED.into(),
        issuer_arn: issuer.into(),
    }
}

pub fn web_identity() -> Principal {
    Principal::WebIdentity {
        provider: PROVIDER.into(),
    }
}

pub fn service(name: &str) -> Principal {
    Principal::Service { name: name.into() }
}

pub fn root() -> Principal {
    Principal::Root {
        account: HOME.into(),
    }
}

/// One statement on every resource, without a principal.
pub fn identity(effect: &str, action: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17",
             "Statement": {{"Sid": "One", "Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Identity).unwrap()
}

/// One statement on every resource, for everyone, of that usage.
pub fn everyone(usage: Usage, effect: &str, action: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "All", "Effect": "{effect}", "Principal": "*",
             "Action": "{action}", "Resource": "*"}}}}"#
    );
    PolicyDocument::parse(&text, usage).unwrap()
}

pub fn bucket(effect: &str, principal: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "Bucket", "Effect": "{effect}", {principal},
             "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Resource).unwrap()
}

pub fn names(principal: &str) -> String {
    format!(r#""Principal": {{"AWS": "{principal}"}}"#)
}

pub fn trust(principal: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {principal}, "Action": "sts:*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Trust).unwrap()
}

/// A policy on S3's neighbour, so silent on S3.
pub fn other() -> PolicyDocument {
    identity("Allow", "glue:*")
}

pub fn owned<'a>(document: &'a PolicyDocument, account: &'a str) -> ResourceSide<'a> {
    ResourceSide::Policy { document, account }
}

/// The layers of a case, owned.
#[derive(Clone, Default)]
pub struct Case {
    identity: Vec<PolicyDocument>,
    boundary: Option<Vec<PolicyDocument>>,
    session: Option<Vec<PolicyDocument>>,
    service_control: Vec<Vec<PolicyDocument>>,
    resource_control: Vec<Vec<PolicyDocument>>,
    endpoint: Option<Vec<PolicyDocument>>,
    unique_id: Option<&'static str>,
    context: Context,
}

impl Case {
    pub fn identity(mut self, document: PolicyDocument) -> Case {
        self.identity.push(document);
        self
    }

    pub fn boundary(mut self, document: PolicyDocument) -> Case {
        self.boundary.get_or_insert_default().push(document);
        self
    }

    pub fn session(mut self, document: PolicyDocument) -> Case {
        self.session.get_or_insert_default().push(document);
        self
    }

    /// One more level of service control policies.
    pub fn service_control(mut self, level: &[PolicyDocument]) -> Case {
        self.service_control.push(level.to_vec());
        self
    }

    /// One more level of resource control policies.
    pub fn resource_control(mut self, level: &[PolicyDocument]) -> Case {
        self.resource_control.push(level.to_vec());
        self
    }

    pub fn endpoint(mut self, document: PolicyDocument) -> Case {
        self.endpoint.get_or_insert_default().push(document);
        self
    }

    pub fn unique_id(mut self, id: &'static str) -> Case {
        self.unique_id = Some(id);
        self
    }

    pub fn context(mut self, context: Context) -> Case {
        self.context = context;
        self
    }

    pub fn request<'a>(&'a self, principal: &'a Principal, action: &'a str) -> Request<'a> {
        Request {
            principal,
            unique_id: self.unique_id,
            action,
            resource: OBJECT,
            context: &self.context,
        }
    }

    pub fn ask(&self, principal: &Principal, action: &str, resource: ResourceSide<'_>) -> Decision {
        let attach =
            |name, documents: &'_ [PolicyDocument]| -> Vec<(&'static str, PolicyDocument)> {
                documents
                    .iter()
                    .map(|document| (name, document.clone()))
                    .collect()
            };
        let inner = |name, documents: &Option<Vec<PolicyDocument>>| {
            documents.as_ref().map(|documents| attach(name, documents))
        };
        let levels = |name, levels: &[Vec<PolicyDocument>]| -> Vec<_> {
            levels.iter().map(|level| attach(name, level)).collect()
        };
        let identity = attach("identity", &self.identity);
        let boundary = inner("boundary", &self.boundary);
        let session = inner("session", &self.session);
        let endpoint = inner("endpoint", &self.endpoint);
        let service_control = levels("scp", &self.service_control);
        let resource_control = levels("rcp", &self.resource_control);
        let boundary = boundary.as_ref().map(borrow);
        let session = session.as_ref().map(borrow);
        let endpoint = endpoint.as_ref().map(borrow);
        let layers = Layers {
            identity: &borrow(&identity),
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            service_control: &service_control.iter().map(borrow).collect::<Vec<_>>(),
            resource_control: &resource_control.iter().map(borrow).collect::<Vec<_>>(),
            endpoint: endpoint.as_deref(),
            resource,
        };
        evaluate(&self.request(principal, action), &layers)
    }

    pub fn reads(&self, principal: &Principal, resource: ResourceSide<'_>) -> bool {
        self.ask(principal, "s3:GetObject", resource).is_allowed()
    }
}

fn borrow<'a>(documents: &'a Vec<(&'static str, PolicyDocument)>) -> Vec<Attached<'a>> {
    let attached =
        |(name, document): &'a (&'static str, PolicyDocument)| Attached { name, document };
    documents.iter().map(attached).collect()
}

/// Identity, boundary and session without a word on S3.
pub fn silent() -> Case {
    Case::default()
        .identity(other())
        .boundary(other())
        .session(other())
}
