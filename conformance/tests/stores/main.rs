//! Every daemon that `registry-compose/with-services` has, with `--stores` one of each kind.

#[cfg(test)]
mod cases;
