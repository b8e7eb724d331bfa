//! Sockets of programs under a filter.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{ipproto, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::notice::Protocol;

/// A socket of a program's.
pub(super) fn socket_of(caller: i32, descriptor: u64) -> io::Result<OwnedFd> {
    // The caller is a thread; a process is asked.
    let status = std::fs::read_to_string(format!("/proc/{caller}/status"))?;
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:")).and_then(|id| id.trim().parse().ok());
    let process = process.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let descriptor = i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())?)
}

pub(super) fn protocol(socket: &OwnedFd) -> Option<Protocol> {
    match sockopt::socket_protocol(socket).ok()?? {
        ipproto::TCP | ipproto::MPTCP => Some(Protocol::Tcp),
        ipproto::UDP | ipproto::UDPLITE => Some(Protocol::Udp),
        _ => None,
    }
}
