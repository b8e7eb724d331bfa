//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::*;
use crate::evidence::{Document, ExtendedImage, ScenarioEvidence, StoreKind};
use crate::requirement::{DAEMON, REGISTRY};
use crate::sample::{self, annotate, edit_input, edit_label, edit_layers, edit_manifest};
use crate::trial::{self, Trial, Trials};

const DIGEST: &str = "org.opencontainers.image.base.digest";
const NAME: &str = "org.opencontainers.image.base.name";
const LABEL: &str = "io.buildpacks.lifecycle.metadata";

fn set(key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let value = value.into();
    move |export| annotate(export, key, Some(&value))
}

const LEAK: &str = "annotations.not-inherited";

/// A value of the run image's own annotations, copied along.
fn leaks(key: &'static str, value: &str) -> impl Fn(&mut Export) + 'static {
    let value = value.to_owned();
    move |export| {
        export.run_image.sentinels.push(value.clone());
        annotate(export, key, Some(&value));
    }
}

fn none(key: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| annotate(export, key, None)
}

/// The digest that stands there, changed.
fn changed(change: fn(&str) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let old = annotation(export, "base.digest").unwrap();
        annotate(export, DIGEST, Some(&change(&old)));
    }
}

fn upper(digest: &str) -> String {
    digest.to_uppercase().replace("SHA256", "sha256")
}

fn one_digit(digest: &str) -> String {
    let last = if digest.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &digest[..digest.len() - 1])
}

fn other() -> String {
    Digest::of(b"another").to_string()
}

fn index() -> Document {
    Document::new(b"{\"manifests\":[]}".to_vec(), None)
}

/// A run image that was made in the daemon, whose ID there stands as base.digest.
fn in_no_repository(export: &mut Export) {
    let id = Digest::of(b"what one daemon calls it").to_string();
    let run = export.run_image.in_daemon.as_mut().unwrap();
    run.id.clone_from(&id);
    run.repo_digests.clear();
    annotate(export, DIGEST, Some(&id));
}

/// The run image is behind an index, by whose digest it was analysed.
fn behind_an_index() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let index = index();
        let name = export.run_image.reference.split('@').next().unwrap_or_default().to_owned();
        export.run_image.digest = index.digest.clone();
        export.run_image.reference = format!("{name}@{}", index.digest);
        edit_label(export, LABEL, |l| l["runImage"]["reference"] = json!(format!("host.example/run@{}", index.digest)));
        export.run_image.index = Some(index.clone());
        if let Some(base) = &mut export.base {
            base.fetched.document = Some(index.clone());
            annotate(export, DIGEST, Some(index.digest.as_str()));
        }
    }
    evidence
}

fn moved() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().for_each(|export| export.run_image.tag_moved_to = Some(Digest::of(b"moved")));
    evidence
}

fn extended(export: &mut Export) {
    let run = &mut export.run_image;
    run.extension = Some(ExtendedImage { manifest: run.manifest.clone(), config: run.config.clone() });
}

/// The run image's manifest and the app's are Docker schema 2.
fn docker(export: &mut Export) {
    let docker = json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
    export.run_image.manifest = Document::new(docker.to_string().into_bytes(), None);
    edit_manifest(export, |manifest| manifest["mediaType"] = docker["mediaType"].clone());
}

fn without_digest(export: &mut Export) {
    export.run_image.reference = "/layout/run.example/run/base".to_owned();
    edit_input(export, "/layers/analyzed.toml", "[run-image]\nreference='/layout/run.example/run/base'\n");
}

fn label(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, LABEL, |label| label["runImage"][key] = value.clone())
}

fn named(run_image: &'static str, found: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        run_image.clone_into(&mut export.run_image.name);
        annotate(export, NAME, Some(found));
    }
}

fn theirs(key: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| sample::contribute(export, &[(key, "theirs")])
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(presence().into_iter().chain(digests()).chain(names()).chain(agreement()))
}

fn presence() -> Vec<Trials> {
    let platform_s = |e: &mut Export| {
        let platform = e.run_image.manifest.digest.to_string();
        annotate(e, DIGEST, Some(&platform));
    };
    vec![
        Trials::of("base.digest-present")
            .rejects("none", none(DIGEST))
            .follows("one left over from the run image", LEAK, leaks(DIGEST, "sha256:1111"))
            .rejects("under a misspelt key", |e| {
                sample::raw_manifest(e, "image.base.digest", "image.base.Digest");
            })
            .accepts("another digest, which other rows judge", set(DIGEST, other()))
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(DIGEST))
            .from(behind_an_index)
            .accepts("the platform manifest's", platform_s)
            .from(sample::scenario)
            .on(&[Target::Layout])
            .ignores("a layout's reference without digest", without_digest),
        Trials::of("base.name-present")
            .rejects("none", none(NAME))
            .follows("one left over from the run image", LEAK, leaks(NAME, "below.example/base:1"))
            .rejects("under a misspelt key", |e| sample::raw_manifest(e, "image.base.name", "image.base_name"))
            .accepts("another name, which other rows judge", set(NAME, "x"))
            .accepts("a Docker run image converted to OCI", |e| {
                let docker = json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
                let reference = e.run_image.reference.clone();
                e.run_image.manifest = Document::new(docker.to_string().into_bytes(), None);
                e.run_image.reference = reference;
            })
            .ignores("a run image whose digest is not known", |e| {
                without_digest(e);
                none(NAME)(e);
            })
            .ignores("a run image whose name is not a reference", |e| {
                "reg.example:port/run".clone_into(&mut e.run_image.name);
                none(NAME)(e);
            })
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(NAME)),
        Trials::of("base.pair")
            .rejects("the name alone", none(DIGEST))
            .follows("the run image's name alone", LEAK, |e| {
                none(DIGEST)(e);
                leaks(NAME, "below.example/base:1")(e);
            })
            .accepts("any digest", set(DIGEST, "x"))
            .ignores("the digest alone", none(NAME))
            .ignores("neither", |e| {
                none(NAME)(e);
                none(DIGEST)(e);
            })
            .ignores("a buildpack's name", theirs(NAME)),
    ]
}

fn digests() -> Vec<Trials> {
    let image_id = |e: &mut Export| {
        let id = e.run_image.config.digest.to_string();
        annotate(e, DIGEST, Some(&id));
    };
    let platform_s = |e: &mut Export| {
        let platform = e.run_image.manifest.digest.to_string();
        annotate(e, DIGEST, Some(&platform));
    };
    let exact = |trials: Trials| {
        trials
            .rejects("another digest", set(DIGEST, other()))
            .rejects("one digit other", changed(one_digit))
            .rejects("capitals", changed(upper))
            .rejects("a space after it", changed(|digest| format!("{digest} ")))
            .rejects("a space before it", changed(|digest| format!(" {digest}")))
            .rejects("without algorithm", changed(|digest| digest.replace("sha256:", "")))
            .rejects("cut", changed(|digest| digest[..70].to_owned()))
            .rejects("with its repository", changed(|digest| format!("host.example/run@{digest}")))
            .rejects("an empty string", set(DIGEST, ""))
            .follows("the run image's own", LEAK, leaks(DIGEST, "sha256:1111"))
            .rejects("the run image's imageID", image_id)
    };
    let fetched = |status: u16, bytes: Option<&'static [u8]>| {
        move |e: &mut Export| {
            let base = e.base.as_mut().unwrap();
            base.fetched.status = status;
            base.fetched.document = bytes.map(|bytes| Document::new(bytes.to_vec(), None));
        }
    };
    vec![
        exact(Trials::of("base.digest-is-run-image"))
            .ignores("none", none(DIGEST))
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(DIGEST))
            .from(behind_an_index)
            .rejects("behind an index, neither digest", set(DIGEST, other()))
            .accepts("behind an index, the platform manifest's", platform_s)
            .from(sample::scenario)
            .on(&[Target::Layout])
            .ignores("a layout's reference without digest", without_digest),
        exact(Trials::of("base.digest-resolves"))
            .rejects("a word", set(DIGEST, "latest"))
            .rejects("another algorithm", set(DIGEST, "md5:d41d8cd98f00b204e9800998ecf8427e"))
            .rejects("nothing is served", fetched(404, None))
            .rejects("other bytes are served", fetched(200, Some(b"{}")))
            .accepts("the image under the digest has another Content-Type", |e| {
                let document = e.base.as_mut().unwrap().fetched.document.as_mut().unwrap();
                document.content_type = Some("application/vnd.oci.image.index.v1+json".to_owned());
            })
            .ignores("none", none(DIGEST))
            .ignores("a buildpack's", theirs(DIGEST)),
        Trials::of("base.digest-not-image-id")
            .on(WITH_MANIFEST)
            .rejects("the run image's imageID", image_id)
            .rejects("the app image's imageID", |e| {
                // The annotation is not in the config, so the imageID stays.
                let id = e.image_id().unwrap().to_string();
                annotate(e, DIGEST, Some(&id));
            })
            .accepts("another digest, which other rows judge", set(DIGEST, other()))
            .ignores("none", none(DIGEST))
            .on(DAEMON)
            .from(|| sample::kept_by(StoreKind::Containerd))
            .rejects("the run image's imageID in a daemon", image_id)
            .rejects("the daemon's ID of a run image that no repository has", in_no_repository)
            .accepts("a daemon's ID that is a digest in a repository", |e| {
                in_no_repository(e);
                let run = e.run_image.in_daemon.as_mut().unwrap();
                run.repo_digests.push(format!("host.example/run@{}", run.id));
            })
            .ignores("none in a daemon", none(DIGEST)),
        exact(Trials::of("base.digest-pinned").on(REGISTRY).from(moved))
            .rejects("what the tag names now", set(DIGEST, Digest::of(b"moved").to_string()))
            .accepts("a name by another mirror", set(NAME, "mirror.example/run:base"))
            .ignores("none", none(DIGEST))
            .ignores("a tag that did not move", |e| e.run_image.tag_moved_to = None),
        Trials::of("base.shares-layers")
            .rejects("another image under the digest", |e| {
                let other = json!({ "rootfs": { "diff_ids": [Digest::of(b"other")] } });
                e.base.as_mut().unwrap().config = Some(Document::new(other.to_string().into_bytes(), None));
            })
            .rejects("no image under the digest", |e| e.base.as_mut().unwrap().config = None)
            .rejects("the first two layers swapped", |e| {
                sample::edit_config(e, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1));
            })
            .rejects("a layer of its own first", |e| {
                sample::edit_config(e, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 4));
            })
            .rejects("the second layer is lost", |e| {
                sample::edit_config(e, |c| drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().remove(1)));
            })
            .accepts("fewer layers of its own", |e| edit_layers(e, |own| own.truncate(3)))
            .accepts("layers of its own in other order", |e| edit_layers(e, |own| own.swap(1, 2)))
            .ignores("none", none(DIGEST))
            .ignores("nothing is served, which another row judges", fetched(404, None))
            .ignores("a buildpack's", theirs(DIGEST)),
    ]
}

fn names() -> Vec<Trials> {
    let mut is_it = Trials::of("base.name-is-run-image-name");
    for bad in [
        "host.example/other:base",
        "host.example/run:other",
        "other.example/run:base",
        "not a name",
        "",
        "host.example/run:base ",
        "host.example/run",
        "HOST.example/run:base",
        "host.example/team/run:base",
        "host.example:443/run:base",
        "host.example/run:Base",
        "run:base",
    ] {
        is_it = is_it.rejects(format!("'{bad}'"), set(NAME, bad));
    }
    is_it = is_it
        .follows("the run image's own", LEAK, leaks(NAME, "below.example/base:1"))
        .rejects("the name in the reference", |e| {
            let reference = format!("host.example/run@{}", e.run_image.digest);
            annotate(e, NAME, Some(&reference));
        })
        .accepts("a mirror", set(NAME, "mirror.example/run:base"))
        .accepts("the name that a chosen mirror mirrors", named("mirror.example/run:base", "host.example/run:base"))
        .accepts("a chosen mirror", named("mirror.example/run:base", "mirror.example/run:base"))
        .accepts("Docker Hub spelt out", named("run", "index.docker.io/library/run:latest"))
        .accepts(
            "Docker Hub by its other name",
            named("docker.io/library/run:22", "registry-1.docker.io/library/run:22"),
        )
        .accepts("Docker Hub not spelt out", named("index.docker.io/library/run:22", "run:22"))
        .ignores("none", none(NAME))
        .ignores("an extended run image", extended)
        .ignores("a buildpack's", theirs(NAME));
    let digest = || format!("host.example/run@{}", other());
    let mut full = Trials::of("base.name-fully-qualified");
    for bad in
        ["run:base", "not a name", "", "team/run:base", "host.example/run:base ", "https://host.example/run:base"]
    {
        full = full.rejects(format!("'{bad}'"), set(NAME, bad));
    }
    for good in ["localhost/run:base", "host.example:5000/run:base", "docker.io/library/run:base", "host.example/run"] {
        full = full.accepts(format!("'{good}'"), set(NAME, good));
    }
    vec![
        is_it,
        full.ignores("none", none(NAME)).ignores("a buildpack's", theirs(NAME)),
        Trials::of("base.name-is-tag")
            .rejects("a digest reference", set(NAME, digest()))
            .rejects("tag and digest", set(NAME, format!("host.example/run:base@{}", other())))
            .accepts("another tag, which another row judges", set(NAME, "host.example/run:other"))
            .accepts("a name without tag", set(NAME, "host.example/run"))
            .ignores("a run image named by digest", move |e| {
                e.run_image.name = digest();
                annotate(e, NAME, Some(&digest()));
            })
            .ignores("none", none(NAME)),
    ]
}

fn agreement() -> Vec<Trials> {
    vec![
        Trials::of("base.agrees-with-label")
            .rejects("another digest than the label's", set(DIGEST, other()))
            .rejects("one digit other", changed(one_digit))
            .rejects("capitals", changed(upper))
            .follows("the run image's own digest", LEAK, leaks(DIGEST, &Digest::of(b"below").to_string()))
            .follows("the run image's own name", LEAK, leaks(NAME, "below.example/base:1"))
            .rejects("another repository than the label's", set(NAME, "other.example/run:base"))
            .rejects("no name at all", set(NAME, "not a name"))
            .rejects("the label has another reference", |e| {
                label("reference", json!(format!("host.example/run@{}", other())))(e);
            })
            .rejects("the label names another image", |e| {
                label("image", json!("registry.example/another/run:base"))(e);
                label("mirrors", json!([]))(e);
            })
            .accepts("run.toml does not list the run image, and its first entry is in the label", |e| {
                edit_input(e, "/cnb/run.toml", "[[images]]\nimage='registry.example/another/run:base'\n");
                label("image", json!("registry.example/another/run:base"))(e);
                label("mirrors", json!([]))(e);
            })
            .accepts("run.toml does not list the run image, and the label names it alone", |e| {
                edit_input(e, "/cnb/run.toml", "[[images]]\nimage='registry.example/another/run:base'\n");
                label("mirrors", json!([]))(e);
            })
            .accepts("the label has an imageID as reference", label("reference", json!("sha256:an-image-id")))
            .accepts("a mirror", set(NAME, "mirror.example/run:base"))
            .accepts("another tag of the label's repository", set(NAME, "host.example/run:another"))
            .accepts("the digest alone", none(NAME))
            .accepts("the name alone", none(DIGEST))
            .accepts("a buildpack's name next to the exporter's digest", theirs(NAME))
            .ignores("no runImage in the label", |e| {
                edit_label(e, LABEL, |label| drop(label.as_object_mut().unwrap().remove("runImage")));
            })
            .ignores("the digest alone, and none in the label", |e| {
                none(NAME)(e);
                label("reference", json!("sha256:an-image-id"))(e);
            })
            .ignores("neither", |e| {
                none(NAME)(e);
                none(DIGEST)(e);
            })
            .ignores("an extended run image", extended)
            .from(behind_an_index)
            .rejects("behind an index, neither digest", set(DIGEST, other()))
            .accepts("behind an index, the platform manifest's", |e| {
                let platform = e.run_image.manifest.digest.to_string();
                annotate(e, DIGEST, Some(&platform));
            }),
    ]
}
