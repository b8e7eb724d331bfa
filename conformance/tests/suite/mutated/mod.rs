//! Whatever bytes come, nothing panics, hangs or takes more than its budget: each kind of input that others write,
//! changed at random from one that is right. `MUTATED_SECONDS` says for how long each is tried, `MUTATED_SEED` from
//! which seed on.

mod bytes;
mod documents;
mod evidence;
mod texts;
