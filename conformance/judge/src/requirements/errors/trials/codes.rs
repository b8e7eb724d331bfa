//! What the rows on exit codes reject, and what they must not.

use super::super::tests::refused;
use super::super::{FAULTS, Fault};
use crate::evidence::{End, Export};
use crate::trial::Trials;

fn fault(slug: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.slug == slug).unwrap()
}

fn end(code: i32) -> impl Fn(&mut Export) + 'static {
    move |export| export.outcome.end = End::Exited(code)
}

pub(super) fn trials() -> Vec<Trials> {
    vec![kept(), of_the_table()]
}

fn kept() -> Trials {
    let of = |trials: Trials, slug: &'static str| trials.from(move || refused(fault(slug)));
    let trials = of(Trials::of("errors.codes-kept"), "errors.malformed-group")
        .rejects("the code of a Platform API", end(11))
        .rejects("the code of a Buildpack API", end(12))
        .accepts("a code before them", end(10))
        .accepts("a code after them", end(13))
        .accepts("a code of the export's own", end(62))
        .ignores("a crash", |e| e.outcome.end = End::Signalled(6))
        .ignores("a crash that ends with such a code", |e| {
            e.outcome.end = End::Exited(11);
            e.outcome.stderr = "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()".to_owned();
        })
        .ignores("it is accepted", end(0));
    let trials = of(trials, "errors.buildpack-api")
        .rejects("the one in place of the other", end(11))
        .accepts("a generic code, which its own row judges", end(1));
    of(trials, "errors.platform-api")
        .rejects("the other in place of the one", end(12))
        .accepts("a generic code", end(1))
}

fn of_the_table() -> Trials {
    Trials::of("errors.codes-of-the-table")
        .from(|| refused(fault("errors.malformed-group")))
        .rejects("a code of the detector's", end(20))
        .rejects("the last before the export's", end(59))
        .rejects("the first after the export's", end(70))
        .rejects("a code that shells make", end(127))
        .rejects("the greatest", end(255))
        .accepts("the first", end(2))
        .accepts("the last of the generic ones", end(19))
        .accepts("the first of the export's own", end(60))
        .accepts("the last of the export's own", end(69))
        .accepts("a code that another row judges", end(11))
        .ignores("the time limit", |e| e.outcome.end = End::TimedOut(9))
        .ignores("it is accepted", end(0))
}
