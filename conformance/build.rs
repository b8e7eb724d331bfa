//! Scenarios are compiled in: one that is new or gone makes a new build.

fn main() {
    println!("cargo:rerun-if-changed=../fixtures/scenarios");
}
