//! The observers against stores made by hand: what is true must be seen as it is, what is broken must be told.

mod daemons;
mod files;
mod layers;
mod layouts;
mod registry;
