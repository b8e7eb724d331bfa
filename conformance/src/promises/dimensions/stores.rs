//! Run images, `run.toml`, previous images, registries and daemons.

use judge::evidence::FaultKind;
use oci_spec::image::{ANNOTATION_TITLE, ANNOTATION_VERSION};

use crate::generated::{Build, RunToml, Sequence};
use crate::promises::{Dimension, StepView, Value};
use crate::scenario::{Arrival, ImageFormat, IndexDigest, OtherLabel, RegistryEndpoint};

pub(super) fn dimensions() -> Vec<Dimension> {
    vec![
        formats(),
        layers(),
        config(),
        given(),
        names(),
        run_toml(),
        previous(),
        registries(),
        credentials(),
        daemons(),
    ]
}

fn formats() -> Dimension {
    let is = |format: ImageFormat, index: Option<IndexDigest>| {
        move |seen: &StepView<'_>| seen.run_image().format == format && seen.run_image().index == index
    };
    Dimension::new(
        "Run image: format",
        "Media types of the manifest, and whether an index stands before it.",
        vec![
            Value::new("OCI", is(ImageFormat::Oci, None)).made(|build| build.run_image.docker = false),
            Value::new("Docker schema 2", is(ImageFormat::DockerSchema2, None))
                .made(|build| build.run_image.docker = true),
            Value::new("behind an index, by the index's digest", is(ImageFormat::Oci, Some(IndexDigest::Index))),
            Value::new("behind an index, by the manifest's digest", is(ImageFormat::Oci, Some(IndexDigest::Manifest))),
        ],
    )
}

fn layers() -> Dimension {
    let count = |count: std::ops::RangeInclusive<usize>| {
        move |seen: &StepView<'_>| count.contains(&seen.run_image().layers.len())
    };
    Dimension::new(
        "Run image: layers",
        "How many, and what is odd about them.",
        vec![
            Value::new("one", count(1..=1)).made(|build| build.run_image.layers = vec![1]),
            Value::new("two", count(2..=2)).made(|build| build.run_image.layers = vec![1, 2]),
            Value::new("twenty and more", count(20..=usize::MAX)).made(|build| build.run_image.layers = vec![1; 21]),
            Value::new("an empty one", |seen| seen.run_image().layers.iter().any(|layer| layer.files.is_empty()))
                .made(|build| build.run_image.layers = vec![1, 0, 2]),
            Value::new("two that are the same", |seen| {
                let layers = &seen.run_image().layers;
                layers.iter().enumerate().any(|(at, one)| layers[..at].iter().any(|other| other.files == one.files))
            }),
            Value::new("annotated descriptors", |seen| {
                seen.run_image().layers.iter().any(|layer| !layer.annotations.is_empty())
            }),
        ],
    )
}

fn config() -> Dimension {
    Dimension::new(
        "Run image: config",
        "What of the config is preserved (exporter, Outputs).",
        vec![
            Value::new("User is a number", |seen| {
                seen.run_image()
                    .user
                    .as_ref()
                    .is_some_and(|user| user.starts_with(|c: char| c.is_ascii_digit()) && user != "0")
            })
            .made(|build| build.run_image.user = Some("1000:1000".to_owned())),
            Value::new("User is a name", |seen| {
                seen.run_image().user.as_ref().is_some_and(|user| user.starts_with(|c: char| c.is_ascii_alphabetic()))
            })
            .made(|build| build.run_image.user = Some("cnb".to_owned())),
            Value::new("User is root", |seen| seen.run_image().user.as_deref() == Some("0"))
                .made(|build| build.run_image.user = Some("0".to_owned())),
            Value::new("Env is PATH alone", |seen| seen.run_image().env.len() == 1),
            Value::new("further variables", |seen| seen.run_image().env.len() > 1),
            Value::new("Cmd", |seen| !seen.run_image().cmd.is_empty()),
            Value::new("ExposedPorts", |seen| !seen.run_image().exposed_ports.is_empty()),
            Value::new("Volumes", |seen| !seen.run_image().volumes.is_empty()),
            Value::new("StopSignal", |seen| seen.run_image().stop_signal.is_some()),
            Value::new("another architecture than the machine's", |seen| seen.run_image().architecture.is_some()),
            Value::new("os.version", |seen| seen.run_image().os_version.is_some()),
        ],
    )
}

fn given() -> Dimension {
    fn has(build: &mut Build, annotations: bool, labels: bool) {
        let key = |there: bool, key: &str| there.then(|| (key.to_owned(), String::new())).into_iter().collect();
        build.run_image.annotations = key(annotations, ANNOTATION_TITLE);
        build.run_image.labels = key(labels, ANNOTATION_VERSION);
    }
    let of = |seen: &StepView<'_>| (!seen.run_image().annotations.is_empty(), !seen.run_image().labels.is_empty());
    Dimension::new(
        "Run image: annotations and labels",
        "Of its own, also under the keys of RFC 196.",
        vec![
            Value::new("neither", move |seen| of(seen) == (false, false)).made(|build| has(build, false, false)),
            Value::new("labels", move |seen| of(seen).1).made(|build| has(build, false, true)),
            Value::new("annotations", move |seen| of(seen).0),
        ],
    )
}

fn names() -> Dimension {
    Dimension::new(
        "Run image: name and whereabouts",
        "How the analysis calls it, and what happens to it afterwards.",
        vec![
            Value::new("repository and tag", |seen| seen.run_image().analysed_name.is_none()),
            Value::new("without registry and tag", |seen| {
                seen.run_image().analysed_name.as_ref().is_some_and(|name| !name.contains([':', '.']))
            }),
            Value::new("six parts and a tag of 128 characters", |seen| seen.run_image().name.len() > 150),
            Value::new("a mirror was chosen", |seen| seen.run_image().chosen_mirror.is_some()),
            Value::new("extended by image extensions", |seen| seen.run_image().extension.is_some()),
            Value::new("its tag moves after the analysis", |seen| seen.step.move_run_image_tag),
            Value::new("it is gone after the analysis", |seen| seen.step.delete_run_image),
            Value::unseen(
                "no name in the analysis",
                "`run-image.image` MUST be the name of the run image (analyzed.toml)",
            ),
        ],
    )
}

fn run_toml() -> Dimension {
    fn mirrors(image: &toml::Table) -> usize {
        image.get("mirrors").and_then(toml::Value::as_array).map_or(0, Vec::len)
    }
    let images = |seen: &StepView<'_>| {
        let name = seen.run_image().analysed_name.clone();
        let listed = StepView::list(seen.run_toml(), "images");
        let is_it = |image: &&toml::Table| {
            let own = image.get("image").and_then(toml::Value::as_str);
            name.is_none() || own == name.as_deref()
        };
        (listed.len(), listed.iter().any(is_it), listed.iter().map(|image| mirrors(image)).max())
    };
    let of_mirrors = |seen: &StepView<'_>| {
        let name = seen.run_image().analysed_name.as_ref();
        let listed = StepView::list(seen.run_toml(), "images");
        let mut all = listed.iter().filter_map(|image| image.get("mirrors")?.as_array()).flatten();
        name.is_some_and(|name| all.any(|mirror| mirror.as_str() == Some(name)))
    };
    Dimension::new(
        "run.toml",
        "Images and mirrors (Run Image Resolution).",
        vec![
            Value::new("not there", |seen| seen.is_good() && seen.run_toml().is_none())
                .made(|build| build.call.run_toml = RunToml::Absent),
            Value::new("no image", move |seen| seen.run_toml().is_some() && images(seen).0 == 0)
                .made(|build| build.call.run_toml = RunToml::Empty),
            Value::new("one image without mirror", move |seen| (images(seen).0, images(seen).2) == (1, Some(0)))
                .made(|build| build.run_image.mirror = false),
            Value::new("one mirror", move |seen| (images(seen).0, images(seen).2) == (1, Some(1)))
                .made(|build| build.run_image.mirror = true),
            Value::new("several mirrors", move |seen| images(seen).2.is_some_and(|count| count > 1)),
            Value::new("several images", move |seen| images(seen).0 > 1),
            Value::new("the run image is a mirror of another", of_mirrors),
            Value::new("no entry has the run image", move |seen| {
                images(seen).0 > 0 && !images(seen).1 && !of_mirrors(seen)
            }),
        ],
    )
}

fn previous() -> Dimension {
    let label = |seen: &StepView<'_>| seen.step.previous_image_of_another.as_ref().map(|other| other.lifecycle_label);
    let is_again = move |seen: &StepView<'_>| {
        seen.number > 1 && !seen.step.previous_image && label(seen).is_none() && seen.step.overlay.is_none()
    };
    Dimension::new(
        "Exports of a build, previous images",
        "What was exported before.",
        vec![
            Value::new("the first export", |seen| seen.number == 1).made(|build| build.sequence = Sequence::Once),
            Value::new("the same build once more", is_again).made(|build| build.sequence = Sequence::Twice),
            Value::new("a previous image, another app", |seen| seen.step.previous_image && seen.step.overlay.is_some())
                .made(|build| build.sequence = Sequence::OtherApp),
            Value::new("a launch layer re-used by its metadata", |seen| {
                let is_gone = |path: &str| seen.step.remove.iter().any(|removed| removed == path);
                seen.step.previous_image && seen.layers().iter().any(|(path, _)| is_gone(path))
            })
            .made(|build| build.sequence = Sequence::LayersReused),
            Value::new("a previous image of another exporter", move |seen| {
                label(seen) == Some(OtherLabel::OfItsLayers)
            }),
            Value::new("a previous image of no build", move |seen| label(seen) == Some(OtherLabel::Missing)),
            Value::new("a previous image with another text for the lifecycle's label", move |seen| {
                label(seen).is_some_and(|label| !matches!(label, OtherLabel::OfItsLayers | OtherLabel::Missing))
            }),
            Value::new("the run image's tag moved meanwhile", |seen| seen.step.move_run_image_tag)
                .made(|build| build.sequence = Sequence::TagMoved),
        ],
    )
}

fn registries() -> Dimension {
    let run_image = |seen: &StepView<'_>| RegistryEndpoint::split(&seen.run_image().name).0;
    let app = |seen: &StepView<'_>| seen.images().first().map(|image| RegistryEndpoint::split(image).0);
    let is =
        move |place: RegistryEndpoint| move |seen: &StepView<'_>| app(seen) == Some(place) || run_image(seen) == place;
    Dimension::new(
        "Registries",
        "Where app and run image are.",
        vec![
            Value::new("one for both", move |seen| app(seen) == Some(run_image(seen))),
            Value::new("two", move |seen| seen.is_good() && app(seen).is_some_and(|place| place != run_image(seen))),
            Value::new("one that refuses connections", is(RegistryEndpoint::Closed)),
            Value::new("one that never answers", is(RegistryEndpoint::Silent)),
            Value::new("one with TLS", is(RegistryEndpoint::Secure)),
        ],
    )
}

fn credentials() -> Dimension {
    let is_guarded = |seen: &StepView<'_>| {
        seen.images().iter().any(|image| RegistryEndpoint::split(image).0 == RegistryEndpoint::Guarded)
    };
    let are_given =
        |seen: &StepView<'_>| seen.step.faults.iter().any(|fault| fault.kind == FaultKind::WantsCredentials);
    let is_token = |seen: &StepView<'_>| {
        seen.images().iter().any(|image| RegistryEndpoint::split(image).0 == RegistryEndpoint::Token)
    };
    Dimension::new(
        "Credentials",
        "Registry Authentication.",
        vec![
            Value::new("none wanted", move |seen| !is_guarded(seen) && !are_given(seen) && !is_token(seen)),
            Value::new("wanted and not there", is_guarded),
            Value::new("wanted and given", are_given),
            Value::new("wanted as a token", is_token),
        ],
    )
}

fn daemons() -> Dimension {
    let arrives =
        |arrival: Arrival| Value::new(arrival.name(), move |seen| seen.run_image().in_daemon == Some(arrival));
    let mut values: Vec<Value> =
        [Arrival::PulledByTag, Arrival::PulledByDigest, Arrival::Loaded, Arrival::Made].map(arrives).into();
    values.push(Value::new("as its store keeps most of it", |seen| seen.run_image().in_daemon.is_none()));
    values.push(Value::new("an engine that is restarted", |seen| seen.step.restart_daemon));
    values.push(Value::new("an engine that ends", |seen| seen.step.end_daemon.is_some()));
    values.push(Value::new("a disk that is too small", |seen| {
        seen.scenario.file.private_daemon.is_some_and(|daemon| daemon.disk.is_some())
    }));
    Dimension::new("Daemons", "How the run image comes into one, and what happens to it.", values)
}
