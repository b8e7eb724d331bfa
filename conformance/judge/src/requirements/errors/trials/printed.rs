//! What of an output is rejected, and what is not.

use crate::evidence::{End, Export};
use crate::sample;
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![no_trace(), secrets(), text()]
}

fn says(text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| text.clone_into(&mut export.outcome.stderr)
}

fn no_trace() -> Trials {
    Trials::of("errors.no-trace-on-success")
        .rejects("a trace of Go", says("panic: x\n\ngoroutine 1 [running]:\nmain.main()"))
        .rejects("a trace of Rust", says("thread 'main' panicked at src/main.rs:1:1:\nno"))
        .rejects("a trace of Python on standard output", |e| {
            "Traceback (most recent call last):\n  File x".clone_into(&mut e.outcome.stdout);
        })
        .accepts("an error in words", says("ERROR: failed to read a cache, and went on without"))
        .accepts("a layer that is called so", says("Adding layer 'dont-panic: it is fine'"))
        .follows("it is refused, which other rows judge", "platform.exit-zero", |e| e.outcome.end = End::Exited(1))
}

const VALUE: &str = "glpat-5e6f0d9cba784312";

fn secrets() -> Trials {
    let set = |name: &'static str, value: &'static str| {
        move |e: &mut Export| drop(e.inputs.environment.insert(name.to_owned(), value.to_owned()))
    };
    Trials::of("errors.variables-not-printed")
        .from(|| {
            let mut evidence = sample::scenario();
            for export in &mut evidence.exports {
                export.inputs.environment.insert("CI_JOB_TOKEN".to_owned(), VALUE.to_owned());
            }
            evidence
        })
        .rejects("all variables on a refusal", |e| {
            e.outcome.end = End::Exited(1);
            e.outcome.stderr = format!("ERROR: no\nCI_JOB_TOKEN={VALUE}\n");
        })
        .rejects("of a good build, on standard output", move |e| {
            set("DEPLOY_PASSWORD", VALUE)(e);
            e.outcome.stdout = format!("with {VALUE}");
        })
        .accepts("its name", |e| "CI_JOB_TOKEN is not read".clone_into(&mut e.outcome.stderr))
        .ignores("a value that may stand anywhere", move |e| {
            set("CI_JOB_TOKEN", "token")(e);
            "a token".clone_into(&mut e.outcome.stderr);
        })
        .ignores("a variable that is not secret", move |e| {
            e.inputs.environment.remove("CI_JOB_TOKEN");
            set("CI_JOB", VALUE)(e);
            VALUE.clone_into(&mut e.outcome.stderr);
        })
}

fn text() -> Trials {
    Trials::of("errors.output-is-text")
        .rejects("a NUL byte before the error", says("\0\0ERROR: no"))
        .rejects("a NUL byte on standard output", |e| "\0".clone_into(&mut e.outcome.stdout))
        .rejects("more than 4 MiB", |e| e.outcome.printed = (4 << 20) + 1)
        .accepts("4 MiB", |e| e.outcome.printed = 4 << 20)
        .accepts("colours", says("\u{1b}[31mERROR\u{1b}[0m: no"))
        .accepts("a file's name that is not UTF-8", says("Adding 'caf\u{fffd}'"))
}
