//! Whom an exporter contacts: those whom it is told of, and no others.

use std::net::IpAddr;

use crate::evidence::{Act, Contact, Contacts, Export, Inputs, Protocol, Target};
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// The slug.
pub(super) const NAMED: &str = "wire.hosts-named";

/// Where name servers are.
const NAME_SERVER: u16 = 53;
/// Ports to which resolvers connect a socket for datagrams, to which they send nothing: the kernel says by that which
/// way to an address there is.
const ASKED_FOR_THE_WAY: [u16; 2] = [9, 65535];
/// Ports of a host that is given without one.
const USUAL: [u16; 2] = [80, 443];

/// Whatever became of the export: a host that was contacted was contacted.
pub(super) fn only_named_hosts_are_contacted(case: &Case<'_>) -> Finding {
    together(case.exports.iter().map(|export| of_one(export)))
}

fn of_one(export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    let Some(contacts) = &export.outcome.contacted else {
        return Finding::Skipped("what the exporter contacts was not observed".to_owned());
    };
    let told = told(export);
    let others: Vec<&Contact> =
        contacts.seen.iter().filter(|contact| !told.iter().any(|host| host.explains(contact))).collect();
    let (asked, others): (Vec<&Contact>, Vec<&Contact>) =
        others.into_iter().partition(|contact| contact.port == NAME_SERVER);
    let asked = if may_ask_name_servers(contacts, &told) { Vec::new() } else { asked };
    let found = match (others.as_slice(), asked.as_slice()) {
        ([], []) if contacts.more => {
            return Finding::Skipped("not all that the exporter contacted is known".to_owned());
        }
        ([], []) if contacts.seen.is_empty() => return not_applicable("the exporter contacted no host"),
        ([], []) => return Finding::Holds,
        // What the registry answered may name hosts.
        _ if export.target == Target::Registry && export.wire.is_none() => {
            return Finding::Skipped(UNSEEN.to_owned());
        }
        ([], asked) => {
            ("the exporter asked a name server, though no input names a host by name", "no such question", asked)
        }
        (others, _) => {
            let message = "the exporter contacted a host that neither an input nor a registry's answer names";
            (message, "the registries, daemons and proxies that it is told of alone", others)
        }
    };
    let (message, expected, contacts) = found;
    let more = view::and_more(contacts.len());
    let first = contacts.first().map(ToString::to_string).unwrap_or_default();
    violated(message, expected, format!("{first}{more}"), export.at("export.json#/outcome/contacted"))
}

/// Whether there is a name to ask for. `localhost` may be asked for as an address of one kind alone, which the file of
/// hosts need not have; and programs ask for the host's own name, which discloses nothing.
fn may_ask_name_servers(contacts: &Contacts, told: &[KnownHost]) -> bool {
    !contacts.knows_itself || told.iter().any(|host| host.by_name)
}

/// A host that an input names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownHost {
    at: At,
    ports: Vec<u16>,
    by_name: bool,
}

/// Where a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// This machine, by any of its addresses that no other machine has.
    Here,
    /// At this address.
    Address(IpAddr),
    /// At an address that evidence does not have: it may be any.
    Anywhere,
}

impl At {
    fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() { Self::Here } else { Self::Address(address) }
    }
}

impl KnownHost {
    /// A host as it stands in front of a path: `host`, `host:port`, `[address]:port`, with a user or without; `more`
    /// are ports of one without port.
    fn authority(text: &str, more: &[u16]) -> Option<Self> {
        let text = text.rsplit('@').next()?;
        let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None if text.parse::<IpAddr>().is_ok() => (text, None),
            None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let ports = match port.filter(|port| !port.is_empty()) {
            Some(port) => vec![port.parse().ok()?],
            None => [&USUAL, more].concat(),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // An address of one link is followed by the link.
        if let Ok(address) = host.split('%').next()?.parse() {
            return Some(Self { at: At::of(address), ports, by_name: false });
        }
        let is_name = host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !host.chars().all(|c| c.is_ascii_digit());
        let is_here = host == "localhost" || host.ends_with(".localhost") || host == "localhost.localdomain";
        is_name.then_some(Self { at: if is_here { At::Here } else { At::Anywhere }, ports, by_name: true })
    }

    /// The host of a URL.
    fn url(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("//")?;
        let own: &[u16] = match scheme.trim_end_matches(':') {
            "tcp" | "docker" => &[2375, 2376],
            "ssh" => &[22],
            "socks4" | "socks4a" | "socks5" | "socks5h" => &[1080],
            _ => &[],
        };
        Self::authority(rest.split(['/', '?', '#']).next()?, own)
    }

    /// The registry of a reference.
    fn reference(text: &str) -> Option<Self> {
        let (host, _) = text.split_once('/')?;
        let is_host = host.contains(['.', ':']) || host == "localhost";
        if is_host { Self::authority(host, &[]) } else { None }
    }

    /// What a word names, whatever it is for.
    fn word(text: &str) -> Option<Self> {
        if text.contains("://") {
            return Self::url(text);
        }
        let host = text.split('/').next()?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let is_one = has_port || host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost");
        if is_one { Self::authority(host, &[]) } else { Self::reference(text) }
    }

    fn explains(&self, contact: &Contact) -> bool {
        // Nothing can be sent to this port.
        if contact.port == 0 {
            return true;
        }
        let is_there = self.at == At::Anywhere || self.at == At::of(contact.address);
        let is_way = contact.protocol == Some(Protocol::Udp)
            && contact.act == Act::Connect
            && contact.port != NAME_SERVER
            && (self.at != At::Anywhere || ASKED_FOR_THE_WAY.contains(&contact.port));
        is_there && (self.ports.contains(&contact.port) || is_way)
    }
}

fn told(export: &Export) -> Vec<KnownHost> {
    let inputs = &export.inputs;
    let references = inputs.images.iter().chain([&export.run_image.name, &export.run_image.reference]);
    let mut found: Vec<KnownHost> = references.filter_map(|name| named_by_reference(export, name)).collect();
    let is_image = |word: &&str| inputs.images.iter().any(|image| image == word);
    found.extend(words(&inputs.argv).filter(|word| !is_image(word)).filter_map(|word| {
        KnownHost::word(word).or_else(|| KnownHost::authority(word, &[]).filter(|_| is_dotted(word)))
    }));
    found.extend(words(inputs.environment.values()).filter_map(KnownHost::word));
    // Host and port are given apart as well: PROXY_HOST and PROXY_PORT, -Dhttps.proxyHost and -Dhttps.proxyPort.
    let given = words(&inputs.argv).chain(words(inputs.environment.values()));
    let ports: Vec<u16> = given.filter_map(|word| word.parse().ok()).collect();
    for host in found.iter_mut().filter(|host| host.ports.starts_with(&USUAL)) {
        host.ports.extend(&ports);
    }
    found.extend(proxies(inputs));
    // They have the run image's other names, and the previous image's.
    let files = [&inputs.run, &inputs.analyzed].into_iter().filter_map(|path| inputs.text(path));
    found.extend(files.flat_map(split).filter_map(KnownHost::word));
    for record in export.wire.iter().flatten() {
        found.extend(record.elsewhere.as_deref().and_then(|host| KnownHost::authority(host, &[])));
        found.extend(record.names.iter().filter_map(|place| KnownHost::url(place)));
    }
    found
}

/// Where an image is: without a host it is on Docker's registry, unless it is in no registry at all.
fn named_by_reference(export: &Export, name: &str) -> Option<KnownHost> {
    let is_path = name.starts_with('/');
    KnownHost::reference(name).or_else(|| {
        let on_docker = export.target == Target::Registry && !is_path && !name.is_empty();
        on_docker.then(|| KnownHost { at: At::Anywhere, ports: USUAL.to_vec(), by_name: true })
    })
}

fn words<'a>(texts: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = &'a str> {
    texts.into_iter().flat_map(|text| split(text))
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'=,;".contains(c)).filter(|word| !word.is_empty())
}

/// Whether it can be nothing but a host's name: the last part has letters alone.
fn is_dotted(word: &str) -> bool {
    let last = word.rsplit_once('.').map(|(_, last)| last);
    last.is_some_and(|last| last.len() > 1 && last.chars().all(|c| c.is_ascii_alphabetic()))
}

/// Hosts that variables name as proxies, with a scheme or without.
fn proxies(inputs: &Inputs) -> impl Iterator<Item = KnownHost> {
    let is_proxy = |name: &str| name.ends_with("_proxy") && name != "no_proxy";
    let values = inputs.environment.iter().filter(move |(name, _)| is_proxy(&name.to_ascii_lowercase()));
    values.filter_map(|(_, value)| {
        let host = value.split_once("//").map_or(value.as_str(), |(_, rest)| rest);
        KnownHost::authority(host.split('/').next()?, &[1080, 3128])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &str) -> Option<(At, Vec<u16>, bool)> {
        KnownHost::word(word).map(|told| (told.at, told.ports, told.by_name))
    }

    #[test]
    fn words_name_hosts_and_ports() {
        let address = |text: &str| At::Address(text.parse().unwrap());
        for (word, at, ports, by_name) in [
            ("127.0.0.1:5000", At::Here, vec![5000], false),
            ("127.0.0.1:5000/team/app:latest", At::Here, vec![5000], false),
            ("[::1]:5000/app", At::Here, vec![5000], false),
            ("0.0.0.0:8", At::Here, vec![8], false),
            ("192.0.2.1", address("192.0.2.1"), vec![80, 443], false),
            ("::ffff:192.0.2.1", address("192.0.2.1"), vec![80, 443], false),
            ("2001:db8::1", address("2001:db8::1"), vec![80, 443], false),
            ("[fe80::1%eth0]:7", address("fe80::1"), vec![7], false),
            ("localhost:5000", At::Here, vec![5000], true),
            ("LOCALHOST", At::Here, vec![80, 443], true),
            ("registry.localhost:1/app", At::Here, vec![1], true),
            ("registry:5000/app", At::Anywhere, vec![5000], true),
            ("r.example/app@sha256:00", At::Anywhere, vec![80, 443], true),
            ("https://me:word@r.example:8/x", At::Anywhere, vec![8], true),
            ("https://r.example./x?y", At::Anywhere, vec![80, 443], true),
            ("tcp://192.0.2.1", address("192.0.2.1"), vec![80, 443, 2375, 2376], false),
            ("ssh://me@192.0.2.1", address("192.0.2.1"), vec![80, 443, 22], false),
        ] {
            assert_eq!(told(word), Some((at, ports, by_name)), "{word}");
        }
        for word in [
            "",
            "/layers/127.0.0.1:5000",
            "unix:///var/run/docker.sock",
            "1000:1000",
            "app",
            "team/app:1",
            "sha256:0123456789abcdef",
            "r.example:65536",
            "C.UTF-8",
            "./r.example:5",
            "/usr/bin:/bin",
            "0.12",
        ] {
            assert_eq!(told(word), None, "{word}");
        }
    }
}
