//! How builds are drawn: strategies of `proptest`, whose first alternatives are the plain ones.

mod buildpacks;
mod project;
mod run_image;
mod text;
mod tree;

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::generated::{Build, Calling, Course};
use text::{seldom, sometimes};

/// Every build that can be drawn.
pub(super) fn build() -> BoxedStrategy<Build> {
    let processes = (sometimes(60, any::<usize>()), sometimes(25, any::<usize>()));
    let epoch = sometimes(20, 1_u32..2_000_000_000);
    // What costs the most to export comes first, because shrinking goes from front to back.
    (
        course(),
        tree::files(8),
        buildpacks::buildpacks(),
        seldom(15),
        run_image::run_image(),
        project::project_file(),
        images(),
        processes,
        epoch,
    )
        .prop_map(|(course, app, buildpacks, launcher_sbom, run_image, project, images, processes, epoch)| Build {
            course,
            app,
            buildpacks,
            launcher_sbom,
            run_image,
            project,
            images,
            default_process: processes.0,
            process_type: processes.1,
            epoch,
            call: Calling::default(),
        })
        .boxed()
}

fn course() -> impl Strategy<Value = Course> {
    prop_oneof![
        10 => Just(Course::Once),
        3 => Just(Course::TagMoved),
        2 => Just(Course::Twice),
        1 => Just(Course::TagMovedLater),
        2 => Just(Course::OtherApp),
        2 => Just(Course::LayersReused),
        2 => project::project().prop_map(Course::OtherProject),
    ]
}

fn images() -> impl Strategy<Value = Vec<String>> {
    let sets: &[&[&str]] = &[
        &["app:latest"],
        &["app"],
        &["team/app:v1.0_rc-1"],
        &["app:latest", "app:1.2"],
        &["app:latest", "app:1.2", "other/app:Stable"],
    ];
    let sets: Vec<Vec<String>> = sets.iter().map(|set| set.iter().map(|name| (*name).to_owned()).collect()).collect();
    select(sets)
}
