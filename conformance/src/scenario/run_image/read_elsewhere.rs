//! The suite's run images, read by a reader of another project: `oci-spec`'s types take every one of them.

use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};

use super::{MadeImage, make};
use crate::scenario::built_in;

fn is_read(image: &MadeImage, has_media_type: bool, shown: &str) {
    let manifest =
        ImageManifest::from_reader(image.manifest.bytes.as_slice()).unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert_eq!(manifest.layers().len(), image.layers.len(), "{shown}");
    let media_type = image.manifest.content_type.clone().filter(|_| has_media_type);
    assert_eq!(manifest.media_type().as_ref().map(ToString::to_string), media_type, "{shown}");
    assert_eq!(manifest.config().digest().to_string(), image.config.digest.as_str(), "{shown}");
    for (descriptor, layer) in manifest.layers().iter().zip(&image.layers) {
        assert_eq!(descriptor.size(), layer.blob.len() as u64, "{shown}");
    }
    let config =
        ImageConfiguration::from_reader(image.config.bytes.as_slice()).unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert_eq!(config.rootfs().diff_ids().len(), image.layers.len(), "{shown}");
}

#[test]
fn every_run_image_is_one_for_another_reader() {
    let (mut images, mut indexes) = (0, 0);
    for scenario in built_in().unwrap() {
        let image = make(&scenario.file.run_image, "").unwrap();
        let has_media_type = !scenario.file.run_image.without_media_type;
        is_read(&image, has_media_type, &scenario.name);
        images += 1;
        for (document, others) in image.index.iter().map(|index| (&index.document, &index.others)) {
            let index = ImageIndex::from_reader(document.bytes.as_slice()).unwrap();
            assert!(!index.manifests().is_empty(), "{}", scenario.name);
            for other in others {
                is_read(other, has_media_type, &scenario.name);
            }
            indexes += 1;
        }
    }
    assert!(images > 50 && indexes > 3, "{images} {indexes}");
}

#[test]
fn docker_s_words_are_those_of_its_engines() {
    use crate::scenario::ImageFormat::{DockerSchema2, Oci};
    use crate::scenario::LayerCompression::{Gzip, None, Zstd};
    let layers = [Gzip, Zstd, None].map(|compression| super::layer_type(DockerSchema2, compression));
    let layer = "application/vnd.docker.image.rootfs.diff.tar";
    assert_eq!(layers, [format!("{layer}.gzip"), format!("{layer}.zstd"), layer.to_owned()]);
    assert_eq!(super::layer_type(Oci, Zstd), "application/vnd.oci.image.layer.v1.tar+zstd");
    let config = super::media_type(&oci_spec::image::MediaType::ImageConfig, DockerSchema2);
    assert_eq!(config, "application/vnd.docker.container.image.v1+json");
}
