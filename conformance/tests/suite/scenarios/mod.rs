//! What a scenario asks for is what an exporter gets: told by exporters that are scripts and print what they find.

mod cases;
mod endpoints;
mod rig;
mod services;
