//! Mutations and near misses of a rebase's labels and config, and of refusals.

use serde_json::{Value, json};

use super::super::refusals::REFUSALS;
use super::shared::{before, of, other_digest};
use crate::evidence::{Document, End, Export};
use crate::sample::{self, annotate, edit_config, edit_label};
use crate::trial::{Trials, Wanted};
use crate::view::LIFECYCLE;

const EXIT_ZERO: &str = "rebase.exit-zero";
const BASE: &str = "io.buildpacks.base.distro.version";

pub(super) fn trials() -> Vec<Trials> {
    of_labels().into_iter().chain(fields()).chain(refusals()).collect()
}

/// A change of the config's labels.
fn labels(change: impl Fn(&mut serde_json::Map<String, Value>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, |config| change(config["config"]["Labels"].as_object_mut().unwrap()))
}

fn of_labels() -> Vec<Trials> {
    vec![
        of("rebase.label-updated")
            .rejects("topLayer is of before", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["topLayer"] = json!(other_digest()));
            })
            .rejects("reference is of before", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["runImage"]["reference"] = json!(format!("host.example/run@{}", other_digest()));
                });
            })
            .rejects("reference is a tag", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!("host.example/run:base"));
            })
            .accepts("reference is the imageID", |export| {
                let id = export.run_image.config.digest.to_string();
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!(id));
            }),
        of("rebase.label-names")
            .rejects("image is another", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["image"] = json!("host.example/other:base"));
            })
            .rejects("mirrors are gone", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["mirrors"] = json!([]));
            })
            .rejects("a forced run image is not in the label", |export| {
                export.rebase.as_mut().unwrap().run_image = Some("host.example/forced:1".to_owned());
            })
            .accepts("the same image in other words", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["runImage"]["mirrors"] = json!(["mirror.example/run:base"]);
                });
                annotate(export, "x", Some("y"));
            })
            .ignores("the old label names none", |export| {
                before(export, |export| {
                    edit_label(export, LIFECYCLE, |label| {
                        drop(label["runImage"].as_object_mut().unwrap().remove("image"));
                    });
                });
            }),
        of("rebase.label-rest-kept")
            .rejects("buildpacks are gone", |export| {
                edit_label(export, LIFECYCLE, |label| drop(label.as_object_mut().unwrap().remove("buildpacks")));
            })
            .rejects("a digest of the app's", |export| {
                edit_label(export, LIFECYCLE, |label| label["app"][0]["sha"] = json!(other_digest()));
            })
            .rejects("a flag of a layer", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["buildpacks"][0]["layers"]["runtime"]["cache"] = json!(false);
                });
            })
            .accepts("null is as good as nothing", |export| {
                edit_label(export, LIFECYCLE, |label| label["more"] = Value::Null);
            })
            .ignores("there was no label", |export| {
                before(export, |export| {
                    edit_config(export, |config| {
                        config["config"]["Labels"].as_object_mut().unwrap().remove(LIFECYCLE);
                    });
                });
            }),
        of("rebase.base-labels")
            .rejects("that of before", labels(|labels| drop(labels.insert(BASE.to_owned(), json!("12")))))
            .rejects("it is gone", labels(|labels| drop(labels.shift_remove(BASE))))
            .accepts("another label", labels(|labels| drop(labels.insert("k".to_owned(), json!("x")))))
            .accepts("one that neither had before", |export| {
                before(export, |export| {
                    edit_config(export, |config| {
                        drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(BASE));
                    });
                });
                edit_config(export, |config| {
                    drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(BASE));
                });
            }),
        of("rebase.other-labels-kept")
            .rejects("one is gone", labels(|labels| drop(labels.shift_remove("k"))))
            .rejects("one is added", labels(|labels| drop(labels.insert("of.the.run".to_owned(), json!("1")))))
            .rejects(
                "rebasable follows the run image",
                labels(|labels| {
                    labels.insert("io.buildpacks.rebasable".to_owned(), json!("true"));
                }),
            )
            .accepts("a label of the base", labels(|labels| drop(labels.insert(BASE.to_owned(), json!("12"))))),
    ]
}

fn fields() -> Vec<Trials> {
    vec![
        of("rebase.rest-identical")
            .rejects("Env of the run image", |export| {
                edit_config(export, |config| config["config"]["Env"] = json!(["PATH=/opt/new"]));
            })
            .rejects("no Entrypoint", |export| {
                edit_config(export, |config| {
                    drop(config["config"].as_object_mut().unwrap().shift_remove("Entrypoint"));
                });
            })
            .rejects("an author", |export| edit_config(export, |config| config["author"] = json!("rebaser")))
            .rejects("another user", |export| edit_config(export, |config| config["config"]["User"] = json!("0")))
            .rejects("a flag", |export| edit_config(export, |config| config["config"]["Tty"] = json!(true)))
            .rejects("a number", |export| edit_config(export, |config| config["config"]["StopTimeout"] = json!(10)))
            .accepts("null is as good as nothing", |export| {
                edit_config(export, |config| config["config"]["Shell"] = Value::Null);
            })
            .accepts("false, zero and what is empty are as good as nothing", |export| {
                edit_config(export, |config| {
                    for (key, nothing) in [
                        ("Tty", json!(false)),
                        ("StopTimeout", json!(0)),
                        ("Domainname", json!("")),
                        ("OnBuild", json!([])),
                        ("Healthcheck", json!({ "Retries": 0, "Test": null })),
                    ] {
                        config["config"][key] = nothing;
                    }
                });
            })
            .accepts("created", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            }),
        of("rebase.target-data")
            .rejects("architecture of before", |export| {
                edit_config(export, |config| config["architecture"] = json!("s390x"));
            })
            .rejects("variant is missing", |export| {
                let run = &mut export.run_image.config;
                let mut value: Value = serde_json::from_slice(&run.bytes).unwrap();
                value["variant"] = json!("v8");
                *run = Document::new(value.to_string().into_bytes(), None);
            })
            .accepts("os.version", |export| edit_config(export, |config| config["os.version"] = json!("7"))),
        of("rebase.history-true")
            .rejects("one too few", |export| {
                edit_config(export, |config| drop(config["history"].as_array_mut().unwrap().pop()));
            })
            .rejects("one too many", |export| {
                edit_config(export, |config| config["history"].as_array_mut().unwrap().push(json!({})));
            })
            .accepts("an entry without a layer", |export| {
                edit_config(export, |config| {
                    config["history"].as_array_mut().unwrap().push(json!({ "empty_layer": true }));
                });
            })
            .ignores("the run image has none", |export| {
                let run = &mut export.run_image.config;
                let mut value: Value = serde_json::from_slice(&run.bytes).unwrap();
                value.as_object_mut().unwrap().shift_remove("history");
                *run = Document::new(value.to_string().into_bytes(), None);
            }),
        of("rebase.created-constant")
            .rejects("now", |export| {
                let now = jiff::Timestamp::from_second(sample::STARTED + 2).unwrap().to_string();
                edit_config(export, |config| config["created"] = json!(now));
            })
            .rejects("no time", |export| edit_config(export, |config| config["created"] = json!("today")))
            .accepts("a day before it", |export| {
                let before = jiff::Timestamp::from_second(export.outcome.started - 86_400).unwrap().to_string();
                edit_config(export, |config| config["created"] = json!(before));
            })
            .accepts("another constant", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            })
            .accepts("none", |export| {
                edit_config(export, |config| drop(config.as_object_mut().unwrap().shift_remove("created")));
            }),
    ]
}

fn refusals() -> Vec<Trials> {
    let accept = |export: &mut Export| export.outcome.end = End::Exited(0);
    let mut found: Vec<Trials> = Vec::new();
    for (slug, words) in REFUSALS {
        let said = format!("ERROR: {}", words[0]);
        found.push(
            Trials::of(slug)
                .from(move || sample::refused_rebase(slug, &said))
                .rejects("it is accepted", accept)
                .rejects("it crashes", |export| export.outcome.end = End::Signalled(6))
                .rejects("it comes down with a trace", |export| {
                    "panic: nil\ngoroutine 1 [running]:".clone_into(&mut export.outcome.stderr);
                })
                .rejects("the tag has moved", |export| export.tags[0].digest = Some(other_digest()))
                .accepts("another code", |export| export.outcome.end = End::Exited(1))
                .ignores("another reason", |export| export.inputs.expected_failure = Some("rebase.other".to_owned()))
                .whole("it is accepted, and no other rebase was made", Wanted::Rejected, move |evidence, target| {
                    evidence.rebases.retain(|export| export.step == 1);
                    accept(sample::step(evidence, target, 1));
                })
                .whole(
                    "the rebase without the fault was refused too",
                    Wanted::Follows(EXIT_ZERO),
                    |evidence, target| {
                        sample::step(evidence, target, 2).outcome.end = End::Exited(70);
                    },
                )
                .whole("nothing was accepted", Wanted::NotJudged, |evidence, _| {
                    evidence.rebases.retain(|export| export.step == 1);
                }),
        );
    }
    let sample = || sample::refused_rebase("rebase.not-rebasable-refused", "ERROR: the label rebasable is false");
    found.push(
        Trials::of("rebase.refusal-codes")
            .from(sample)
            .rejects("a code of the exporter", |export| export.outcome.end = End::Exited(62))
            .rejects("a code of no phase", |export| export.outcome.end = End::Exited(101))
            .accepts("a generic one", |export| export.outcome.end = End::Exited(2))
            .ignores("it is accepted", |export| export.outcome.end = End::Exited(0)),
    );
    found.push(
        Trials::of("rebase.refusal-explained")
            .from(sample)
            .rejects("nothing is said", |export| export.outcome.stderr.clear())
            .rejects("something else is said", |export| "ERROR: sorry".clone_into(&mut export.outcome.stderr))
            .follows("it is accepted", "rebase.not-rebasable-refused", |export| export.outcome.end = End::Exited(0))
            .follows("it comes down with a trace", "rebase.not-rebasable-refused", |export| {
                export.outcome.stderr.push_str("\npanic: nil\ngoroutine 1 [running]:");
            })
            .accepts("it is said on standard output", |export| {
                let said = std::mem::take(&mut export.outcome.stderr);
                export.outcome.stdout = said;
            }),
    );
    found
}
