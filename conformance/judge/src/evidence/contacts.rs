//! Which internet addresses an exporter contacted, as the kernel told of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What the processes of an export contacted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// Each contact once, in the order of the first of its kind. What one of the exporter's own processes listens at is
    /// left out.
    pub seen: Vec<Contact>,
    /// Whether there were others that are not in the list: more than are kept, or one whose address could not be read.
    #[serde(default)]
    pub more: bool,
    /// Whether the machine's file of hosts has `localhost` and the host's own name, so that no name server is asked for
    /// them.
    #[serde(default)]
    pub knows_itself: bool,
}

/// A contact with an address of the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The socket's protocol; absent where it is another or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// How.
    pub act: Act,
}

/// The protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// A connection.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What was done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A socket was connected to it: of datagrams, nothing need have been sent.
    Connect,
    /// Something was sent to it.
    Send,
}

impl std::fmt::Display for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", std::net::SocketAddr::new(self.address, self.port))?;
        match self.protocol {
            Some(Protocol::Tcp) => f.write_str(" (tcp)"),
            Some(Protocol::Udp) => f.write_str(" (udp)"),
            None => Ok(()),
        }
    }
}
