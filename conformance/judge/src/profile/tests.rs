//! Which profile raises what.

use super::*;
use crate::requirements;

fn level(profile: &Profile, id: &str, target: Target) -> Level {
    profile.level(requirements::named(id).unwrap(), target)
}

const TARGETS: [Target; 3] = Target::ALL;

#[test]
fn core_leaves_every_level_as_it_is() {
    for row in requirements::all() {
        for target in TARGETS {
            assert_eq!(Profile::Core.level(row, target), row.level, "{}", row.id);
            for profile in Profile::BUILT_IN {
                assert!(profile.level(row, target) >= row.level, "{profile} lowers {}", row.id);
            }
        }
    }
}

#[test]
fn rfc_196_demands_its_annotations_on_the_registry() {
    use Level::{Must, Optional, Should};
    for (id, levels) in [
        ("base.digest-present", [Must, Optional, Should]),
        ("base.name-present", [Must, Optional, Should]),
        ("source.title.present", [Must, Optional, Should]),
        ("annotations.not-inherited", [Must, Must, Must]),
        ("buildpack.annotations-present", [Optional; 3]),
    ] {
        assert_eq!(TARGETS.map(|target| level(&Profile::Rfc196, id, target)), levels, "{id}");
    }
    // What else belongs to the seven keys keeps its own level.
    for id in ["source.title.verbatim", "base.pair"] {
        assert_eq!(level(&Profile::Rfc196, id, Target::Registry), requirements::named(id).unwrap().level, "{id}");
    }
    let only_presence = requirements::all().filter(|row| {
        row.id != "annotations.not-inherited" && Profile::Rfc196.level(row, Target::Registry) != row.level
    });
    assert!(only_presence.into_iter().all(|row| row.id.ends_with("present")));
}

#[test]
fn buildpack_annotations_demands_one_row() {
    let raised: Vec<&str> = requirements::all()
        .filter(|row| Profile::BuildpackAnnotations.level(row, Target::Registry) != row.level)
        .map(|row| row.id)
        .collect();
    assert_eq!(raised, ["buildpack.annotations-present"]);
    let id = "buildpack.annotations-present";
    assert_eq!(level(&Profile::BuildpackAnnotations, id, Target::Layout), Level::Must);
}

#[test]
fn strict_makes_every_should_a_must() {
    for row in requirements::all() {
        for target in TARGETS {
            let below = Profile::Rfc196.level(row, target);
            let expected = if below == Level::Optional { Level::Optional } else { Level::Must };
            assert_eq!(Profile::Strict.level(row, target), expected, "{} on {target}", row.id);
        }
    }
}

#[test]
fn profiles_have_names_and_say_what_they_are() {
    for profile in Profile::BUILT_IN {
        assert_eq!(Profile::named(profile.name()), Some(profile.clone()));
        assert_eq!((profile.argument(), profile.to_string()), (profile.name(), profile.name().to_owned()));
    }
    assert_eq!(Profile::named("none"), None);
    assert!(Profile::Strict.summary().contains("every SHOULD"));
    let own = CustomProfile::parse("name='ours'\nextends='rfc-196'\n", "p.toml").unwrap();
    assert_eq!(Profile::Custom(Box::new(own)).summary(), "rfc-196, and what p.toml raises");
}

#[test]
fn own_profiles_are_equal_when_they_say_the_same() {
    let read = |text: &str, file: &str| CustomProfile::parse(text, file).unwrap();
    let text = "name='ours'\nextends='core'\n[levels]\n'base.pair'='MUST'\n";
    assert_eq!(read(text, "p.toml"), read(text, "p.toml"));
    assert_ne!(read(text, "p.toml"), read(text, "q.toml"));
    for (from, to) in [
        ("ours", "theirs"),
        ("core", "strict"),
        ("base.pair", "base.name-is-tag"),
        ("[levels]", "[levels.layout]"),
        ("'base.pair'='MUST'", "'digest.history-true'='SHOULD'"),
    ] {
        assert_ne!(read(text, "p.toml"), read(&text.replace(from, to), "p.toml"), "{to}");
    }
    let levels = ["MUST", "SHOULD"].map(|level| {
        read(&format!("name='ours'\nextends='core'\n[levels]\n'digest.history-true'='{level}'\n"), "p.toml")
    });
    assert_ne!(levels[0], levels[1]);
}
