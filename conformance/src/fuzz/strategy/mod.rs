//! How builds are drawn: strategies of `proptest`, whose first alternatives are the plain ones.

mod buildpacks;
mod project;
mod run_image;
mod text;
mod tree;

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::generated::{Build, Calling, Sequence};
use text::{seldom, sometimes};

/// Every build that can be drawn.
pub(super) fn build() -> BoxedStrategy<Build> {
    let processes = (sometimes(60, any::<usize>()), sometimes(25, any::<usize>()));
    let epoch = sometimes(20, 1_u32..2_000_000_000);
    // What costs the most to export comes first, because shrinking goes from front to back.
    (
        sequence(),
        tree::files(8),
        buildpacks::buildpacks(),
        seldom(15),
        run_image::run_image(),
        project::project_file(),
        images(),
        processes,
        epoch,
    )
        .prop_map(|(sequence, app, buildpacks, launcher_sbom, run_image, project, images, processes, epoch)| Build {
            sequence,
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

fn sequence() -> impl Strategy<Value = Sequence> {
    prop_oneof![
        10 => Just(Sequence::Once),
        3 => Just(Sequence::TagMoved),
        2 => Just(Sequence::Twice),
        1 => Just(Sequence::TagMovedLater),
        2 => Just(Sequence::OtherApp),
        2 => Just(Sequence::LayersReused),
        2 => project::project().prop_map(Sequence::OtherProject),
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
