//! `run.toml`: run images and their mirrors (`cnb-platform.md`, run.toml and Run Image Resolution).

use serde::{Deserialize, Serialize};

use crate::image_name::ImageName;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RunToml {
    /// Run images.
    #[serde(default)]
    pub images: Vec<RunImages>,
}

/// A run image with its mirrors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunImages {
    /// Its name.
    pub image: String,
    /// Other names of the same image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
}

impl RunToml {
    /// The entry for the run image of this name: the first that lists it, else the first; none in an empty file.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&RunImages> {
        let same = |other: &String| match (ImageName::parse(name), ImageName::parse(other)) {
            (Ok(one), Ok(two)) => one.to_string() == two.to_string(),
            _ => name == other,
        };
        self.images
            .iter()
            .find(|entry| same(&entry.image) || entry.mirrors.iter().any(same))
            .or_else(|| self.images.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_and_an_unknown_name_gets_the_first() {
        let file: RunToml =
            toml::from_str("[[images]]\nimage='a'\n[[images]]\nimage='b'\nmirrors=['h.example/m:1']\n").unwrap();
        assert_eq!(file.resolve("h.example/m:1").unwrap().image, "b");
        assert_eq!(file.resolve("docker.io/library/b:latest").unwrap().image, "b");
        assert_eq!(file.resolve("zzz").unwrap().image, "a");
        assert!(RunToml::default().resolve("a").is_none());
    }
}
