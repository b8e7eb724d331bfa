//! The time of the export: whatever is in the image of it, and in no input, came from the machine's clock.

use std::iter;

use super::texts::{Kind, texts};
use crate::evidence::{Export, Image, Layer};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What texts are to hold.
const ASKED: &str = "constants, and what inputs say";

/// The instants between which an export ran, and what it was given.
struct Clock<'a> {
    began: i64,
    ended: i64,
    /// Its days as they are written in words, those left out that an input asks for.
    dates: Vec<String>,
    export: &'a Export,
}

impl<'a> Clock<'a> {
    fn of(export: &'a Export) -> Self {
        let seconds = i64::try_from(export.outcome.milliseconds / 1000).unwrap_or_default();
        let began = export.outcome.started;
        let mut clock = Self { began, ended: began.saturating_add(seconds), dates: Vec::new(), export };
        let days = clock.began.div_euclid(DAY) - 1..=clock.ended.div_euclid(DAY) + 1;
        clock.dates = days.filter(|day| !clock.is_the_day_asked_for(*day)).flat_map(dates).collect();
        clock
    }

    /// Whether an instant is of the days of the export: a clock that is rounded, to the hour or the day, is one as
    /// well.
    fn is_now(&self, instant: i64) -> bool {
        self.is_today(instant.div_euclid(DAY))
    }

    /// Days of the export: a clock may be of another zone.
    fn is_today(&self, day: i64) -> bool {
        (self.began.div_euclid(DAY) - 1..=self.ended.div_euclid(DAY) + 1).contains(&day)
    }

    /// Whether an input has the text, or asks for the very instant.
    fn is_given(&self, word: &str) -> bool {
        let given = &self.export.inputs;
        let texts = given.files.iter().filter_map(|file| file.text.as_deref());
        let words = given.argv.iter().chain(given.environment.values()).map(String::as_str);
        let documents = self.export.run_image.documents().filter_map(|document| document.text());
        texts.chain(words).chain(documents).any(|text| text.contains(word))
    }

    fn is_asked_for(&self, instant: i64) -> bool {
        self.export.inputs.source_date_epoch.is_some_and(|asked| (asked - instant).abs() <= 1)
    }

    /// The first word of a text that tells the time of the export.
    fn told<'t>(&self, text: &'t str) -> Option<&'t str> {
        words(text).find(|word| self.tells(word) && !self.is_given(word))
    }

    /// A number of days since 1970 that is the export's.
    fn told_in_days<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut numbers = words(text).filter(|word| word.len() == DIGITS_OF_DAYS);
        numbers.find(|word| {
            let day = word.parse::<i64>().ok();
            day.is_some_and(|day| self.is_today(day) && !self.is_the_day_asked_for(day)) && !self.is_given(word)
        })
    }

    /// A date of the export as people and other programs than ISO 8601's write it.
    fn told_in_words(&self, text: &str) -> Option<&str> {
        self.dates.iter().map(String::as_str).find(|date| has_date(text, date) && !self.is_given(date))
    }

    fn tells(&self, word: &str) -> bool {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.is_number_of_now(word);
        }
        if let Ok(instant) = word.parse::<jiff::Timestamp>() {
            return self.is_now(instant.as_second()) && !self.is_asked_for(instant.as_second());
        }
        let mut parts = word.split(|c: char| !c.is_ascii_digit());
        if parts.any(|part| self.is_number_of_now(part)) {
            return true;
        }
        // A date alone, in a longer word, or with a time of no zone.
        let days = (0..word.len()).filter_map(|at| day(word.get(at..at + 10)?));
        days.into_iter().any(|day| self.is_today(day) && !self.is_the_day_asked_for(day))
    }

    fn is_the_day_asked_for(&self, day: i64) -> bool {
        self.export.inputs.source_date_epoch.is_some_and(|asked| asked.div_euclid(DAY) == day)
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since 1970; or a date of eight digits.
    fn is_number_of_now(&self, word: &str) -> bool {
        let Ok(number) = word.parse::<i64>() else { return false };
        let divisor = match word.len() {
            8 => {
                return day(&format!("{}-{}-{}", &word[..4], &word[4..6], &word[6..]))
                    .is_some_and(|day| self.is_today(day));
            }
            10 => 1,
            13 => 1_000,
            16 => 1_000_000,
            19 => 1_000_000_000,
            _ => return false,
        };
        self.is_now(number / divisor) && !self.is_asked_for(number / divisor)
    }
}

/// Words as times and dates are: their marks are parts of them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_a_word = |c: char| c.is_ascii_alphanumeric() || "-:.+".contains(c);
    text.split(move |c: char| !is_of_a_word(c)).filter(|word| !word.is_empty())
}

/// Digits of a number of days since 1970, from 1997 until 2243.
const DIGITS_OF_DAYS: usize = 5;

/// Words of which one says that a number may be of time.
const OF_TIME: [&str; 15] = [
    "at",
    "built",
    "created",
    "date",
    "day",
    "days",
    "epoch",
    "exported",
    "made",
    "on",
    "packed",
    "since",
    "time",
    "timestamp",
    "when",
];

/// Whether a key or its value says that it tells a time: a number alone may be any constant.
fn is_of_time(key: &str, value: &str) -> bool {
    let mut words = [key, value].into_iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic()));
    words.any(|word| OF_TIME.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// What a person or a tool wrote in words and may be a time: values of annotations and labels that say so, and texts of
/// the history. Numbers elsewhere are sizes and ports.
fn told_in_values(image: &Image) -> Vec<(&'static str, String)> {
    let annotations = view::annotations(image).into_iter();
    let annotations = annotations.filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())));
    let annotations = annotations.filter(|(key, value)| is_of_time(key, value)).map(|(_, value)| value);
    let labels: Vec<String> = view::labels(image)
        .iter()
        .filter(|(key, value)| is_of_time(key, value))
        .map(|(_, value)| value.clone())
        .collect();
    let config = view::json(image.config.as_ref());
    let history = config.as_ref().and_then(|config| config.get("history")?.items()).unwrap_or_default();
    let history = history.iter().flat_map(|entry| entry.members().unwrap_or_default());
    let history = history.filter_map(|(_, value)| Some(value.as_str()?.to_owned()));
    let of_the_config = labels.into_iter().chain(history).map(|text| ("config.json", text));
    annotations.map(|text| ("manifest.json", text)).chain(of_the_config).collect()
}

/// Whether a text has a date that is not a part of a longer number.
fn has_date(text: &str, date: &str) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.match_indices(date)
        .any(|(at, _)| !is_digit(text[..at].chars().next_back()) && !is_digit(text[at + date.len()..].chars().next()))
}

/// Forms of a day: RFC 1123, RFC 850, C's `asctime` without its time, and what people write.
fn dates(day: i64) -> Vec<String> {
    let Ok(instant) = jiff::Timestamp::from_second(day * DAY) else { return Vec::new() };
    let forms = [
        "%d %b %Y",
        "%-d %b %Y",
        "%d-%b-%y",
        "%d-%b-%Y",
        "%d/%b/%Y",
        "%a %b %e",
        "%d %B %Y",
        "%-d %B %Y",
        "%B %-d, %Y",
        "%b %-d, %Y",
        "%Y/%m/%d",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%d.%m.%Y",
        "%Y.%m.%d",
        "%Y_%m_%d",
    ];
    forms.iter().map(|form| instant.strftime(form).to_string()).collect()
}

/// Days since 1970 of `YYYY-MM-DD`.
fn day(text: &str) -> Option<i64> {
    let is_date = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !is_date {
        return None;
    }
    let midnight = format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok()?;
    Some(midnight.as_second().div_euclid(DAY))
}

pub(super) fn nothing_tells_the_time_of_the_export(export: &Export, image: &Image) -> Finding {
    let clock = Clock::of(export);
    let documents = iter::once_with(|| no_document_tells_the_time(&clock, export, image));
    let layers = view::new_layers(export, image).into_iter();
    let of_layers = layers.map(|(index, layer)| no_layer_tells_the_time(&clock, export, index, layer));
    documents.chain(of_layers).find(|finding| *finding != Finding::Holds).unwrap_or(Finding::Holds)
}

fn no_document_tells_the_time(clock: &Clock<'_>, export: &Export, image: &Image) -> Finding {
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    let indexes = roots.map(|root| ("index.json", &root.index));
    let documents = [("config.json", &image.config), ("manifest.json", &image.manifest)].into_iter().chain(indexes);
    for (name, document) in documents {
        let text = document.as_ref().and_then(|document| document.text()).unwrap_or_default();
        if let Some(words) = clock.told_in_words(text) {
            let message = format!("{name} has a date that is the export's own and in no input");
            return violated(message, ASKED, words, export.at(name));
        }
        if let Some(word) = clock.told(text) {
            let message = format!("{name} has a time that is the export's own and in no input");
            return violated(message, ASKED, word, export.at(name));
        }
    }
    for (name, text) in told_in_values(image) {
        if let Some(word) = clock.told_in_days(&text) {
            let message = format!("{name} has a number of days since 1970 that is the export's own and in no input");
            return violated(message, ASKED, word, export.at(name));
        }
    }
    Finding::Holds
}

fn no_layer_tells_the_time(clock: &Clock<'_>, export: &Export, index: usize, layer: &Layer) -> Finding {
    let place = || export.at(&format!("export.json#/image/layers/{index}"));
    // A layer that is re-used may be of any time; it is not of now.
    let is_its_own = |time: &i64| clock.is_now(*time) && !clock.is_asked_for(*time);
    let header = layer.blob.as_ref().and_then(|blob| blob.gzip.as_ref());
    let packed = header.map(|header| i64::from(header.mtime)).filter(|time| *time != 0);
    if let Some(time) = packed.filter(is_its_own) {
        let message = format!("the gzip header of layer {index} has the export's own time");
        return violated(message, "a constant time, or none", time, place());
    }
    for text in texts(layer).filter(|text| text.kind != Kind::Owner) {
        if let Some(word) = clock.told_in_words(text.value).or_else(|| clock.told(text.value)) {
            let message = format!("{} has a time that is the export's own and in no input", text.owner(index));
            return violated(message, ASKED, word, place());
        }
    }
    let mut entries = layer.blob.iter().flat_map(|blob| &blob.entries);
    match entries.find(|entry| is_its_own(&entry.mtime)) {
        Some(entry) => {
            let message = format!("{} has the export's own time", entry.path);
            violated(message, "a constant time", entry.mtime, place())
        }
        None => Finding::Holds,
    }
}
