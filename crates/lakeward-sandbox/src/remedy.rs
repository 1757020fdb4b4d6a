//! What would help where the host lacks something.

use std::fmt::Display;

use crate::error::SandboxError;
use crate::message::Step;

const WITHOUT: &str = "or start with --sandbox=none, which lets every session read and change what \
     this process's user may";

/// Ubuntu's switch, which makes a user namespace useless.
const APPARMOR: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

/// Says what is missing, in place of what failed.
pub(crate) fn explain(error: SandboxError) -> SandboxError {
    let SandboxError::Stage { step, cause } = &error else {
        return error;
    };
    let advice = match step {
        Step::UserNamespace | Step::Namespaces if restricted() => {
            "AppArmor keeps user namespaces from programs without a profile: run as root, or set \
             kernel.apparmor_restrict_unprivileged_userns=0"
        }
        Step::Tree if restricted() => {
            "AppArmor keeps user namespaces from programs without a profile: run as root, or set \
             kernel.apparmor_restrict_unprivileged_userns=0"
        }
        Step::UserNamespace | Step::Namespaces => {
            "this host or container allows no namespaces: run as root, or set \
             user.max_user_namespaces and kernel.unprivileged_userns_clone"
        }
        Step::Processes => {
            "a container that hides parts of /proc lets no other /proc be mounted: run outside of \
             it, or give it an unmasked /proc"
        }
        Step::SystemCalls => "the kernel needs seccomp with user notifications (Linux 5.0)",
        _ => return error,
    };
    SandboxError::Missing(format!(
        "no enclosures here: {step}: {cause}. {advice}, {WITHOUT}"
    ))
}

/// Without control groups.
pub(crate) fn no_groups(cause: impl Display) -> SandboxError {
    SandboxError::Missing(format!(
        "no control groups to bound sessions with ({cause}). Run as root, or under `systemd-run \
         --user --scope -p Delegate=yes`, or start with --sandbox=namespaces, which bounds \
         neither memory nor processor time of a session"
    ))
}

fn restricted() -> bool {
    std::fs::read_to_string(APPARMOR).is_ok_and(|value| value.trim() == "1")
}
