//! Contacts of threads and programs that a test starts.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;

use super::calls::address;
use super::own::port_and_inode;
use super::*;

/// What is told of `act`, which runs under a filter; none where the kernel does not permit one here.
fn told_of(act: impl FnOnce() + Send + 'static) -> Option<Vec<Notice>> {
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

fn contact(address: SocketAddr, protocol: Protocol, act: Act) -> Notice {
    Notice::Contact { address, protocol: Some(protocol), act }
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
        // To oneself.
        let own = socket.local_addr().unwrap();
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"of its own", own).unwrap();
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
        std::process::Command::new("bash").args(["-c", script]).stderr(std::process::Stdio::null()).status().unwrap();
    }) else {
        return;
    };
    let nine = "127.0.0.1:9".parse().unwrap();
    assert!(matches!(told[0], Notice::Listens(own) if own.port() > 0), "{told:?}");
    assert!(matches!(told[1], Notice::Contact { address, .. } if Notice::Listens(address) == told[0]), "{told:?}");
    assert_eq!(told[2..], [contact(nine, Protocol::Tcp, Act::Connect)]);
}

#[test]
fn a_socket_that_listens_without_a_name_is_an_own_one() {
    let another_s = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = another_s.local_addr().unwrap();
    let Some(told) = told_of(move || {
        let kind = (rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM);
        let socket = rustix::net::socket(kind.0, kind.1, None).unwrap();
        rustix::net::listen(&socket, 1).unwrap();
        let own = SocketAddr::try_from(rustix::net::getsockname(&socket).unwrap()).unwrap();
        TcpStream::connect(("127.0.0.1", own.port())).unwrap();
        TcpStream::connect(address).unwrap();
    }) else {
        return;
    };
    assert_eq!(told, [contact(address, Protocol::Tcp, Act::Connect)]);
}

#[test]
fn the_kernel_s_tables_of_sockets_are_read() {
    let line =
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100";
    assert_eq!(port_and_inode(line), Some((8080, 4242)));
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    assert_eq!(port_and_inode(head), None);
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
