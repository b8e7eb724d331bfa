//! The observers against stores made by hand: what is true must be seen as it is, what is broken must be told.

#[cfg(test)]
mod daemons;
#[cfg(test)]
mod files;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod registry;
