//! The harness: runs an exporter against real stores, keeps what it observed as evidence, and has it judged.
