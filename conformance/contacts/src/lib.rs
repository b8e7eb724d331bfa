//! Tells which internet addresses programs contact: the kernel asks before each of their calls that can name one
//! (seccomp's user notification), and every call goes on as it was made.
//!
//! What `io_uring` or a program of another architecture contacts is not told.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{ipproto, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

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
pub enum Told {
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

/// What the kernel tells of the programs under a filter.
#[derive(Debug)]
pub struct Listener {
    descriptor: OwnedFd,
}

impl Listener {
    /// Puts the calling thread under the filter, and all that it starts later: threads and programs. From then on each of
    /// their calls waits for [`Listener::answer`], which must run on a thread that is not under it. When the listener is
    /// dropped their calls fail.
    ///
    /// # Errors
    /// Where the kernel cannot do it, does not permit it, or another listener has these programs already.
    pub fn over_this_thread() -> io::Result<Self> {
        let Some(architecture) = kernel::ARCHITECTURE else { return Err(io::ErrorKind::Unsupported.into()) };
        kernel::notices_fit()?;
        Ok(Self { descriptor: kernel::install(&kernel::program(architecture))? })
    }

    /// Lets every call go on, and tells `note` of it before. Returns when no program is under the filter any more.
    pub fn answer(&self, mut note: impl FnMut(Told)) {
        let descriptor = self.descriptor.as_fd();
        loop {
            let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Ok(_) if waiting[0].revents().contains(PollFlags::IN) => {}
                Err(Errno::INTR) => continue,
                _ => return,
            }
            // Who asked may have been ended meanwhile.
            let Ok(notice) = kernel::receive(descriptor) else { continue };
            for told in told(descriptor, &notice) {
                note(told);
            }
            kernel::let_go_on(descriptor, notice.id);
        }
    }
}

/// What a call says. Nothing where its caller is gone: what was read may be another program's.
fn told(listener: BorrowedFd<'_>, notice: &kernel::Notice) -> Vec<Told> {
    let [socket, first, second, _, fourth, fifth] = notice.arguments;
    let read = match notice.call {
        libc::SYS_connect => contacts(notice, socket, Act::Connect, [(first, second)]),
        libc::SYS_sendto => contacts(notice, socket, Act::Send, [(fourth, fifth)]),
        libc::SYS_sendmsg => names(notice.caller, first, 1).and_then(|all| contacts(notice, socket, Act::Send, all)),
        libc::SYS_sendmmsg => {
            names(notice.caller, first, second).and_then(|all| contacts(notice, socket, Act::Send, all))
        }
        libc::SYS_listen => Ok(listens(notice.caller, socket).into_iter().collect()),
        _ => Ok(Vec::new()),
    };
    if !kernel::is_valid(listener, notice.id) {
        return Vec::new();
    }
    match read {
        Ok(told) => told,
        // The kernel will not read it either, and refuses the call.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => Vec::new(),
        Err(_) => vec![Told::Unread],
    }
}

/// Those of these addresses that are of the internet.
fn contacts(
    notice: &kernel::Notice,
    socket: u64,
    act: Act,
    places: impl IntoIterator<Item = (u64, u64)>,
) -> io::Result<Vec<Told>> {
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
    Ok(found.into_iter().map(|address| Told::Contact { address, protocol, act }).collect())
}

/// The size of the longest address of the internet.
const LONGEST: usize = size_of::<libc::sockaddr_in6>();

/// An address as the kernel reads it; none where it is not of the internet.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
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

/// A socket of a program's.
fn socket_of(caller: i32, descriptor: u64) -> io::Result<OwnedFd> {
    // The caller is a thread; a process is asked.
    let status = std::fs::read_to_string(format!("/proc/{caller}/status"))?;
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:")).and_then(|id| id.trim().parse().ok());
    let process = process.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let descriptor = i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())?)
}

fn protocol(socket: &OwnedFd) -> Option<Protocol> {
    match sockopt::socket_protocol(socket).ok()?? {
        ipproto::TCP | ipproto::MPTCP => Some(Protocol::Tcp),
        ipproto::UDP | ipproto::UDPLITE => Some(Protocol::Udp),
        _ => None,
    }
}

fn listens(caller: i32, descriptor: u64) -> Option<Told> {
    let own = rustix::net::getsockname(socket_of(caller, descriptor).ok()?).ok()?;
    SocketAddr::try_from(own).ok().map(Told::Listens)
}

/// The kernel's interface: all that the compiler cannot check.
#[allow(unsafe_code)]
mod kernel {
    use std::io;
    use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

    /// What the filter calls this machine; none where it is not known.
    pub(super) const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
        Some(0xc000_003e)
    } else if cfg!(target_arch = "aarch64") {
        Some(0xc000_00b7)
    } else {
        None
    };

    /// A call that waits for an answer.
    pub(super) struct Notice {
        pub(super) id: u64,
        /// The thread that made it.
        pub(super) caller: i32,
        pub(super) call: libc::c_long,
        pub(super) arguments: [u64; 6],
    }

    /// Offsets of what a filter is given: the call's number, the architecture, and the halves of its fifth argument.
    const NUMBER: u32 = 0;
    const ARCHITECTURE_AT: u32 = 4;
    const ADDRESS: u32 = 16 + 4 * 8;

    /// The filter: it has the calls told that can name an address, and lets all others go on.
    pub(super) fn program(architecture: u32) -> Vec<libc::sock_filter> {
        const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
        const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
        let line = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter {
            code: u16::try_from(code).unwrap_or_default(),
            jt,
            jf,
            k,
        };
        let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
        vec![
            line(LOAD, ARCHITECTURE_AT, 0, 0),
            line(EQUAL, architecture, 0, 10),
            line(LOAD, NUMBER, 0, 0),
            line(EQUAL, number(libc::SYS_connect), 9, 0),
            line(EQUAL, number(libc::SYS_sendmsg), 8, 0),
            line(EQUAL, number(libc::SYS_sendmmsg), 7, 0),
            line(EQUAL, number(libc::SYS_listen), 6, 0),
            line(EQUAL, number(libc::SYS_sendto), 0, 4),
            // Without an address it is a write.
            line(LOAD, ADDRESS, 0, 0),
            line(EQUAL, 0, 0, 3),
            line(LOAD, ADDRESS + 4, 0, 0),
            line(EQUAL, 0, 0, 1),
            line(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
            line(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0, 0),
        ]
    }

    /// Calls `seccomp`.
    fn seccomp<T>(operation: libc::c_uint, flags: libc::c_ulong, argument: &mut T) -> io::Result<libc::c_long> {
        // SAFETY: the kernel reads or writes no more than the structure that each operation is given below.
        let answer = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, std::ptr::from_mut(argument)) };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
    }

    /// Whether the kernel's notices are those of this program: it writes as much as it has.
    pub(super) fn notices_fit() -> io::Result<()> {
        let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        seccomp(libc::SECCOMP_GET_NOTIF_SIZES, 0, &mut sizes)?;
        let fits = usize::from(sizes.seccomp_notif) <= size_of::<libc::seccomp_notif>()
            && usize::from(sizes.seccomp_notif_resp) <= size_of::<libc::seccomp_notif_resp>();
        if fits { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Puts the calling thread under a filter.
    pub(super) fn install(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
        let mut program = libc::sock_fprog {
            len: libc::c_ushort::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            filter: program.as_ptr().cast_mut(),
        };
        let mut with = |flags| seccomp(libc::SECCOMP_SET_MODE_FILTER, flags, &mut program);
        // Without the second, older kernels have programs under a filter compute more slowly.
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        // Where the kernel knows that, a signal does not begin a call again that is told already.
        let descriptor = match with(flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => with(flags)?,
            other => other?,
        };
        let descriptor = i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidData)?;
        // SAFETY: the kernel has just made the descriptor, and nothing else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// The next call that waits.
    pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Notice> {
        // SAFETY: all of it is numbers, for which zeros are a value; the kernel wants them.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        let (descriptor, place) = (listener.as_raw_fd(), &raw mut notice);
        // SAFETY: the kernel writes a notice, whose size was compared when the listener was made.
        if unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_RECV, place) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Notice {
            id: notice.id,
            caller: notice.pid.cast_signed(),
            call: libc::c_long::from(notice.data.nr),
            arguments: notice.data.args,
        })
    }

    /// Whether the call waits still, so that its caller is the one that made it.
    pub(super) fn is_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
        let (descriptor, place) = (listener.as_raw_fd(), &raw const id);
        // SAFETY: the kernel reads the number.
        unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, place) == 0 }
    }

    /// Has the kernel make the call. Where its caller was ended there is nothing to make.
    pub(super) fn let_go_on(listener: BorrowedFd<'_>, id: u64) {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or_default();
        let mut answer = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
        let (descriptor, place) = (listener.as_raw_fd(), &raw mut answer);
        // SAFETY: the kernel reads an answer, whose size was compared when the listener was made.
        unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_SEND, place) };
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::sync::mpsc;

    use super::*;

    /// What is told of `act`, which runs under a filter; none where the kernel does not permit one here.
    fn told_of(act: impl FnOnce() + Send + 'static) -> Option<Vec<Told>> {
        let (sender, receiver) = mpsc::channel::<Listener>();
        let under = std::thread::spawn(move || {
            if let Ok(listener) = Listener::over_this_thread() {
                sender.send(listener).unwrap();
                act();
            }
        });
        let listener = receiver.recv().ok()?;
        let mut told = Vec::new();
        listener.answer(|one| told.push(one));
        under.join().unwrap();
        Some(told)
    }

    fn contact(address: SocketAddr, protocol: Protocol, act: Act) -> Told {
        Told::Contact { address, protocol: Some(protocol), act }
    }

    #[test]
    fn every_way_of_naming_an_address_is_told_and_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tcp, udp) = (listener.local_addr().unwrap(), receiver.local_addr().unwrap());
        let Some(told) = told_of(move || {
            TcpStream::connect(tcp).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.send_to(b"datagram", udp).unwrap();
            socket.connect(udp).unwrap();
            socket.send(b"without an address").unwrap();
            let name = rustix::net::SocketAddrAny::from(udp);
            let message = [io::IoSlice::new(b"message")];
            let flags = rustix::net::SendFlags::empty();
            let other = UdpSocket::bind("127.0.0.1:0").unwrap();
            rustix::net::sendmsg_addr(&other, &name, &message, &mut rustix::net::SendAncillaryBuffer::default(), flags)
                .unwrap();
            // Nothing of the internet.
            std::os::unix::net::UnixStream::connect("/nowhere").unwrap_err();
        }) else {
            return;
        };
        let sent = contact(udp, Protocol::Udp, Act::Send);
        let connected = contact(udp, Protocol::Udp, Act::Connect);
        assert_eq!(told, [contact(tcp, Protocol::Tcp, Act::Connect), sent, connected, sent]);
        let mut bytes = [0; 64];
        for wanted in [&b"datagram"[..], b"without an address", b"message"] {
            let count = receiver.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..count], wanted);
        }
    }

    #[test]
    fn programs_and_threads_under_it_are_told_too_and_where_they_listen() {
        let Some(told) = told_of(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let own = listener.local_addr().unwrap();
            std::thread::spawn(move || drop(TcpStream::connect(own))).join().unwrap();
            let script = "exec 3<>/dev/tcp/127.0.0.1/9";
            std::process::Command::new("bash")
                .args(["-c", script])
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
        }) else {
            return;
        };
        let nine = "127.0.0.1:9".parse().unwrap();
        assert!(matches!(told[0], Told::Listens(own) if own.port() > 0), "{told:?}");
        assert!(matches!(told[1], Told::Contact { address, .. } if Told::Listens(address) == told[0]), "{told:?}");
        assert_eq!(told[2..], [contact(nine, Protocol::Tcp, Act::Connect)]);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_does() {
        let four = |port: [u8; 2]| [&2_u16.to_ne_bytes()[..], &port, &[127, 0, 0, 1], &[0; 8]].concat();
        assert_eq!(address(&four([1, 2])), Some("127.0.0.1:258".parse().unwrap()));
        let six = [&10_u16.to_ne_bytes()[..], &[0, 53], &[0; 4], &[0; 15], &[1], &[0; 4]].concat();
        assert_eq!(address(&six), Some("[::1]:53".parse().unwrap()));
        for other in [&four([1, 2])[..7], &six[..20], &[1, 0, b'/', b'x'], &[0], &[]] {
            assert_eq!(address(other), None, "{other:?}");
        }
    }
}
