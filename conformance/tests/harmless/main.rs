//! No false alarm: an exporter whose exports are rewritten in ways that the specifications allow gets no worse verdict.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod rebases;
#[cfg(test)]
mod services;
#[cfg(test)]
mod wrapped;
