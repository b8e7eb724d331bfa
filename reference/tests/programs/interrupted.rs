//! Signals at random moments, within the time that an export takes. `INTERRUPTIONS` says how many of each
//! signal and target, `INTERRUPTIONS_SEED` which moments.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bounded::Bounded as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reference::digest::Digest;
use serde_json::Value;

use crate::support::build::{Build, exporter};
use crate::support::http::{Answer, Asked};
use crate::support::server::{Server, Wanted, app, build_on, two_layers};

const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL];
/// Of the image in a layout.
const IMAGE: &str = "a.example/app:1";
const PLACE: &str = "a.example/app/1";
/// A process that was sent a signal has ended after this, also where others keep the machine busy.
const TO_END: Duration = Duration::from_secs(5);

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Numbers of a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_be_bytes()).take(count / 8).flatten().collect()
    }

    fn moment(&mut self, latest: Duration) -> Duration {
        Duration::from_micros(self.next() % u64::try_from(latest.as_micros()).unwrap().max(1))
    }
}

/// Where the image goes, and what is to be seen there.
trait Place {
    fn command(&self) -> Command;
    /// Makes it as it was, once with an image of before and once without; nothing of earlier exports is there.
    fn prepare(&mut self, with_earlier: bool);
    /// Whether the whole image is there; what is half is told.
    fn is_whole(&self) -> Result<bool, String>;
    /// What an export that ended by itself does not leave.
    fn left(&self) -> Vec<String>;
    /// Whether anything has been done there.
    fn is_touched(&self) -> bool;
    fn build(&self) -> &Build;
}

/// A build with some MiB that do not compress, and an exporter that receives all signals, whatever mask the tests run
/// under.
fn large_build(build: Build) -> Build {
    let mut noise = Chance(1);
    fs::write(build.path("app/large"), noise.bytes(3 << 20)).unwrap();
    fs::write(build.path("layers/b/runtime/large"), noise.bytes(3 << 20)).unwrap();
    build.program(
        "hears-signals",
        &format!("#!/bin/sh\nexec env --default-signal=HUP,INT {} \"$@\"\n", exporter().display()),
    );
    build
}

struct OnRegistry {
    build: Build,
    server: Server,
    /// A request of an export that was killed may come late: each export has a repository of its own.
    repository: String,
    count: usize,
    earlier: Option<Vec<u8>>,
}

impl OnRegistry {
    fn new() -> Self {
        let (build, server) = (large_build(Build::new()), Server::start(|_| Wanted::Usual));
        let mut place = Self { build, server, repository: String::new(), count: 0, earlier: None };
        let run = two_layers();
        let host = &place.server.host;
        place.build.analyzed(&format!("{host}/run:1"), &format!("{host}/run@{}", run.manifest));
        place.prepare(false);
        place
    }
}

impl Place for OnRegistry {
    fn command(&self) -> Command {
        let mut command = self.build.command(&self.build.path("hears-signals"));
        let image = format!("{}/{}:1", self.server.host, self.repository);
        command.args(["-insecure-registry", &self.server.host, &image]);
        command
    }

    fn prepare(&mut self, with_earlier: bool) {
        self.count += 1;
        self.repository = format!("app{}", self.count);
        self.server.forget();
        self.server.publish("run", &two_layers());
        self.earlier = with_earlier.then(|| b"{\"schemaVersion\":2}".to_vec());
        if let Some(earlier) = &self.earlier {
            self.server.tag(&self.repository, "1", earlier);
        }
    }

    fn is_whole(&self) -> Result<bool, String> {
        let tagged = self.server.manifest(&self.repository, "1");
        let Some(manifest) = tagged.filter(|bytes| self.earlier.as_ref() != Some(bytes)) else {
            return if self.server.manifest(&self.repository, "1") == self.earlier {
                Ok(false)
            } else {
                Err("the tag is gone".to_owned())
            };
        };
        if self.server.manifest(&self.repository, &Digest::of(&manifest).to_string()).is_none() {
            return Err("the manifest is not there by its digest".to_owned());
        }
        let blob = |digest: &str| self.server.blob(digest).filter(|_| self.server.has(&self.repository, digest));
        all_blobs(&manifest, blob).map(|()| true)
    }

    fn left(&self) -> Vec<String> {
        let own = format!("/{}/", self.repository);
        self.server.uploads().into_iter().filter(|place| place.contains(&own)).collect()
    }

    fn is_touched(&self) -> bool {
        !self.server.asked().is_empty()
    }

    fn build(&self) -> &Build {
        &self.build
    }
}

struct InLayout {
    build: Build,
    has_earlier: bool,
}

impl InLayout {
    fn index(&self) -> PathBuf {
        self.build.path(&format!("layout/{PLACE}/index.json"))
    }
}

impl Place for InLayout {
    fn command(&self) -> Command {
        let mut command = self.build.command(&self.build.path("hears-signals"));
        command.env("CNB_EXPERIMENTAL_MODE", "silent").args(["-layout", "-layout-dir"]);
        command.arg(self.build.path("layout")).arg(IMAGE);
        command
    }

    fn prepare(&mut self, with_earlier: bool) {
        for name in self.left() {
            fs::remove_dir_all(self.build.path("layout").join(name)).unwrap();
        }
        let _ = fs::remove_dir_all(self.build.path("layout/a.example"));
        self.has_earlier = with_earlier;
        if with_earlier {
            self.build.write(&format!("layout/{PLACE}/index.json"), "earlier");
        }
    }

    fn is_whole(&self) -> Result<bool, String> {
        let text = fs::read_to_string(self.index());
        let text = match (text, self.has_earlier) {
            (Err(_), true) => return Err("the earlier layout is gone".to_owned()),
            (Err(_), false) if self.build.path(&format!("layout/{PLACE}")).exists() => {
                return Err("there is a folder without an index".to_owned());
            }
            (Err(_), false) => return Ok(false),
            (Ok(text), _) if text == "earlier" => return Ok(false),
            (Ok(text), _) => text,
        };
        let index: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let digest = index["manifests"][0]["digest"].as_str().unwrap_or_default();
        let blob = |digest: &str| {
            let name = digest.trim_start_matches("sha256:");
            fs::read(self.build.path(&format!("layout/{PLACE}/blobs/sha256/{name}"))).ok()
        };
        let manifest = blob(digest).filter(|bytes| Digest::of(bytes).to_string() == digest);
        all_blobs(&manifest.ok_or("the manifest is not whole")?, blob).map(|()| true)
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.build.path("layout")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "run.example" && name != "a.example").collect()
    }

    fn is_touched(&self) -> bool {
        !self.left().is_empty()
    }

    fn build(&self) -> &Build {
        &self.build
    }
}

/// Whether config and layers are there, with the bytes that the manifest says.
fn all_blobs(manifest: &[u8], blob: impl Fn(&str) -> Option<Vec<u8>>) -> Result<(), String> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    let layers = manifest["layers"].as_array().ok_or("the manifest has no layers")?;
    for descriptor in layers.iter().chain([&manifest["config"]]) {
        let digest = descriptor["digest"].as_str().ok_or("a descriptor has no digest")?;
        let bytes = blob(digest).ok_or_else(|| format!("{digest} is missing"))?;
        if Digest::of(&bytes).to_string() != digest {
            return Err(format!("{digest} has other bytes"));
        }
    }
    Ok(())
}

/// Exports, sends the signal after so long, and waits for the end; whether the export was still under way.
fn interrupt(place: &impl Place, signal: Signal, after: Duration) -> (bool, Output) {
    let mut child = place.command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(after);
    let was_there = child.try_wait().unwrap().is_none();
    let begun = Instant::now();
    if was_there {
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    }
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > TO_END {
            child.kill().unwrap();
            panic!("{signal} after {after:?}: it did not end within {TO_END:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    (was_there, child.wait_with_output().unwrap())
}

/// Holds what is there against how the export ended; gives that in words.
fn outcome(place: &impl Place, signal: Signal, after: Duration, (was_there, output): &(bool, Output)) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let case = format!("{signal} after {after:?}, {}: {stderr}", output.status);
    let is_whole = place.is_whole().unwrap_or_else(|half| panic!("{case}: {half}"));
    assert_eq!(place.build().left_over(), Vec::<String>::new(), "{case}");
    assert!(is_whole || place.build().report().is_none(), "{case}: a report of an image that is not there");
    if output.status.signal() != Some(Signal::SIGKILL as i32) {
        assert_eq!(place.left(), Vec::<String>::new(), "{case}");
    }
    let whole = if is_whole { ", the image whole" } else { "" };
    match (output.status.code(), output.status.signal()) {
        (Some(0), None) => {
            assert!(is_whole && place.build().report().is_some(), "{case}");
            if *was_there { "finished all the same".to_owned() } else { "had finished".to_owned() }
        }
        (Some(62), None) => {
            assert!(stderr.lines().count() == 1 && stderr.contains(signal.as_str()), "{case}");
            format!("62{whole}")
        }
        (None, Some(number)) if number == Signal::SIGKILL as i32 => format!("killed{whole}"),
        (None, Some(number)) if number == signal as i32 => {
            assert!(!is_whole && !place.is_touched(), "{case}: it worked without listening for signals");
            "before it listened".to_owned()
        }
        _ => panic!("{case}"),
    }
}

/// How long an export takes that no one ends: the shortest of some, so that signals come while it works.
fn usual(place: &mut impl Place) -> Duration {
    let times = (0..3).map(|_| {
        place.prepare(false);
        let begun = Instant::now();
        let output = place.command().output_in_time().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(place.is_whole(), Ok(true));
        begun.elapsed()
    });
    times.min().unwrap()
}

/// What is left, when nothing is added any more: a request of an export that was killed may come late.
fn settled(place: &impl Place) -> Vec<String> {
    let mut left = place.left();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let now = place.left();
        if now == left {
            return left;
        }
        left = now;
    }
}

fn each_signal(name: &str, place: &mut impl Place) {
    let (times, seed) = (number("INTERRUPTIONS", 3), number("INTERRUPTIONS_SEED", 7));
    let (mut chance, usual) = (Chance(seed), usual(place));
    for signal in SIGNALS {
        let mut outcomes = BTreeMap::new();
        for at in 0..times {
            let _ = fs::remove_file(place.build().path("report.toml"));
            place.prepare(at % 2 == 0);
            let after = chance.moment(usual);
            let ended = interrupt(place, signal, after);
            *outcomes.entry(outcome(place, signal, after, &ended)).or_insert(0) += 1;
            let (left, next) = (settled(place), place.command().output_in_time().unwrap());
            let stderr = String::from_utf8_lossy(&next.stderr);
            assert!(next.status.success(), "the export after {signal} after {after:?}: {stderr}");
            assert_eq!(place.is_whole(), Ok(true), "the export after {signal} after {after:?}");
            assert_eq!(place.left(), left, "the export after {signal} after {after:?}");
        }
        println!("{name}, seed {seed}, an export takes {usual:?}, {signal}: {outcomes:?}");
    }
}

#[test]
fn an_export_to_a_registry_is_whole_or_not_there_whenever_a_signal_comes() {
    each_signal("registry", &mut OnRegistry::new());
}

#[test]
fn an_export_to_a_layout_is_whole_or_not_there_whenever_a_signal_comes() {
    let build = large_build(Build::with_layout());
    each_signal("layout", &mut InLayout { build, has_earlier: false });
}

fn is_begin(asked: &Asked) -> bool {
    asked.method == "POST" && !asked.target.contains("?mount=")
}

#[test]
fn an_upload_whose_place_is_said_after_the_signal_is_cancelled() {
    let (begun, begins) = mpsc::channel();
    let server = Server::start(move |asked| {
        if is_begin(asked) {
            let _ = begun.send(());
            std::thread::sleep(Duration::from_millis(300));
        }
        Wanted::Usual
    });
    let build = build_on(&server, &two_layers());
    let mut command = build.command(exporter());
    command.args(["-insecure-registry", &server.host, &app(&server)]).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    begins.recv_timeout(Duration::from_secs(20)).unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(62));
    let cancelled = server.asked().iter().filter(|asked| asked.method == "DELETE").count();
    assert!(cancelled > 0 && server.uploads().is_empty(), "{cancelled}, {:?}", server.uploads());
}

#[test]
fn what_is_under_way_when_another_blob_is_refused_is_cancelled() {
    let is_put = |asked: &Asked| asked.method == "PUT" && asked.target.contains("/blobs/");
    let is_first = AtomicBool::new(true);
    let server = Server::start(move |asked| {
        if !is_put(asked) {
            return Wanted::Usual;
        }
        if !is_first.swap(false, Ordering::SeqCst) {
            return Wanted::Silence(TO_END);
        }
        // Until others have begun.
        std::thread::sleep(Duration::from_millis(300));
        Wanted::Answer(Answer::status(403))
    });
    let build = build_on(&server, &two_layers());
    assert_eq!(build.to_registry(&server.host, &[&app(&server)]).status.code(), Some(62));
    let begun = server.asked().iter().filter(|asked| is_begin(asked)).count();
    assert!(begun > 1 && server.uploads().is_empty(), "{begun}, {:?}", server.uploads());
}
