//! Instants as this project counts them: nanoseconds since the Unix epoch.
