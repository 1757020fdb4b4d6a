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

/// What enclosures here do without.
pub(crate) fn shortcomings(landlock: bool, own_users: bool, is_root: bool) -> Vec<&'static str> {
    let mut all = Vec::new();
    if !landlock {
        all.push(
            "the kernel has no Landlock (Linux 5.13): only mounts and users keep sessions from writing \
             elsewhere",
        );
    }
    match (own_users, is_root) {
        (true, _) => {}
        (false, true) => all.push(
            "sessions are root to the host, since this container has no user numbers to give away: \
             they read what of /usr and Python's folders only root may. Run outside of it, or not as root",
        ),
        (false, false) => all.push(
            "sessions are this process's user to the host, and share what the kernel grants one user \
             (processes, pipes, message queues): run as root, and each gets a user of its own",
        ),
    }
    all
}

fn restricted() -> bool {
    std::fs::read_to_string(APPARMOR).is_ok_and(|value| value.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_without_is_said() {
        assert!(shortcomings(true, true, true).is_empty());
        assert!(
            shortcomings(false, true, true)
                .concat()
                .contains("Landlock")
        );
        assert!(
            shortcomings(true, false, true)
                .concat()
                .contains("are root")
        );
        assert!(shortcomings(true, false, false).concat().contains("share"));
    }
}
