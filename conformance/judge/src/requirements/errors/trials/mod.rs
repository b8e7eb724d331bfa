//! What the theme rejects, and what it must not: the same ways for every kind of bad input.

mod codes;
mod left;
mod printed;

use super::FAULTS;
use super::tests::{progress, refused, with_rare_run_image, with_socket};
use crate::digest::Digest;
use crate::evidence::{Document, End, EntryKind, Export, ScenarioEvidence, Target};
use crate::sample;
use crate::trial::{self, Trial, Trials, Wanted};

const STACK_TRACES: [(&str, &str); 4] = [
    ("Go", "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()"),
    ("Rust", "thread 'main' panicked at src/main.rs:1:1:"),
    ("Python", "Traceback (most recent call last):"),
    ("Java", "Exception in thread \"main\" java.lang.Error\n\tat a.B.c(B.java:1)"),
];

fn end(end: End) -> impl Fn(&mut Export) + 'static {
    move |export| export.outcome.end = end
}

fn report(text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| export.report = Some(Document::new(text.as_bytes().to_vec(), None))
}

fn moved(export: &mut Export) {
    export.tags[0].digest = Some(Digest::of(b"x").to_string());
}

fn kept(export: &mut Export) {
    let (name, digest) = (export.tags[0].reference.clone(), Some("sha256:old".to_owned()));
    export.tags[0].digest.clone_from(&digest);
    export.tags_before.insert(name, digest);
}

pub(in super::super) fn trials() -> Vec<Trial> {
    let rows = FAULTS.iter().flat_map(|fault| [refusal(fault), message(fault)]);
    trial::all(
        rows.chain([special_file(), run_image_form(), on_stderr()])
            .chain(codes::trials())
            .chain(left::trials())
            .chain(printed::trials()),
    )
}

fn refusal(fault: &'static super::Fault) -> Trials {
    let mut trials = Trials::of(fault.slug)
        .from(move || refused(fault))
        .rejects("exit 0", end(End::Exited(0)))
        .rejects("a signal", end(End::Signalled(6)))
        .rejects("the time limit", end(End::TimedOut(120)))
        .rejects("a report with a digest", report("[image]\ndigest='sha256:0'"))
        .rejects("a report with an image ID", report("[image]\nimage-id='x'"))
        .rejects("a report with the other spelling", report("[image]\nimageID='x'"))
        .rejects("a report with tags", report("[image]\ntags=['a']"))
        .accepts("an empty report", report(""))
        .accepts("a report without tags", report("[image]\ntags=[]"))
        .accepts("a report of the build", report("[build]\nbom=[]"))
        .accepts("half a report", report("[image"))
        .accepts("a tag that names what it did", kept)
        .accepts("another message, which another row judges", |e| e.outcome.stderr.clear())
        .rejects("a crash that ends with an exit code", |e| {
            e.outcome.stderr = "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()".to_owned();
        })
        .rejects("a crash told on standard output", |e| {
            e.outcome.stdout = "Traceback (most recent call last):\n  File x".to_owned();
        })
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), refuse_all)
        .whole("no good build", Wanted::NotJudged, no_control)
        .ignores("another user than the good build's", |e| e.inputs.run_as = Some(4_321))
        .ignores("a flag that the good build has not", |e| e.inputs.argv.push("-unheard-of".to_owned()))
        .ignores("a good build", |e| e.inputs.expected_failure = Some("errors.none".to_owned()));
    trials = match fault.exit {
        Some(_) => trials.rejects("another exit code", end(End::Exited(1))),
        None => trials.accepts("another exit code", end(End::Exited(246))),
    };
    trials = if fault.may_write {
        trials.accepts("a tag is there", moved)
    } else {
        trials.rejects("a tag is there", moved).rejects("a tag is gone", |e| {
            kept(e);
            e.tags[0].digest = None;
        })
    };
    let late = |e: &mut Export| e.outcome.milliseconds = 120_001;
    if fault.is_timed { trials.rejects("too late", late) } else { trials.accepts("late", late) }
        .accepts("just in time", |e| e.outcome.milliseconds = 120_000)
}

fn message(fault: &'static super::Fault) -> Trials {
    let mut trials = Trials::of(fault.message)
        .from(move || refused(fault))
        .rejects("something failed", |e| "ERROR: something failed".clone_into(&mut e.outcome.stderr))
        .rejects("no output", |e| e.outcome.stderr.clear())
        .rejects("the name backwards", |e| {
            let said: String = e.outcome.stderr.rsplit(' ').next().unwrap_or_default().chars().rev().collect();
            e.outcome.stderr = format!("ERROR: {said}");
        })
        .accepts("on the other stream", |e| e.outcome.stdout = std::mem::take(&mut e.outcome.stderr))
        .accepts("in capitals", |e| e.outcome.stderr = e.outcome.stderr.to_uppercase())
        .accepts("among other lines", |e| e.outcome.stderr = format!("warning: x\n{}\ndone\n", e.outcome.stderr))
        .ignores("it is not refused, which another row judges", end(End::Exited(0)));
    for (language, trace) in STACK_TRACES {
        trials = trials.follows(format!("a stack trace of {language}"), fault.slug, move |e| {
            trace.clone_into(&mut e.outcome.stdout);
        });
    }
    trials
        .follows("the time limit", fault.slug, end(End::TimedOut(120)))
        .rejects("what it says on its way alone", |e| e.outcome.stderr = progress(e))
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), refuse_all)
        .whole("no good build", Wanted::NotJudged, no_control)
}

/// The builds without a fault are refused, too.
fn refuse_all(evidence: &mut ScenarioEvidence, target: Target) {
    let good = evidence.exports.iter_mut().filter(|e| e.target == target && e.inputs.expected_failure.is_none());
    good.for_each(|export| export.outcome.end = End::Exited(3));
}

fn no_control(evidence: &mut ScenarioEvidence, target: Target) {
    evidence.exports.retain(|e| e.target != target || e.inputs.expected_failure.is_some());
}

fn on_stderr() -> Trials {
    let move_to_stdout = |e: &mut Export| e.outcome.stdout = std::mem::take(&mut e.outcome.stderr);
    Trials::of("errors.on-stderr")
        .from(|| refused(&FAULTS[0]))
        .rejects("all on standard output", move_to_stdout)
        .rejects("a line of progress on standard error", move |e| {
            move_to_stdout(e);
            "working on it".clone_into(&mut e.outcome.stderr);
        })
        .accepts("on both", |e| e.outcome.stdout.clone_from(&e.outcome.stderr))
        .accepts("progress on standard output", |e| "working on it".clone_into(&mut e.outcome.stdout))
        .ignores("no output, which another row judges", |e| e.outcome.stderr.clear())
        .ignores("a crash", |e| "panic: x\n\ngoroutine 1 [running]:".clone_into(&mut e.outcome.stderr))
        .ignores("it is not refused", end(End::Exited(0)))
        .whole("the good build was refused as well", Wanted::Follows("platform.exit-zero"), refuse_all)
        .whole("no good build", Wanted::NotJudged, no_control)
}

fn refuse(said: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.outcome.end = End::Exited(1);
        said.clone_into(&mut export.outcome.stderr);
        export.report = None;
        export.tags[0].digest = None;
    }
}

fn run_image_form() -> Trials {
    let and = |change: Box<dyn Fn(&mut Export)>| {
        move |e: &mut Export| {
            refuse("the run image is an index in an index")(e);
            change(e);
        }
    };
    let says = |said: &'static str| and(Box::new(move |e: &mut Export| said.clone_into(&mut e.outcome.stderr)));
    Trials::of("errors.run-image-form")
        .from(with_rare_run_image)
        .rejects("refused without a word of it", says("export failed"))
        .rejects("a crash", says("panic: run image\n\ngoroutine 1 [running]:"))
        .rejects("the time limit", and(Box::new(|e: &mut Export| e.outcome.end = End::TimedOut(120))))
        .rejects(
            "refused with a tag written",
            and(Box::new(|e: &mut Export| e.tags[0].digest = Some("sha256:0".to_owned()))),
        )
        .rejects("refused with a report of success", and(Box::new(report("[image]\ntags=['a']"))))
        .accepts("refused, and why", says("ERROR: the run image is an index in an index"))
        .accepts("refused by a layer's type", says("application/vnd.oci.image.layer.v1.tar+gzip is not known"))
        .ignores("no such run image", |e| e.inputs.may_refuse = None)
}

fn special_file() -> Trials {
    let as_entry = |kind: EntryKind| {
        move |e: &mut Export| {
            sample::edit_entries(e, 3, |entries| {
                let mut file = entries[1].clone();
                "/workspace/run.sock".clone_into(&mut file.path);
                file.kind = kind;
                entries.push(file);
            });
        }
    };
    let and = |change: Box<dyn Fn(&mut Export)>| {
        move |e: &mut Export| {
            refuse("run.sock")(e);
            change(e);
        }
    };
    Trials::of("errors.special-file")
        .from(with_socket)
        .rejects("refused without its name", refuse("a file is odd"))
        .rejects("the time limit", and(Box::new(|e: &mut Export| e.outcome.end = End::TimedOut(120))))
        .rejects("a signal", and(Box::new(|e: &mut Export| e.outcome.end = End::Signalled(6))))
        .rejects(
            "refused with a tag written",
            and(Box::new(|e: &mut Export| e.tags[0].digest = Some("sha256:0".to_owned()))),
        )
        .rejects("refused with a report of success", and(Box::new(report("[image]\ntags=['a']"))))
        .rejects("a file next to it is lost", |e| sample::edit_entries(e, 3, |entries| drop(entries.pop())))
        .rejects("a file of a layer is lost", |e| sample::edit_entries(e, 0, |entries| drop(entries.pop())))
        .rejects("an empty file instead", as_entry(EntryKind::File))
        .accepts("refused by name", refuse("/workspace/run.sock is a socket"))
        .accepts("kept as what it is", as_entry(EntryKind::Other))
        .accepts("left out with a warning", |e| "warning: run.sock is left out".clone_into(&mut e.outcome.stderr))
        .ignores("no special file", |e| e.inputs.may_refuse = None)
}
