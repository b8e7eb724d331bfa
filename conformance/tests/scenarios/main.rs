//! What a scenario asks for is what an exporter gets: told by exporters that are scripts and print what they find.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod services;
