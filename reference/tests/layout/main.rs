//! The exporter as platforms call it, to a layout in a temporary folder, from a run image made by hand.

#[cfg(test)]
mod cases;
