//! No false alarm: an exporter whose exports are rewritten in ways that the specifications allow gets no worse verdict.

mod cases;
mod rebases;
mod services;
mod wrapped;
