//! `base-status`: whether app images are based on the newest of their bases.

use crate::base_status::read::{BaseStatusOptions, rows};
use crate::base_status::{exit, json, table};
use crate::cli::{BaseStatusArguments, TableFormat};
use crate::error::context;
use crate::exit::Exit;
use crate::limits::Patience;
use crate::masked::without_credentials;
use crate::scenario::run_image::architecture;
use judge::reference::Reference;

use super::{Failure, in_order, print};

pub(super) fn tell(arguments: BaseStatusArguments) -> Result<Exit, Failure> {
    let platform = match arguments.platform.as_deref().map(|text| text.split_once('/')) {
        None => ("linux".to_owned(), architecture().to_owned()),
        Some(Some((os, architecture))) if !os.is_empty() && !architecture.is_empty() => {
            (os.to_owned(), architecture.to_owned())
        }
        Some(_) => {
            return Err(Failure::usage("read --platform: it is OS/ARCHITECTURE, such as linux/arm64"));
        }
    };
    let elsewhere = |image: &str| image.starts_with("daemon:") || image.starts_with("layout:");
    for image in arguments.images.iter().filter(|image| !elsewhere(image)) {
        Reference::parse(image).map_err(context(format!("read the image {image}"))).map_err(Failure::usage)?;
    }
    let trust = super::trust(arguments.registry_ca.as_deref())?;
    let (images, insecure, daemon) = (arguments.images, arguments.insecure_registry, arguments.daemon);
    let seconds = std::time::Duration::from_secs(arguments.service_limit);
    let found = in_order(async |_, cancelled| {
        let patience = Patience::new(seconds, cancelled.clone());
        let settings = BaseStatusOptions { images, platform, insecure, daemon, patience, trust };
        tokio::select! {
            found = rows(&settings) => found.map(Some).map_err(Failure::suite),
            () = cancelled.cancelled() => Ok(None),
        }
    })?;
    let Some(mut found) = found else { return Ok(Exit::Interrupted) };
    for row in &mut found {
        row.image = without_credentials(&row.image);
        row.note = without_credentials(&row.note);
    }
    print(&match arguments.format {
        TableFormat::Table => table(&found),
        TableFormat::Json => json(&found),
    })?;
    Ok(exit(&found))
}
