//! Giving up what a process may do.

use std::io;

use rustix::fs::{Gid, Uid};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::{During as _, Failure};
use crate::message::{Identity, Step};

/// The number of the enclosure's user and group, inside.
pub(super) const UNPRIVILEGED_ID: u32 = 1000;

#[allow(
    deprecated,
    reason = "its successor is unsafe for descriptor tables shared by threads; there is one thread"
)]
pub(super) fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(namespaces)?)
}

/// The number of the root user.
pub(super) const ROOT: u32 = 0;

/// Enters a new user namespace in which user and group `outside` are called `inside`, and nobody
/// else exists. `outside` are the process's own.
pub(super) fn enter_user_namespace(outside: u32, inside: u32) -> io::Result<()> {
    let group = rustix::process::getegid().as_raw();
    unshare(UnshareFlags::NEWUSER)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{inside} {outside} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{inside} {group} 1"))
}

/// Becomes the unprivileged user that the enclosure's processes are: of a user namespace of its
/// own, which owns none of the other namespaces, and without any capability even there.
pub(super) fn become_unprivileged(identity: Identity) -> Result<(), Failure> {
    let outside = match identity {
        Identity::Own(id) => {
            // Some hosts let only a privileged process make a user namespace.
            set_keep_capabilities(true).during(Step::Privileges)?;
            switch_user(id).during(Step::Privileges)?;
            raise_what_is_permitted().during(Step::Privileges)?;
            id
        }
        Identity::Daemons => ROOT,
    };
    // A process that changed its user may else not write its own maps.
    set_dumpable_behavior(DumpableBehavior::Dumpable).during(Step::Privileges)?;
    enter_user_namespace(outside, UNPRIVILEGED_ID).during(Step::UserNamespace)?;
    drop_capabilities().during(Step::Privileges)
}

/// Gives up what a stage needed while it worked.
pub(super) fn give_up(identity: Identity) -> Result<(), Failure> {
    if let Identity::Own(id) = identity {
        drop_bounding_set().during(Step::Privileges)?;
        switch_user(id).during(Step::Privileges)?;
    }
    drop_capabilities().during(Step::Privileges)
}

fn switch_user(id: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

fn raise_what_is_permitted() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.effective = sets.permitted;
    Ok(set_capabilities(None, sets)?)
}

fn drop_capabilities() -> io::Result<()> {
    set_no_new_privs(true)?;
    if capabilities(None)?
        .effective
        .contains(CapabilitySet::SETPCAP)
    {
        drop_bounding_set()?;
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}

fn drop_bounding_set() -> io::Result<()> {
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        match remove_capability_from_bounding_set(capability) {
            // The kernel has no more of them.
            Err(rustix::io::Errno::INVAL) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}
