//! Grants that give away more than their author may think.

use lakeward_policy::{StatementEffect, StatementSummary};

use super::{Kind, Remarks, Subject, includes};

const CONNECT: &str = "elasticmapreduce:getclustersessioncredentials";
const RUNTIME_ROLE: &str = "elasticmapreduce:ExecutionRoleArn";
const PASS_ROLE: &str = "iam:passrole";

pub(super) fn check(
    subject: &Subject<'_>,
    statement: &StatementSummary<'_>,
    remarks: &mut Remarks<'_>,
) {
    if statement.effect != StatementEffect::Allow {
        return;
    }
    match subject.kind {
        Kind::Identity => {
            check_runtime_role(statement, remarks);
            check_pass_role(statement, remarks);
            check_not_action(statement, remarks);
        }
        Kind::Resource | Kind::Trust => {
            check_not_action(statement, remarks);
            check_everyone(subject.kind, statement, remarks);
        }
        // These only limit what others grant, and speak of everyone.
        Kind::Scp | Kind::Rcp | Kind::Endpoint => {}
    }
}

/// Source: EMR Management Guide, "Run an EMR Studio Workspace with a runtime role" (its warning).
fn check_runtime_role(statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    if !includes(statement, CONNECT) {
        return;
    }
    let guards = statement.written.conditions.iter().any(|condition| {
        let wild = |value: &String| value.chars().all(|c| c == '*');
        condition.key.eq_ignore_ascii_case(RUNTIME_ROLE)
            && condition.operator != "Null"
            && !condition.values.iter().any(wild)
    });
    if !guards {
        remarks.warning(
            "runtime-role-unguarded",
            "elasticmapreduce:GetClusterSessionCredentials is allowed without a condition on \
             elasticmapreduce:ExecutionRoleArn, so every runtime role can be used",
            "Name the roles in a condition on elasticmapreduce:ExecutionRoleArn.",
        );
    }
}

fn check_pass_role(statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    let written = statement.written;
    // Fields that are left out at the end of an ARN stand for anything.
    let any_role = written.not_resource
        || written.resources.iter().any(|pattern| {
            let name = pattern.splitn(6, ':').nth(5);
            name.is_none_or(|name| matches!(name, "*" | "role/*"))
        });
    let guarded = written.conditions.iter().any(|condition| {
        let key = condition.key.to_ascii_lowercase();
        matches!(&*key, "iam:passedtoservice" | "iam:associatedresourcearn")
            || key.starts_with("iam:resourcetag/")
    });
    if includes(statement, PASS_ROLE) && any_role && !guarded {
        remarks.warning(
            "pass-role-wildcard",
            "iam:PassRole is allowed for every role, so anything that a role may do can be reached through a service",
            "Name the roles as resources, or the services in a condition on iam:PassedToService.",
        );
    }
}

fn check_not_action(statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    if statement.written.not_action {
        remarks.warning(
            "not-action-allow",
            "Allow with NotAction grants every action that isn't listed, those of future services too",
            "List what is allowed in Action, or deny with NotAction.",
        );
    }
}

fn check_everyone(kind: Kind, statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    let written = statement.written;
    let everyone = written.principals.iter().any(|(_, name)| name == "*");
    if !everyone || !written.conditions.is_empty() {
        return;
    }
    let message = match kind {
        Kind::Trust => "Anyone in any account whose own policies allow it may assume the role",
        _ => "Everyone may do this, in every account and without signing in",
    };
    let advice =
        "Name the principals, or add a condition such as aws:PrincipalOrgID or aws:SourceAccount.";
    remarks.warning("open-principal", message, advice);
}
