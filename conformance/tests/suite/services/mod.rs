//! The real registry and a real daemon. Run under `registry-compose/with-services`, with ignored tests included; a
//! service that is missing then is a failure.

mod cases;
mod demo;
