//! Simplifications that make a whole part of a build plain.

use crate::generated::{Build, Buildpack, Calling, Sequence};

/// In the order in which they are tried: what costs an export the most comes first.
pub(super) const ALL: &[fn(&mut Build)] = &[
    |build| build.sequence = Sequence::Once,
    |build| build.app.clear(),
    |build| build.buildpacks.truncate(1),
    |build| each(build, |buildpack| buildpack.layers.clear()),
    |build| each(build, |buildpack| buildpack.processes.clear()),
    |build| each(build, |buildpack| buildpack.slices.clear()),
    |build| each(build, |buildpack| buildpack.labels.clear()),
    |build| each(build, |buildpack| buildpack.annotations.clear()),
    |build| each(build, the_rest_of_a_buildpack),
    |build| {
        build.run_image.docker = false;
        build.run_image.annotations.clear();
        build.run_image.labels.clear();
    },
    the_rest_of_the_run_image,
    |build| build.project = None,
    |build| build.images = vec!["app:latest".to_owned()],
    |build| {
        build.launcher_sbom = false;
        build.default_process = None;
        build.process_type = None;
        build.epoch = None;
    },
    |build| build.call = Calling::default(),
];

fn each(build: &mut Build, simplification: fn(&mut Buildpack)) {
    build.buildpacks.iter_mut().for_each(simplification);
}

fn the_rest_of_a_buildpack(buildpack: &mut Buildpack) {
    buildpack.homepage = None;
    buildpack.store = None;
    buildpack.sbom = false;
}

fn the_rest_of_the_run_image(build: &mut Build) {
    let image = &mut build.run_image;
    image.layers = vec![1];
    for list in [&mut image.env, &mut image.cmd, &mut image.ports, &mut image.volumes] {
        list.clear();
    }
    for word in [&mut image.user, &mut image.stop_signal, &mut image.os_version] {
        *word = None;
    }
    image.mirror = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::draw::draw;
    use crate::fuzz::folder;

    #[test]
    fn what_they_leave_is_a_scenario_and_less_than_before() {
        for number in 0..20 {
            let drawn = draw(3, number).unwrap().current();
            let mut build = drawn.clone();
            for simplification in ALL {
                simplification(&mut build);
                assert!(folder::scenario(&build, "struck").is_ok());
            }
            let size = |build: &Build| folder::files(build).iter().map(|file| file.content.len()).sum::<usize>();
            assert!(size(&build) < size(&drawn), "case {number}");
        }
    }
}
