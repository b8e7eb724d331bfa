//! Which contacts are rejected, and which must not be.

use super::super::contacted::NAMED;
use super::record;
use crate::evidence::{Act, Contact, Contacts, End, Export, Protocol, ScenarioEvidence, Target, WireRecord};
use crate::sample;
use crate::trial::Trials;

fn contact(address: &str, protocol: Protocol, act: Act) -> Contact {
    let address: std::net::SocketAddr = address.parse().unwrap();
    Contact { address: address.ip(), port: address.port(), protocol: Some(protocol), act }
}

/// One more contact, by a connection.
fn tcp(address: &'static str) -> impl Fn(&mut Export) + Copy + 'static {
    also(address, Protocol::Tcp, Act::Connect)
}

fn also(address: &'static str, protocol: Protocol, act: Act) -> impl Fn(&mut Export) + Copy + 'static {
    move |export| export.outcome.contacted.as_mut().unwrap().seen.push(contact(address, protocol, act))
}

/// One more argument, and a contact.
fn given(word: &'static str, then: impl Fn(&mut Export) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.inputs.argv.push(word.to_owned());
        then(export);
    }
}

/// One more variable, and a contact.
fn variable(
    name: &'static str,
    value: &'static str,
    then: impl Fn(&mut Export) + 'static,
) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.inputs.environment.insert(name.to_owned(), value.to_owned());
        then(export);
    }
}

/// The registry's answer names something, and a contact.
fn led(
    change: impl Fn(&mut WireRecord) + 'static,
    then: impl Fn(&mut Export) + 'static,
) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let mut answered = record(5, "GET", "/v2/app/manifests/latest", 307);
        change(&mut answered);
        export.wire.get_or_insert_default().push(answered);
        then(export);
    }
}

/// Where every host is given by its number: `127.0.0.1:5000` in place of the sample's names.
fn by_number() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let number = |text: &mut String| {
            *text = text
                .replace("mirror.example", "127.0.0.1:5000")
                .replace("host.example", "127.0.0.1:5000")
                .replace("app.example", "127.0.0.1:5000");
        };
        let inputs = &mut export.inputs;
        inputs.argv.iter_mut().chain(&mut inputs.images).for_each(number);
        inputs.files.iter_mut().filter_map(|file| file.text.as_mut()).for_each(number);
        number(&mut export.run_image.name);
        number(&mut export.run_image.reference);
        let seen = vec![contact("127.0.0.1:5000", Protocol::Tcp, Act::Connect)];
        export.outcome.contacted = Some(Contacts { seen, more: false, knows_itself: true });
    }
    evidence
}

/// A socket for datagrams that is connected.
fn udp(address: &'static str) -> impl Fn(&mut Export) + Copy + 'static {
    also(address, Protocol::Udp, Act::Connect)
}

/// A datagram.
fn sent(address: &'static str) -> impl Fn(&mut Export) + Copy + 'static {
    also(address, Protocol::Udp, Act::Send)
}

/// A question to a name server.
fn asked(export: &mut Export) {
    udp("192.0.2.53:53")(export);
}

pub(super) fn trials() -> Trials {
    known(named(others(Trials::of(NAMED).from(by_number))))
}

/// Contacts that no input names.
fn others(trials: Trials) -> Trials {
    trials
        .rejects("another port of this machine", tcp("127.0.0.1:9"))
        .rejects("another port by another address of this machine", tcp("[::1]:9"))
        .rejects("another machine at the registry's port", tcp("192.0.2.1:5000"))
        .rejects("a datagram to this machine", sent("127.0.0.1:8125"))
        .rejects("a datagram to another machine", sent("192.0.2.1:8125"))
        .rejects("a socket for datagrams to another machine", udp("192.0.2.1:8125"))
        .rejects("a protocol that is not known", |e| {
            tcp("192.0.2.1:7")(e);
            e.outcome.contacted.as_mut().unwrap().seen.last_mut().unwrap().protocol = None;
        })
        .rejects("another port of a host that is given with one", given("192.0.2.1:7", tcp("192.0.2.1:443")))
        .rejects("another port of a host that is given by its name", given("r.example:7", tcp("192.0.2.1:8")))
        .rejects("an export that fails", |e| {
            tcp("192.0.2.1:443")(e);
            e.outcome.end = End::Exited(1);
        })
        .rejects("one that does not end", |e| {
            tcp("192.0.2.1:443")(e);
            e.outcome.end = End::TimedOut(120);
        })
        .rejects("there are more than are known", |e| {
            tcp("192.0.2.1:443")(e);
            e.outcome.contacted.as_mut().unwrap().more = true;
        })
        .rejects("a name server by a socket for datagrams", asked)
        .rejects("a name server by a datagram", sent("127.0.0.53:53"))
        .rejects("a name server by a socket for datagrams on this machine", udp("127.0.0.53:53"))
        .rejects("a name server by a connection", tcp("192.0.2.53:53"))
        .rejects("a name that only stands in the build", |e| {
            let metadata = e.inputs.project_metadata.clone();
            let file = e.inputs.files.iter_mut().find(|file| file.path == metadata).unwrap();
            file.text = Some("[source.metadata]\nrepository='https://git.example/app'\n".to_owned());
            asked(e);
        })
}

/// Whom the inputs name.
fn named(trials: Trials) -> Trials {
    trials
        .accepts("the registry by another address of this machine", tcp("127.0.0.2:5000"))
        .accepts("the registry by IPv6", tcp("[::1]:5000"))
        .accepts("the registry by IPv4 in IPv6", tcp("[::ffff:127.0.0.1]:5000"))
        .accepts("a host by number in an argument", given("-registry=192.0.2.1:7", tcp("192.0.2.1:7")))
        .accepts("a host without port", given("192.0.2.1/app", tcp("192.0.2.1:443")))
        .accepts("a host without port, without TLS", given("192.0.2.1/app", tcp("192.0.2.1:80")))
        .accepts("a host by IPv6", given("[2001:db8::1]:7/app", tcp("[2001:db8::1]:7")))
        .accepts("a host and its port by two variables", |e| {
            variable("MIRROR_HOST", "192.0.2.1", variable("MIRROR_PORT", "7", tcp("192.0.2.1:7")))(e);
        })
        .accepts("localhost", given("localhost:7/app", tcp("[::1]:7")))
        .accepts("a host by name", given("r.example/app", tcp("192.0.2.1:443")))
        .accepts("a host by name, with its port", given("r.example:7/app", tcp("192.0.2.1:7")))
        .accepts("a host by name alone", given("r.example", tcp("192.0.2.1:443")))
        .accepts("a name server for a host by name", given("r.example:7/app", asked))
        .accepts("a name server for localhost", given("localhost:7/app", asked))
        .accepts("a name server where the machine does not know its own name", |e| {
            e.outcome.contacted.as_mut().unwrap().knows_itself = false;
            asked(e);
        })
        .accepts("a daemon by variable", variable("DOCKER_HOST", "tcp://192.0.2.1:2375", tcp("192.0.2.1:2375")))
        .accepts("a daemon without port", variable("DOCKER_HOST", "tcp://192.0.2.1", tcp("192.0.2.1:2376")))
        .accepts("a proxy", variable("https_proxy", "http://192.0.2.1:3128", tcp("192.0.2.1:3128")))
        .accepts("a proxy without scheme", variable("HTTPS_PROXY", "proxy.example:8080", tcp("192.0.2.1:8080")))
        .accepts("a proxy by its name alone", variable("ALL_PROXY", "proxy", tcp("192.0.2.1:1080")))
        .accepts("a mirror of the run image", |e| {
            let run = e.inputs.run.clone();
            let file = e.inputs.files.iter_mut().find(|file| file.path == run).unwrap();
            file.text = Some("[[images]]\nimage='127.0.0.1:5000/run'\nmirrors=[\"192.0.2.1:7/run\"]\n".to_owned());
            tcp("192.0.2.1:7")(e);
        })
        .accepts("the previous image's registry", |e| {
            let analyzed = e.inputs.analyzed.clone();
            let file = e.inputs.files.iter_mut().find(|file| file.path == analyzed).unwrap();
            file.text.as_mut().unwrap().push_str("[image]\nreference='192.0.2.1:7/app'\n");
            tcp("192.0.2.1:7")(e);
        })
}

/// What is not a contact with another host, hosts that answers name, and what is not known.
fn known(trials: Trials) -> Trials {
    trials
        .accepts("the way to the registry's address is asked for", udp("127.0.0.1:9"))
        .accepts("the way to the registry's address by any port", udp("127.0.0.1:1234"))
        .accepts("the way to a host by name", given("r.example/app", udp("192.0.2.1:9")))
        .accepts("the way to a host by name, by its last port", given("r.example/app", udp("192.0.2.1:65535")))
        .accepts("no port", udp("192.0.2.1:0"))
        .accepts("an export that fails", |e| e.outcome.end = End::Exited(1))
        .accepts(
            "where the registry led",
            led(|one| one.names.push("https://192.0.2.1:7".to_owned()), tcp("192.0.2.1:7")),
        )
        .accepts(
            "a token's place by name",
            led(|one| one.names.push("https://token.example".to_owned()), tcp("192.0.2.1:443")),
        )
        .accepts(
            "a host where requests were recorded",
            led(|one| one.elsewhere = Some("192.0.2.1:7".to_owned()), tcp("192.0.2.1:7")),
        )
        .ignores("no contact", |e| e.outcome.contacted.as_mut().unwrap().seen.clear())
        .ignores("there are others that are not known", |e| e.outcome.contacted.as_mut().unwrap().more = true)
        .ignores("it was not observed, and evidence of before", |e| e.outcome.contacted = None)
        .on(&[Target::Registry])
        .accepts("no recorder", |e| e.wire = None)
        .accepts("Docker's registry, which is not named", |e| {
            e.inputs.images.push("team/app".to_owned());
            tcp("192.0.2.1:443")(e);
        })
        .ignores("no recorder, and what the registry answered may name it", |e| {
            e.wire = None;
            tcp("192.0.2.1:443")(e);
        })
}
