//! The reference exporter: layers, app and run image in; an annotated app image out.
