//! The network of an enclosure: loopback alone, with sockets on it that the host serves.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// `RTM_NEWLINK`, from linux/rtnetlink.h.
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_ANSWERED: u16 = 1 | 4;
/// `NLMSG_ERROR`: the answer, also of success.
const ANSWER: u16 = 2;
/// In a new network namespace, loopback is the first interface.
const LOOPBACK: u32 = 1;
/// `IFF_UP`.
const UP: u32 = 1;

/// Switches the loopback interface on.
pub(super) fn raise_loopback() -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE is 0.
        None,
    )?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (_, length) = recv(&socket, &mut answer, RecvFlags::empty())?;
    refusal(answer.get(..length).unwrap_or_default()).map_or(Ok(()), Err)
}

/// A `struct nlmsghdr` and a `struct ifinfomsg`.
fn request() -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(LOOPBACK.to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    let length = 16 + u32::try_from(body.len()).unwrap_or_default();
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_ANSWERED.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// Why the kernel refused, unless it did not.
fn refusal(answer: &[u8]) -> Option<io::Error> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok());
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok());
    match (kind.map(u16::from_ne_bytes), code.map(i32::from_ne_bytes)) {
        (Some(ANSWER), Some(0)) => None,
        (Some(ANSWER), Some(code)) => Some(io::Error::from_raw_os_error(code.saturating_neg())),
        _ => Some(io::Error::other("an answer that is none")),
    }
}

/// Listens on each of these ports of loopback.
pub(super) fn listen(ports: &[u16]) -> io::Result<Vec<TcpListener>> {
    let sockets = ports.iter();
    sockets
        .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_success_is_one() {
        let answer = |kind: u16, code: i32| {
            let mut bytes = vec![0; 4];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(code.to_ne_bytes());
            bytes
        };
        assert!(refusal(&answer(2, 0)).is_none());
        let error = refusal(&answer(2, -1)).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(refusal(&answer(3, 0)).is_some() && refusal(&[]).is_some());
        assert_eq!(request().len(), 32);
    }
}
