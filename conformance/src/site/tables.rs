//! Stores and consumers: what survives where, and which tools read it.

use judge::view::RFC_KEYS;

use super::html::{Html, el, link, said, table};
use super::{Site, picture, slug_of};
use crate::consumers::{Consumer, Gain, KnownBy, NOTHING, Source, Wins};
use crate::figures::{ASPECTS, OfExporter};

pub(super) fn stores(site: &Site<'_>) -> Vec<Html> {
    let mut body = vec![said(
        "p",
        "Every build that was seen at two places was compared field by field. Pushed is what a daemon wrote to the registry, pulled back what it has after it removed the image and pulled it again. Classic, containerd and podman are daemons' stores.",
    )];
    for of in &site.figures.exporters {
        body.push(said("h2", &of.name));
        if of.pairs.is_empty() {
            body.push(said("p", "No build of it was seen at two places."));
            continue;
        }
        if !of.annotates {
            body.push(said("p", "It annotates nothing, though its inputs ask for it: what is counted as annotations here is the run image's."));
        }
        body.extend(picture::survival(of));
        body.push(annotations(of));
        body.push(aspects(of));
    }
    body
}

fn annotations(of: &OfExporter) -> Html {
    let pairs: Vec<_> = of.pairs.iter().filter(|pair| pair.left == "registry").collect();
    let rows = RFC_KEYS.iter().map(|key| {
        let kept = pairs.iter().map(|pair| {
            let kept = pair.annotations.get(*key).copied().unwrap_or_default();
            if kept.all == 0 {
                el("span").at("class", "soft").text("none there").into()
            } else {
                said("span", &format!("{} of {}", kept.kept, kept.all))
            }
        });
        std::iter::once(said("code", key)).chain(kept).collect()
    });
    let mut heads = vec!["annotation"];
    heads.extend(pairs.iter().map(|pair| picture::short(&pair.right)));
    table(&format!("Annotations of {} that other places have too", of.name), &heads, rows.collect())
}

fn aspects(of: &OfExporter) -> Html {
    let rows = of.pairs.iter().map(|pair| {
        let mut row = vec![
            said("span", &format!("{} ↔ {}", picture::short(&pair.left), picture::short(&pair.right))),
            said("span", &pair.builds.to_string()),
        ];
        row.extend(
            ASPECTS.iter().map(|name| said("span", &pair.aspects.get(*name).copied().unwrap_or_default().words())),
        );
        row
    });
    let mut heads = vec!["between", "builds"];
    heads.extend(ASPECTS);
    table(&format!("What else of {} is the same", of.name), &heads, rows.collect())
}

pub(super) fn consumers(all: &[Consumer]) -> Vec<Html> {
    let gain = Gain::of(all, |_| true);
    let looked_up = all.iter().filter(|one| one.known_by != KnownBy::NotFound).count();
    let told = format!(
        "Of {looked_up} tools that were looked up or run, annotations alone serve {}, labels alone {}, both together {}. {} of them read annotations and not \
         labels, {} labels and not annotations; of {} more it was not found whether they read the other of the two. What each reads was taken from its \
         source, its documentation or a run; where nothing was found, that is said.",
        gain.annotations, gain.labels, gain.both, gain.only_annotations, gain.only_labels, gain.not_found
    );
    let rows = all.iter().map(|one| {
        let reads: Vec<&str> = one.reads.iter().map(|place| place.name()).collect();
        vec![
            link(&format!("#{}", slug_of(&one.name)), &one.name),
            said("span", one.known_by.name()),
            said("span", &reads.join(", ")),
            keys(one, Source::Annotations),
            keys(one, Source::Labels),
            said("span", wins(one)),
        ]
    });
    let heads =
        ["tool", "known by", "reads, in this order", "annotations alone give", "labels alone give", "of both counts"];
    let mut body = vec![said("p", &told), table("Tools and the nine keys", &heads, rows.collect()), by_key(all)];
    let index: Vec<&str> = all.iter().filter(|one| one.asks_the_index_alone()).map(|one| one.name.as_str()).collect();
    let told = format!(
        "As far as is known, an annotation of the manifest does not reach those who look at the index alone: {}. An exporter writes no index; who \
         makes one of several images has to annotate it.",
        index.join(", ")
    );
    body.push(said("p", &told));
    for one in all {
        body.push(el("h2").at("id", slug_of(&one.name)).text(&one.name).into());
        body.push(said("p", &one.then));
        body.push(cited(one));
    }
    body
}

/// For each of the nine keys how many tools get it.
fn by_key(all: &[Consumer]) -> Html {
    let rows = RFC_KEYS.iter().map(|key| {
        let gain = Gain::of(all, |one| one == *key);
        vec![said("code", key), said("span", &gain.annotations.to_string()), said("span", &gain.labels.to_string())]
    });
    table("How many tools get each key", &["key", "from an annotation", "from a label"], rows.collect())
}

fn keys(one: &Consumer, source: Source) -> Html {
    let gained = one.gained(source);
    if gained == NOTHING { el("span").at("class", "soft").text(&gained).into() } else { said("span", &gained) }
}

fn wins(one: &Consumer) -> &'static str {
    match one.wins {
        None => "",
        Some(Wins::Annotation) => "the annotation",
        Some(Wins::Label) => "the label",
        Some(Wins::Apart) => "each apart",
    }
}

fn cited(one: &Consumer) -> Html {
    el("ul")
        .all(one.cited.iter().map(|cited| said("li", &format!("{}: {}, {}", cited.of, cited.file, cited.at))))
        .into()
}
