//! What is rejected of `base.name`, and of either where the label says something else, and what is not.

use super::*;

fn label(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, LABEL, |label| label["runImage"][key] = value.clone())
}

fn named(run_image: &'static str, found: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        run_image.clone_into(&mut export.run_image.name);
        annotate(export, NAME, Some(found));
    }
}

pub(super) fn names() -> Vec<Trials> {
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

pub(super) fn agreement() -> Vec<Trials> {
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
