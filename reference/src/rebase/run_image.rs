//! Which run image an app image is put on: the one that is given, else the one that its label leads to
//! (`cnb-platform.md`, Run Image Resolution).

use super::store::{Images, RunImageFound};
use super::{Names, RebaseError};
use crate::failure;
use crate::image_name::ImageName;
use crate::inputs::RunImages;
use crate::log::Log;
use crate::target::Platform;

/// Finds the run image; `known` are the names that the app image's label has for it.
pub(super) async fn find(
    store: &mut Images,
    names: &Names,
    known: &RunImages,
    platform: &Platform,
    log: Log,
) -> Result<RunImageFound, RebaseError> {
    let Names { images, app, run_image } = names;
    if let Some(name) = run_image {
        return store.run_image(name, platform).await;
    }
    if known.image.is_empty() {
        return Err(RebaseError::NoRunImage(app.to_string()));
    }
    let mut tried = Vec::new();
    let near = images.first().unwrap_or(app);
    for candidate in candidates(known, &near.registry) {
        let name = match candidate {
            Ok(name) => name,
            Err(error) => {
                tried.push(failure::chain(&error));
                continue;
            }
        };
        match store.run_image(&name, platform).await {
            Ok(found) => return Ok(found),
            Err(error) => {
                let told = failure::chain(&error);
                log.debug(format_args!("The run image {name} cannot be used: {told}"));
                tried.push(told);
            }
        }
    }
    Err(RebaseError::NoneReadable { image: app.to_string(), tried })
}

/// The run image and its mirrors, those of the app image's registry first.
fn candidates(names: &RunImages, registry: &str) -> Vec<Result<ImageName, crate::image_name::NameError>> {
    let all = std::iter::once(&names.image).chain(&names.mirrors).map(|name| ImageName::parse(name));
    let is_near = |name: &Result<ImageName, _>| matches!(name, Ok(name) if name.registry == registry);
    let (mut near, far): (Vec<_>, Vec<_>) = all.partition(is_near);
    near.extend(far);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_on_the_app_image_s_registry_is_tried_first() {
        let mirrors = ["m.example/run:1", "A/b", "n.example/run:1"].map(str::to_owned).to_vec();
        let names = RunImages { image: "run:1".to_owned(), mirrors };
        let order = |registry: &str| {
            let found =
                candidates(&names, registry).into_iter().map(|name| name.map_or("-".to_owned(), |it| it.registry));
            found.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("n.example"), "n.example index.docker.io m.example -");
        assert_eq!(order("other.example"), "index.docker.io m.example - n.example");
    }
}
