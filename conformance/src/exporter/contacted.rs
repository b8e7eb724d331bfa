//! What an exporter contacts: noted as the kernel tells of it, each contact once.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use contacts::{Listener, Notice};
use judge::evidence::{Act, Contact, Contacts, Protocol};
use serde::{Deserialize, Serialize};

/// Most contacts that are kept of an export.
const MOST: usize = 256;
/// Most places at which its own processes listen.
const MOST_OWN: usize = 1024;

/// A step of what becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum News {
    /// From now on contacts are seen.
    Watched,
    /// One that was not there before.
    Contact(Contact),
    /// One of its own processes listens here.
    Listens(SocketAddr),
    /// There is one that is not kept.
    More,
}

/// What is known of an exporter's contacts; nothing where they are not seen. All clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct ContactedSoFar(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    contacts: Option<Contacts>,
    own: Vec<SocketAddr>,
}

impl ContactedSoFar {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, news: News) {
        let mut known = self.known();
        match news {
            News::Watched => drop(known.contacts.get_or_insert_default()),
            News::Contact(contact) => known.contacts.get_or_insert_default().seen.push(contact),
            News::Listens(own) => known.own.push(own),
            News::More => known.contacts.get_or_insert_default().more = true,
        }
    }

    /// What is known by now.
    pub(super) fn so_far(&self) -> Option<Contacts> {
        let known = self.known();
        let mut contacts = known.contacts.clone()?;
        // An exporter that waits for a server of its own contacts it before it listens.
        contacts.seen.retain(|contact| !is_own(&known.own, contact));
        contacts.knows_itself = knows_itself();
        Some(contacts)
    }
}

/// Where a thread waits for the listener over another one, and answers it.
pub(super) struct Watch {
    listener: mpsc::Sender<Listener>,
    is_told: mpsc::Receiver<()>,
}

impl Watch {
    /// Begins to wait, on a thread of its own; none where there can be no further thread.
    pub(super) fn begin(mut tell: impl FnMut(News) + Send + 'static) -> Option<Self> {
        let (sender, receiver) = mpsc::channel::<Listener>();
        let (told, is_told) = mpsc::channel();
        let answers = move || {
            let Ok(listener) = receiver.recv() else { return };
            tell(News::Watched);
            let _ = told.send(());
            let mut filter = Filter::default();
            listener.answer(|told| {
                if let Some(news) = filter.news(told) {
                    tell(news);
                }
            });
        };
        std::thread::Builder::new().spawn(answers).ok().map(|_| Self { listener: sender, is_told })
    }

    /// Has the contacts seen of what this thread starts from now on. Where the kernel cannot do that, they are not.
    pub(super) fn over_this_thread(self) {
        if let Ok(listener) = Listener::over_this_thread()
            && self.listener.send(listener).is_ok()
        {
            // An exporter that contacts no one may end before the other thread runs.
            let _ = self.is_told.recv();
        }
    }
}

/// Tells what is new.
#[derive(Default)]
struct Filter {
    known: Vec<Contact>,
    own: Vec<SocketAddr>,
    had_more: bool,
}

impl Filter {
    fn news(&mut self, told: Notice) -> Option<News> {
        let contact = match told {
            Notice::Listens(own) => {
                if self.own.len() >= MOST_OWN || self.own.contains(&own) {
                    return None;
                }
                self.own.push(own);
                return Some(News::Listens(own));
            }
            Notice::Contact { address, protocol, act } => Some(contact(address, protocol, act)),
            Notice::Unread => None,
        };
        if let Some(contact) = contact {
            if self.known.contains(&contact) || is_own(&self.own, &contact) {
                return None;
            }
            if self.known.len() < MOST {
                self.known.push(contact);
                return Some(News::Contact(contact));
            }
        }
        (!std::mem::replace(&mut self.had_more, true)).then_some(News::More)
    }
}

/// Whether one of the exporter's own processes listens there. A port of loopback is one program's, by whichever
/// address.
fn is_own(own: &[SocketAddr], contact: &Contact) -> bool {
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    let address = contact.address.to_canonical();
    let listens_at = |own: &SocketAddr| {
        let listens = own.ip().to_canonical();
        own.port() == contact.port && (listens == address || is_here(listens) && is_here(address))
    };
    contact.protocol != Some(Protocol::Udp) && own.iter().any(listens_at)
}

fn contact(address: SocketAddr, protocol: Option<contacts::Protocol>, act: contacts::Act) -> Contact {
    Contact {
        address: address.ip(),
        port: address.port(),
        protocol: protocol.map(|protocol| match protocol {
            contacts::Protocol::Tcp => Protocol::Tcp,
            contacts::Protocol::Udp => Protocol::Udp,
        }),
        act: match act {
            contacts::Act::Connect => Act::Connect,
            contacts::Act::Send => Act::Send,
        },
    }
}

/// Whether the file of hosts has `localhost` and the host's own name.
fn knows_itself() -> bool {
    let own = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    own.is_some_and(|own| ["localhost", &own].iter().all(|name| has(&hosts, name)))
}

fn has(hosts: &str, name: &str) -> bool {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines.flat_map(|line| line.split_whitespace().skip(1)).any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str) -> Notice {
        let protocol = Some(contacts::Protocol::Tcp);
        Notice::Contact { address: address.parse().unwrap(), protocol, act: contacts::Act::Connect }
    }

    #[test]
    fn each_contact_is_told_once_and_their_number_is_bounded() {
        let mut filter = Filter::default();
        for port in 1..=256 {
            let address = format!("127.0.0.1:{port}");
            assert!(matches!(filter.news(told(&address)), Some(News::Contact(_))), "{address}");
            assert_eq!(filter.news(told(&address)), None);
        }
        assert_eq!(filter.news(told("127.0.0.1:257")), Some(News::More));
        assert_eq!(filter.news(told("127.0.0.1:258")), None);
        assert_eq!(Filter::default().news(Notice::Unread), Some(News::More));
    }

    #[test]
    fn what_its_own_processes_listen_at_is_no_contact() {
        let mut filter = Filter::default();
        for own in ["[::]:7", "127.0.0.1:8"] {
            assert!(matches!(filter.news(Notice::Listens(own.parse().unwrap())), Some(News::Listens(_))));
        }
        for own in ["127.0.0.1:7", "[::1]:7", "[::ffff:127.0.0.1]:7", "127.0.0.1:8", "[::1]:8"] {
            assert_eq!(filter.news(told(own)), None, "{own}");
        }
        for other in ["127.0.0.1:9", "192.0.2.1:8", "192.0.2.1:7"] {
            assert!(filter.news(told(other)).is_some(), "{other}");
        }
    }

    #[test]
    fn who_waits_for_its_own_server_contacts_no_one_else() {
        let (seen, mut filter) = (ContactedSoFar::default(), Filter::default());
        let own = "127.0.0.1:7".parse().unwrap();
        for told in [told("[::1]:7"), told("127.0.0.1:9"), Notice::Listens(own)] {
            seen.add(filter.news(told).unwrap());
        }
        let ports: Vec<u16> = seen.so_far().unwrap().seen.iter().map(|contact| contact.port).collect();
        assert_eq!(ports, [9]);
    }

    #[test]
    fn a_file_of_hosts_is_read_by_words() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1\tbox box.example # other\n";
        assert!(has(hosts, "localhost") && has(hosts, "Box") && has(hosts, "box.example"));
        assert!(!has(hosts, "127.0.0.1") && !has(hosts, "other") && !has(hosts, "bo"));
    }

    #[test]
    fn who_contacts_no_one_is_watched_before_it_starts() {
        let (sender, told) = mpsc::channel();
        let watch = Watch::begin(move |news| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            sender.send(news).unwrap();
        });
        let is_permitted = std::thread::spawn(|| Listener::over_this_thread().is_ok()).join().unwrap();
        let is_known = std::thread::spawn(move || {
            watch.unwrap().over_this_thread();
            told.try_recv() == Ok(News::Watched)
        });
        assert_eq!(is_known.join().unwrap(), is_permitted);
    }

    #[test]
    fn what_is_not_watched_is_not_known() {
        let seen = ContactedSoFar::default();
        assert_eq!(seen.so_far(), None);
        seen.add(News::Watched);
        assert!(seen.so_far().is_some_and(|known| known.seen.is_empty() && !known.more));
    }
}
