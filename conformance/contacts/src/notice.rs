//! What is told of a program.

use std::net::SocketAddr;

/// The protocol of a socket, where it is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A connection.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What a program did with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It connected a socket to it.
    Connect,
    /// It sent something to it.
    Send,
}

/// What a program did, or was about to do when the kernel told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It contacts an address.
    Contact {
        /// The address.
        address: SocketAddr,
        /// The socket's protocol, where it is known.
        protocol: Option<Protocol>,
        /// How.
        act: Act,
    },
    /// It listens at an address of its own.
    Listens(SocketAddr),
    /// It contacts an address that cannot be read.
    Unread,
}
