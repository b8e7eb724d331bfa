//! What a scenario must be beyond its format: keys that mean something together, values that can be made.

use judge::evidence::{FaultKind, Phase, Target};
use judge::reference::Reference;

use super::base::is_inside;
use super::format::NUMBER;
use super::materialise::{ELSEWHERE, place_of, place_of_entry, place_of_removed};
use super::{Arrival, EndDaemon, FileEntry, HistoryShape, RegistryEndpoint, Scenario, Step};
use crate::error::chain;
use crate::globs;

/// Sizes of a private daemon's disk, in MiB: an engine's own files fit into the least.
const DISKS: std::ops::RangeInclusive<u32> = 16..=1024;

/// How many files one entry may make: enough for more than a folder's first block, few enough to stay quick.
const COUNTS: std::ops::RangeInclusive<u16> = 1..=10_000;

/// The key at fault, and what is wrong with it.
type Fault = (String, String);

fn wrong(key: &str, reason: impl Into<String>) -> Result<(), Fault> {
    Err((key.to_owned(), reason.into()))
}

pub(super) fn check(scenario: &Scenario) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !scenario.name.chars().all(plain) || scenario.name.starts_with('-') || scenario.name.ends_with('-') {
        return wrong("the folder's name", "use lower-case letters, digits and '-' between them");
    }
    let file = &scenario.file;
    if file.images.is_empty() || file.targets.is_empty() || file.steps.is_empty() {
        return wrong("images, targets, steps", "each needs at least one entry");
    }
    if let (Some(_), Some(_)) = (&file.run_image.chosen_mirror, &file.run_image.analysed_name) {
        return wrong("run-image.analysed-name", "a chosen mirror is what is analysed; leave one of the two out");
    }
    if file.run_image.in_daemon == Some(Arrival::Made) && file.targets != [Target::Daemon] {
        return wrong(
            "run-image.in-daemon",
            "an image that a daemon makes is nowhere else; targets must be [\"daemon\"]",
        );
    }
    check_extension(scenario)?;
    if file.private_daemon.is_some_and(|daemon| daemon.disk.is_some_and(|disk| !DISKS.contains(&disk))) {
        let (least, most) = (DISKS.start(), DISKS.end());
        return wrong("private-daemon.disk", format!("use {least} to {most} MiB: it is the machine's memory"));
    }
    check_names(scenario)?;
    for entry in &file.files {
        check_entry("files", entry)?;
    }
    for (index, step) in file.steps.iter().enumerate() {
        check_step(scenario, step, index).map_err(|(key, reason)| (format!("steps[{}].{key}", index + 1), reason))?;
    }
    check_sentinels(scenario)
}

/// What extensions make is upon the run image that the analysis found, and lies where `<extended>` can.
fn check_extension(scenario: &Scenario) -> Result<(), Fault> {
    let file = &scenario.file;
    let Some(extension) = &file.run_image.extension else { return Ok(()) };
    if !extension.folder.starts_with("layers/") || place_of(&extension.folder).is_none() {
        return wrong("run-image.extension.folder", "it must be a folder below layers/, and hold no '.' or '..'");
    }
    if file.rebases() {
        return wrong(
            "run-image.extension",
            "a rebase puts an app image upon a run image that no extension has extended",
        );
    }
    if file.run_image.in_daemon == Some(Arrival::Made) {
        return wrong(
            "run-image.extension",
            "extensions extend an image of a registry; leave in-daemon = \"made\" out",
        );
    }
    if !matches!(file.run_image.history, HistoryShape::Whole | HistoryShape::WithEmptyLayers) {
        return wrong("run-image.extension", "its history goes on after the run image's, which must tell every layer");
    }
    Ok(())
}

/// The run image's names must be ones that it can be published under; those of images may be wrong on purpose. A
/// place must be one that there is.
fn check_names(scenario: &Scenario) -> Result<(), Fault> {
    let file = &scenario.file;
    let own = std::iter::once(("run-image.name", &file.run_image.name));
    let published: Vec<(&str, &String)> =
        own.chain(file.run_image.chosen_mirror.iter().map(|name| ("run-image.chosen-mirror", name))).collect();
    for (key, name) in &published {
        let reference = Reference::parse(&format!("host.example/{}", RegistryEndpoint::split(name).1));
        if !reference.is_ok_and(|reference| reference.digest.is_none()) {
            return wrong(key, format!("'{name}' is not [place/]repository[:tag]"));
        }
    }
    let images = file.images.iter().map(|name| ("images", name));
    let of_steps = file.steps.iter().flat_map(|step| file.images_of(step)).map(|name| ("steps.images", name));
    for (key, name) in images.chain(of_steps).chain(published) {
        let first = name.split_once('/').map_or("", |(first, _)| first);
        if first.ends_with("-registry") && RegistryEndpoint::split(name).0 == RegistryEndpoint::Main {
            return wrong(key, format!("'{first}' is not a place; conformance docs scenario lists them"));
        }
    }
    Ok(())
}

fn check_entry(key: &str, entry: &FileEntry) -> Result<(), Fault> {
    let key = format!("{key}, path {}", entry.path);
    if place_of_entry(entry).is_none() {
        return wrong(&key, ELSEWHERE);
    }
    if entry.kinds() > 1 {
        return wrong(&key, "it is more than one of content, size, symlink, hard-link, directory, socket and fifo");
    }
    if entry.kinds() == 0 && entry.mode.is_none() {
        return wrong(&key, "it says neither what is made nor which mode is given");
    }
    if entry.sparse && entry.size.is_none() {
        return wrong(&key, "sparse is for what has a size");
    }
    if let Some(mode) = &entry.mode {
        octal(&key, mode, 0o7777)?;
    }
    if let Some(count) = entry.count
        && (!COUNTS.contains(&count) || !entry.path.contains(NUMBER) || entry.hard_link.is_some())
    {
        let (least, most) = (COUNTS.start(), COUNTS.end());
        return wrong(&key, format!("count must be {least} to {most}, for a path with {NUMBER} and no hard link"));
    }
    match &entry.hard_link {
        Some(other) if place_of(other).is_none() => wrong(&key, "hard-link must name a file of the scenario"),
        _ => Ok(()),
    }
}

fn octal(key: &str, text: &str, most: u32) -> Result<(), Fault> {
    match u32::from_str_radix(text, 8) {
        Ok(bits) if bits <= most => Ok(()),
        _ => wrong(key, format!("'{text}' is not octal text of at most {most:o}")),
    }
}

fn check_step(scenario: &Scenario, step: &Step, index: usize) -> Result<(), Fault> {
    if let Some(folder) = &step.overlay
        && !scenario.files.iter().any(|file| file.path != *folder && is_inside(&file.path, folder))
    {
        return wrong("overlay", format!("the folder '{folder}' holds no file"));
    }
    if let Some(flag) = step.without.iter().find(|flag| !crate::flags::is_flag(flag)) {
        return wrong("without", format!("{flag} is not a flag that the suite gives"));
    }
    if let Some(targets) = &step.targets
        && (targets.is_empty() || targets.iter().any(|target| !scenario.file.targets.contains(target)))
    {
        return wrong("targets", "name at least one, and none that the scenario does not have");
    }
    if step.previous_image && index == 0 {
        return wrong("previous-image", "the first step has no image before it");
    }
    if step.kept_state && index == 0 {
        return wrong("kept-state", "the first step has no step before it");
    }
    if step.previous_image && step.previous_image_of_another.is_some() {
        return wrong("previous-image-of-another", "an analysis finds one image; leave previous-image out");
    }
    if let Some(number) = step.previous_image_of_step
        && (!step.previous_image || number == 0 || number > index)
    {
        return wrong("previous-image-of-step", "it is for previous-image, and names a step before this one, from 1");
    }
    let before = step.previous_image_of_step.unwrap_or(index).checked_sub(1);
    let before = before.and_then(|before| scenario.file.steps.get(before));
    if step.previous_image && before.is_some_and(|before| before.targets.is_some() && before.targets != step.targets) {
        return wrong("previous-image", "the step of that image is not made on every target of this one");
    }
    if step.previous_image && before.is_some_and(|before| before.after_push.is_some()) {
        return wrong("previous-image", "the step of that image lets go of it; leave after-push out there");
    }
    if step.move_run_image_tag && step.delete_run_image {
        return wrong("delete-run-image", "what is gone has no tag to be moved; leave one of the two out");
    }
    if step.expect_failure.is_some() && step.may_refuse.is_some() {
        return wrong("may-refuse", "a step that must fail is judged by expect-failure alone");
    }
    for (key, slug) in [("expect-failure", &step.expect_failure), ("may-refuse", &step.may_refuse)] {
        if let Some(slug) = slug
            && judge::requirements::named(slug).is_none()
        {
            return wrong(key, format!("there is no requirement {slug}; see conformance list requirements"));
        }
    }
    if let Some(path) = step.moved.iter().flat_map(|(from, to)| [from, to]).find(|path| place_of(path).is_none()) {
        return wrong("move", format!("{path}: {ELSEWHERE}"));
    }
    if let Some(path) = step.remove.iter().find(|path| place_of_removed(path).is_none()) {
        return wrong("remove", format!("{path}: {ELSEWHERE}"));
    }
    for entry in &step.files {
        check_entry("files", entry)?;
    }
    check_faults(scenario, step)?;
    check_rebase(scenario, step, index)?;
    check_daemon(scenario, step)?;
    check_process(step)
}

/// Longest that a registry may be silent in a scenario, in seconds.
const LONGEST_STALL: u64 = 30;

/// A fault must be one that the recorder can make, and have what its kind needs.
fn check_faults(scenario: &Scenario, step: &Step) -> Result<(), Fault> {
    if !step.faults.is_empty() && scenario.file.targets != [Target::Registry] {
        return wrong("faults", "they are a registry's; targets must be [\"registry\"]");
    }
    for fault in &step.faults {
        let is_status = matches!(fault.kind, FaultKind::Status | FaultKind::MountRefused);
        let is_stall = matches!(fault.kind, FaultKind::Stall | FaultKind::Trickle | FaultKind::Slow);
        if let Err(error) = globs::of_paths(&fault.path) {
            return wrong("faults.path", format!("'{}' is not a pattern: {}", fault.path, chain(&error)));
        }
        if is_status != fault.status.is_some_and(|status| (300..600).contains(&status)) {
            return wrong(
                "faults.status",
                "kind = \"status\" and \"mount-refused\" need one of 300 to 599, and others have none",
            );
        }
        if is_stall != fault.seconds.is_some_and(|seconds| (1..=LONGEST_STALL).contains(&seconds)) {
            let reason =
                format!("kind = \"stall\", \"trickle\" and \"slow\" need 1 to {LONGEST_STALL}, and others have none");
            return wrong("faults.seconds", reason);
        }
        if fault.retry_after.is_some() && !is_status {
            return wrong("faults.retry-after", "it goes with kind = \"status\"");
        }
        if fault.without_tls && !matches!(fault.kind, FaultKind::Redirect | FaultKind::UploadElsewhere) {
            return wrong("faults.without-tls", "it goes with kind = \"redirect\" and \"upload-elsewhere\"");
        }
        if fault.kind == FaultKind::TokenExpires && fault.times.is_none() {
            return wrong("faults.times", "a token that expires with every request is none; say how often it does");
        }
        if fault.kind == FaultKind::TagMoves && (fault.times.is_none() || !step.move_run_image_tag) {
            let reason =
                "kind = \"tag-moves\" needs move-run-image-tag = true, and how often the tag is read before it";
            return wrong("faults.times", reason);
        }
        if fault.times == Some(0) {
            return wrong("faults.times", "a fault that meets no request is none; leave it out for all of them");
        }
    }
    Ok(())
}

/// A rebase has no build of its own, and no layout.
fn check_rebase(scenario: &Scenario, step: &Step, index: usize) -> Result<(), Fault> {
    let Some(rebase) = &step.rebase else { return Ok(()) };
    if scenario.file.targets.contains(&Target::Layout) {
        return wrong("rebase", "the Platform API's rebaser has no layouts; targets must be registry or daemon");
    }
    let of_exports = [
        step.previous_image,
        step.previous_image_of_another.is_some(),
        step.newer_run_image,
        step.move_run_image_tag,
        step.delete_run_image,
        step.run_containers,
    ];
    if of_exports.contains(&true) {
        let reason = "previous images, newer-run-image, move-run-image-tag, delete-run-image and run-containers are an \
                      export's";
        return wrong("rebase", reason);
    }
    if rebase.previous_by_digest && rebase.previous_image.is_none() {
        return wrong("rebase.previous-by-digest", "rebase.previous-image says which image that is");
    }
    if rebase.run_image_gone && rebase.run_image.is_none() {
        return wrong("rebase.run-image-gone", "rebase.run-image says which image that is");
    }
    if index == 0 && rebase.recorded.is_none() && step.expect_failure.is_none() {
        return wrong("rebase.recorded", "the first step has no image before it");
    }
    let is_own = |slug: &String| judge::requirements::named(slug).is_none_or(|row| row.phase == Phase::Rebaser);
    match step.expect_failure.iter().chain(&step.may_refuse).find(|slug| !is_own(slug)) {
        Some(slug) => wrong("expect-failure", format!("{slug} is not a requirement of rebases")),
        None => Ok(()),
    }
}

/// Nobody's daemon is restarted or ended but the scenario's own.
fn check_daemon(scenario: &Scenario, step: &Step) -> Result<(), Fault> {
    let file = &scenario.file;
    if file.private_daemon.is_none() {
        let key = if step.restart_daemon { "restart-daemon" } else { "end-daemon" };
        let is_asked = step.restart_daemon || step.end_daemon.is_some();
        return if is_asked { wrong(key, "it needs [private-daemon]") } else { Ok(()) };
    }
    let fails = step.expect_failure.is_some();
    match step.end_daemon {
        Some(_) if file.targets != [Target::Daemon] => wrong("end-daemon", "it needs targets = [\"daemon\"]"),
        Some(EndDaemon::Load) if !fails => wrong("end-daemon", "an export whose daemon ends needs expect-failure"),
        Some(EndDaemon::Push) if fails => wrong("end-daemon", "an export that fails leaves nothing to be pushed"),
        _ => Ok(()),
    }
}

fn check_process(step: &Step) -> Result<(), Fault> {
    if let Some(umask) = &step.umask {
        octal("umask", umask, 0o777)?;
    }
    let is_outside = |path: &str| path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if let Some(folder) = &step.working_directory
        && !folder.starts_with('/')
        && is_outside(folder)
    {
        return wrong("working-directory", "it must be absolute, or a path in the build folder");
    }
    if step.temporary.as_deref().is_some_and(is_outside) {
        return wrong("temporary", "it must be a path in the build folder");
    }
    if step.terminate_after.is_some_and(|seconds| !(1..=LONGEST_STALL).contains(&seconds)) {
        return wrong("terminate-after", format!("it must be 1 to {LONGEST_STALL} seconds"));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    match &step.hostname {
        Some(name) if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) => {
            wrong("hostname", "use 1 to 64 letters, digits, '-' and '.'")
        }
        _ => Ok(()),
    }
}

/// A sentinel proves inheritance only when no other input holds it.
fn check_sentinels(scenario: &Scenario) -> Result<(), Fault> {
    let sentinels = scenario.file.run_image.sentinels();
    let inputs = inputs(scenario);
    for (index, sentinel) in sentinels.iter().enumerate() {
        let is_held =
            inputs.iter().any(|input| input.windows(sentinel.len().max(1)).any(|part| part == sentinel.as_bytes()));
        if sentinel.is_empty() || sentinels[..index].contains(sentinel) || is_held {
            return wrong(
                "run-image",
                format!("the label or annotation value '{sentinel}' must be non-empty and occur in no other input"),
            );
        }
    }
    Ok(())
}

/// Everything that an exporter is given and that a scenario spells out.
fn inputs(scenario: &Scenario) -> Vec<&[u8]> {
    let file = &scenario.file;
    let entries = file.files.iter().chain(file.steps.iter().flat_map(|step| &step.files));
    let texts = entries.filter_map(|entry| entry.content.as_deref());
    let variables = file.environment.values().chain(file.steps.iter().flat_map(|step| step.environment.values()));
    let arguments = file.steps.iter().flat_map(|step| file.images_of(step).iter().chain(&step.arguments));
    let spelled = texts.chain(variables.chain(arguments).map(String::as_str)).map(str::as_bytes);
    spelled.chain(scenario.files.iter().map(|file| file.content.as_slice())).collect()
}
