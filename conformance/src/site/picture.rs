//! Pictures as SVG, made when the site is made. Each says in words what it shows, and its figures are in a table too.

use std::collections::BTreeMap;

use judge::view::RFC_KEYS;

use super::html::{Element, Html, el, wide};
use crate::figures::{Kept, OfExporter, Pair};

fn svg(width: usize, height: usize, says: &str) -> Element {
    el("svg")
        .at("viewBox", format!("0 0 {width} {height}"))
        .at("width", width)
        .at("height", height)
        .at("role", "img")
        .at("aria-label", says)
}

fn words(x: usize, y: usize, said: &str) -> Element {
    el("text").at("x", x).at("y", y).text(said)
}

fn rect(x: usize, y: usize, width: usize, height: usize, class: &str) -> Element {
    el("rect").at("x", x).at("y", y).at("width", width).at("height", height).at("class", class)
}

/// A bar of what passes, warns and fails.
pub(super) fn bar([pass, warn, fail]: [usize; 3]) -> Html {
    const WIDTH: usize = 130;
    let all = pass + warn + fail;
    if all == 0 {
        return el("span").at("class", "soft").text("not judged").into();
    }
    let mut picture = svg(WIDTH, 12, &format!("{pass} of {all} pass, {warn} warn, {fail} fail"));
    let mut x = 0;
    for (count, class) in [(pass, "b-pass"), (warn, "b-warn"), (fail, "b-fail")] {
        // What is there at all is seen.
        let share = if count == 0 { 0 } else { (count * WIDTH / all).max(2) };
        picture = picture.with(rect(x.min(WIDTH), 0, share.min(WIDTH - x.min(WIDTH)), 12, class));
        x += share;
    }
    picture.into()
}

/// A bar with its numbers under it; what there is none of is left out.
pub(super) fn counted_bar(counts: [usize; 3]) -> Html {
    if counts == [0; 3] {
        return bar(counts);
    }
    let told = counts.into_iter().zip(["pass", "warn", "fail"]).filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, word)| format!("{count} {word}")).collect();
    el("span").with(bar(counts)).with(el("small").at("class", "soft").text(&told.join(", "))).into()
}

/// What the colours of bars mean.
pub(super) fn legend() -> Html {
    let entry = |(class, word): (&str, &str)| {
        let square = el("svg").at("width", 12).at("height", 12).at("aria-hidden", "true");
        let square = square.with(rect(0, 0, 12, 12, class));
        Html::from(el("span").at("class", "key").with(square).text(word))
    };
    el("p")
        .at("class", "legend")
        .all([("b-pass", "passes"), ("b-warn", "warns"), ("b-fail", "fails")].map(entry))
        .into()
}

/// Which of the nine annotations survive where: a column for each place, filled by the share that is kept.
pub(super) fn survival(of: &OfExporter) -> Option<Html> {
    let (left, column, row_height, top) = (130, 104, 28, 54);
    let pairs: Vec<&Pair> = of.pairs.iter().filter(|pair| pair.left == "registry" && pair.nine().all > 0).collect();
    if pairs.is_empty() || !of.annotates {
        return None;
    }
    let named = format!("Which annotations of {} survive in which store", of.name);
    let mut picture = svg(left + column * pairs.len(), top + row_height * RFC_KEYS.len(), &named);
    for (at, pair) in pairs.iter().enumerate() {
        let x = left + at * column;
        for (line, part) in split(&pair.right).iter().enumerate() {
            picture = picture.with(words(x + 4, 16 + line * 16, part));
        }
        for (row, key) in RFC_KEYS.iter().enumerate() {
            let kept = pair.annotations.get(*key).copied().unwrap_or_default();
            picture = picture.with(cell(x, top + row * row_height, column - 8, kept));
        }
    }
    for (row, key) in RFC_KEYS.iter().enumerate() {
        picture = picture.with(words(0, top + row * row_height + 17, key));
    }
    Some(wide(&named, picture.into()))
}

/// `daemon:classic pushed` on two lines.
fn split(place: &str) -> Vec<&str> {
    match place.split_once(' ').or_else(|| place.split_once(':')) {
        Some((first, second)) => vec![first.trim_start_matches("daemon:"), second],
        None => vec![place],
    }
}

/// A place in few words: `daemon:classic pushed` is `classic pushed`.
pub(super) fn short(place: &str) -> &str {
    place.strip_prefix("daemon:").unwrap_or(place)
}

fn cell(x: usize, y: usize, width: usize, Kept { kept, all }: Kept) -> Html {
    let class = match kept {
        _ if all == 0 => "c-none",
        0 => "c-fail",
        kept if kept == all => "c-pass",
        _ => "c-warn",
    };
    let filled = (kept * width).checked_div(all).unwrap_or_default();
    let said = if all == 0 { "–".to_owned() } else { format!("{kept} of {all}") };
    el("g")
        .at("class", class)
        .with(rect(x, y, width, 22, "frame"))
        .with(rect(x, y, filled, 22, "filled"))
        .with(words(x + 6, y + 16, &said))
        .into()
}

/// How a manifest's digest travels from the registry export to each store, on to a registry and back.
pub(super) fn journey(of: &OfExporter) -> Option<Html> {
    let (stop_width, way_width, row_height) = (142, 150, 54);
    let mut ways: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for pair in of.pairs.iter().filter(|pair| pair.aspects.contains_key("manifest digest")) {
        let service = pair.right.split(' ').next().unwrap_or_default();
        // The straight way from the registry to what a daemon pushed is the sum of the others.
        if pair.left != "registry" || pair.right == service {
            ways.entry(service).or_default().push(pair);
        }
    }
    if ways.is_empty() {
        return None;
    }
    let named = format!("How the digest of a manifest of {} travels", of.name);
    let longest = ways.values().map(Vec::len).max().unwrap_or_default();
    let mut picture = svg(stop_width + longest * (stop_width + way_width), row_height * ways.len(), &named);
    for (row, pairs) in ways.values().enumerate() {
        let y = row * row_height + 8;
        let mut place = pairs.first().map_or("", |pair| pair.left.as_str());
        picture = picture.with(stop(0, y, stop_width, place));
        for (at, pair) in pairs.iter().enumerate() {
            let x = stop_width + at * (stop_width + way_width);
            place = pair
                .right
                .rsplit_once(' ')
                .map_or(&pair.right, |_| pair.right.split_once(' ').map_or("", |(_, how)| how));
            picture = picture.with(way(x, y, way_width, pair)).with(stop(x + way_width, y, stop_width, place));
        }
    }
    Some(wide(&named, picture.into()))
}

fn stop(x: usize, y: usize, width: usize, named: &str) -> Html {
    let shown = named.trim_start_matches("daemon:");
    el("g")
        .at("class", "stop")
        .with(rect(x, y, width, 32, "frame").at("rx", 6))
        .with(words(x + 8, y + 21, shown))
        .into()
}

fn way(x: usize, y: usize, width: usize, pair: &Pair) -> Html {
    let travel = pair.aspects.get("manifest digest").copied().unwrap_or_default();
    let (class, said) = match travel.kept {
        _ if travel.all() == 0 || travel.lost == travel.all() => ("c-none", "has no manifest".to_owned()),
        0 => ("c-fail", "another digest".to_owned()),
        kept if kept == travel.all() => ("c-pass", "the same digest".to_owned()),
        kept => ("c-warn", format!("same in {kept} of {}", travel.all())),
    };
    let line =
        el("path").at("d", format!("M{} {} h{} m-7 -5 l7 5 l-7 5", x + 4, y + 20, width - 8)).at("class", "arrow");
    el("g").at("class", class).with(line).with(words(x + 10, y + 12, &said)).into()
}

/// How long the median export takes on each service.
pub(super) fn times(all: &[&OfExporter]) -> Option<Html> {
    let (left, widest, row_height) = (300, 360, 22);
    let rows: Vec<(String, u64)> = all
        .iter()
        .filter_map(|of| of.cost.as_ref().map(|cost| (of, cost)))
        .flat_map(|(of, cost)| {
            cost.milliseconds.iter().map(|(service, time)| (format!("{}, {service}", of.name), *time))
        })
        .collect();
    let longest = rows.iter().map(|(_, time)| *time).max().filter(|most| *most > 0)?;
    let named = "The median export on each service, in milliseconds";
    let mut picture = svg(left + widest + 80, row_height * rows.len(), named);
    for (row, (label, time)) in rows.iter().enumerate() {
        let y = row * row_height;
        let width = usize::try_from(*time * widest as u64 / longest).unwrap_or(widest).max(1);
        picture = picture.with(words(0, y + 14, label)).with(rect(left, y + 3, width, 14, "b-pass")).with(words(
            left + width + 6,
            y + 14,
            &format!("{time} ms"),
        ));
    }
    Some(wide(named, picture.into()))
}
