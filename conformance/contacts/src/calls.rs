//! What a call says of an address, read from its caller's memory and sockets.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;

use super::kernel;
use super::notice::{Act, Notice};
use super::own::Own;
use super::sockets::{protocol, socket_of};

/// What a call says. Nothing where its caller is gone: what was read may be another program's.
pub(super) fn told(listener: BorrowedFd<'_>, notice: &kernel::Notice, own: &mut Own) -> Vec<Notice> {
    let [socket, first, second, _, fourth, fifth] = notice.arguments;
    let read = match notice.call {
        libc::SYS_connect => contacts(notice, socket, Act::Connect, [(first, second)]),
        libc::SYS_sendto => contacts(notice, socket, Act::Send, [(fourth, fifth)]),
        libc::SYS_sendmsg => names(notice.caller, first, 1).and_then(|all| contacts(notice, socket, Act::Send, all)),
        libc::SYS_sendmmsg => {
            names(notice.caller, first, second).and_then(|all| contacts(notice, socket, Act::Send, all))
        }
        libc::SYS_listen => Ok(listens(notice.caller, socket, own).into_iter().collect()),
        libc::SYS_bind => {
            own.names(notice.caller, socket);
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    };
    if !kernel::is_valid(listener, notice.id) {
        return Vec::new();
    }
    match read {
        Ok(mut told) => {
            told.retain(|one| !own.is_told_to(notice.caller, one));
            told
        }
        // The kernel will not read it either, and refuses the call.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => Vec::new(),
        Err(_) => vec![Notice::Unread],
    }
}

/// Those of these addresses that are of the internet.
fn contacts(
    notice: &kernel::Notice,
    socket: u64,
    act: Act,
    places: impl IntoIterator<Item = (u64, u64)>,
) -> io::Result<Vec<Notice>> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for (place, length) in places.into_iter().filter(|(place, _)| *place != 0) {
        let mut bytes = [0; LONGEST];
        let length = usize::try_from(length).unwrap_or(LONGEST).min(LONGEST);
        read(notice.caller, place, &mut bytes[..length])?;
        found.extend(address(&bytes[..length]));
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let protocol = socket_of(notice.caller, socket).ok().and_then(|socket| protocol(&socket));
    Ok(found.into_iter().map(|address| Notice::Contact { address, protocol, act }).collect())
}

/// The size of the longest address of the internet.
const LONGEST: usize = size_of::<libc::sockaddr_in6>();

/// An address as the kernel reads it; none where it is not of the internet.
pub(super) fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = libc::c_int::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    let address = match family {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::from_octets(*bytes.get(4..)?.first_chunk()?)),
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from_octets(*bytes.get(8..)?.first_chunk()?)),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// The size of a message in an array of them, and in front of that the message itself.
const MESSAGE: usize = size_of::<libc::mmsghdr>();
/// Most messages that the kernel sends at once.
const MOST: u64 = 1024;

/// Where the addresses of messages stand, and how long they are.
fn names(caller: i32, place: u64, count: u64) -> io::Result<Vec<(u64, u64)>> {
    let count = count.min(MOST);
    (0..count).map(|at| name(caller, place.wrapping_add(at * MESSAGE as u64))).collect()
}

/// Where the address of a message stands, and how long it is.
fn name(caller: i32, place: u64) -> io::Result<(u64, u64)> {
    let (mut pointer, mut length) = ([0; 8], [0; 4]);
    read(caller, place, &mut pointer)?;
    read(caller, place.wrapping_add(8), &mut length)?;
    Ok((u64::from_ne_bytes(pointer), u64::from(u32::from_ne_bytes(length))))
}

/// Reads of a program's memory.
fn read(caller: i32, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    File::open(format!("/proc/{caller}/mem"))?.read_exact_at(bytes, place)
}

fn listens(caller: i32, descriptor: u64, own: &mut Own) -> Option<Notice> {
    let socket = socket_of(caller, descriptor).ok()?;
    let name = SocketAddr::try_from(rustix::net::getsockname(&socket).ok()?).ok()?;
    if name.port() == 0 {
        own.keep(socket);
        return None;
    }
    Some(Notice::Listens(name))
}
