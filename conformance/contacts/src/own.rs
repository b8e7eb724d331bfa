//! Which sockets the programs under a filter have: what goes to them is contact with oneself.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use super::notice::{Notice, Protocol};
use super::sockets::{protocol, socket_of};

/// Sockets of the programs under a filter whose ports the kernel chooses after it has told of them: those that listen
/// and have no name, and those for datagrams that are about to get one.
#[derive(Default)]
pub(super) struct Own {
    inodes: Vec<u64>,
}

impl Own {
    /// Most sockets that are kept.
    const MOST: usize = 1024;

    pub(super) fn keep(&mut self, socket: OwnedFd) {
        let Ok(facts) = File::from(socket).metadata() else { return };
        if self.inodes.len() < Self::MOST && !self.inodes.contains(&facts.ino()) {
            self.inodes.push(facts.ino());
        }
    }

    /// A socket is about to be given a name.
    pub(super) fn names(&mut self, caller: i32, descriptor: u64) {
        if let Ok(socket) = socket_of(caller, descriptor)
            && protocol(&socket) == Some(Protocol::Udp)
        {
            self.keep(socket);
        }
    }

    /// Whether a contact is with one of them: of loopback a port is one program's, by whichever address.
    pub(super) fn is_told_to(&self, caller: i32, notice: &Notice) -> bool {
        let Notice::Contact { address, protocol: Some(protocol), .. } = notice else { return false };
        let ip = address.ip().to_canonical();
        if self.inodes.is_empty() || !(ip.is_loopback() || ip.is_unspecified()) {
            return false;
        }
        let tables = match protocol {
            Protocol::Tcp => ["tcp", "tcp6"],
            Protocol::Udp => ["udp", "udp6"],
        };
        tables.iter().any(|table| {
            let text = std::fs::read_to_string(format!("/proc/{caller}/net/{table}")).unwrap_or_default();
            text.lines()
                .filter_map(port_and_inode)
                .any(|(port, inode)| port == address.port() && self.inodes.contains(&inode))
        })
    }
}

/// Port and inode of a socket in the kernel's table of them; none for the table's head.
pub(super) fn port_and_inode(line: &str) -> Option<(u16, u64)> {
    let mut words = line.split_whitespace();
    let (_, port) = words.nth(1)?.rsplit_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, words.nth(7)?.parse().ok()?))
}
