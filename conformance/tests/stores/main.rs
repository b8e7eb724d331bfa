//! Every daemon that `registry-compose/with-services` has, with `--stores` one of each kind.
//!
//! A crate of its own, because its test compares all that is in a daemon before and after: no other test may use one at
//! the same time. The gate runs it once more with `--stores`; a wrong name of a crate fails, a filter that fits no test
//! does not.

#[cfg(test)]
mod cases;
