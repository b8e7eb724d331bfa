//! Texts: pieces on which exporters and their libraries disagree, put together.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// Pieces of texts, plain ones first: shrinking goes towards the front.
const PIECES: &[&str] = &[
    "a",
    "Shop",
    "1.0",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u{a0}",
    "\u{feff}",
    "\u{2028}",
    // Composed, decomposed, and what only compatibility forms change.
    "\u{e9}",
    "e\u{301}",
    "\u{212b}",
    "\u{1112}\u{1161}\u{11ab}",
    "\u{fb01}",
    "\u{2460}",
    "\u{1e9b}\u{323}",
    "\u{1f600}",
    "\u{1f469}\u{200d}\u{1f4bb}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "\u{202e}abc\u{202c}",
    "\u{540d}\u{524d}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\n",
    "\\u0041",
    "<b>&amp;</b>",
    "$HOME",
    "%s%n",
    "{{.}}",
    "#",
    "=",
    ",",
    "/",
    "null",
    "\u{1}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{fffd}",
    "\u{10ffff}",
];

/// Pieces that trimming takes away.
const BLANKS: &[&str] = &["", " ", "\t", "\n", "\u{a0}", "\r\n "];

/// A text that is not empty.
pub(super) fn text() -> impl Strategy<Value = String> + Clone {
    let parts = vec(select(PIECES), 1..7).prop_map(|pieces| pieces.concat());
    let blank = || option::weighted(0.2, select(BLANKS)).prop_map(Option::unwrap_or_default);
    (blank(), parts, blank()).prop_map(|(before, text, after)| format!("{before}{text}{after}"))
}

/// A text of up to 64 KiB.
pub(super) fn long_text() -> impl Strategy<Value = String> {
    (select(PIECES), 1000_usize..=65_536).prop_map(|(piece, size)| piece.repeat(size / piece.len()))
}

/// A text, a long one rarely.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![40 => text(), 1 => long_text()]
}

/// A value that is not a string. TOML's `inf` and `nan` have no JSON form, so they are not drawn.
pub(super) fn no_string() -> impl Strategy<Value = toml::Value> {
    let date = select(&["2026-11-01T10:20:30Z", "1979-05-27T00:32:00.999-07:00", "2000-01-01T00:00:00+00:00"][..]);
    prop_oneof![
        any::<bool>().prop_map(toml::Value::from),
        any::<i32>().prop_map(toml::Value::from),
        any::<i64>().prop_map(toml::Value::from),
        any::<i16>().prop_map(|number| toml::Value::from(f64::from(number) / 8.0)),
        date.prop_filter_map("a date", |text| text.parse().ok().map(toml::Value::Datetime)),
        vec(text(), 0..3).prop_map(toml::Value::from),
        vec((key(), text()), 0..3)
            .prop_map(|pairs| toml::Value::Table(pairs.into_iter().map(|(k, v)| (k, v.into())).collect())),
    ]
}

/// A key of a TOML table, one that has to be quoted now and then.
pub(super) fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&["name", "a", "B", "x-1", "short"][..]).prop_map(str::to_owned), 1 => text()]
}

/// One of these words.
pub(super) fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(words).prop_map(str::to_owned)
}

/// `strategy` in so many of a hundred cases, else nothing.
pub(super) fn sometimes<S: Strategy>(percent: u8, strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    option::weighted(f64::from(percent) / 100.0, strategy)
}

/// Whether something is there, in so many of a hundred cases.
pub(super) fn seldom(percent: u8) -> impl Strategy<Value = bool> {
    sometimes(percent, Just(())).prop_map(|drawn| drawn.is_some())
}
