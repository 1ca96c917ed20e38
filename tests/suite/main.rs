//! All tests from outside, as one program.
//!
//! Each file is one question, and `cargo test NAME::` asks it alone: `cargo test cli::`. One program
//! for all of them, for each would link everything that the library stands on, and that took longer
//! than the tests themselves.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod architecture;
mod archives;
#[cfg(target_os = "linux")]
mod bombs;
mod changes;
mod cli;
mod completions_and_man;
mod context;
mod counts;
mod derived_tables;
mod detail_auto;
mod determinism;
mod diagnose;
mod diagnose_rates;
mod embedded;
mod error_responses;
mod event_tables;
mod events;
mod events_as_frames;
mod events_at_packets;
mod export;
#[cfg(target_os = "linux")]
mod extcap;
mod faults_extremes;
#[cfg(target_os = "linux")]
mod faults_input;
#[cfg(target_os = "linux")]
mod faults_limits;
#[cfg(target_os = "linux")]
mod faults_output;
#[cfg(target_os = "linux")]
mod faults_signals;
mod filters;
mod formats;
mod generator;
mod incident;
mod inspect;
mod long_lives;
mod losses;
mod mcp;
mod memory;
#[cfg(target_os = "linux")]
mod memory_bound;
mod metrics;
mod metrics_forms;
mod metrics_of_events;
mod names;
mod nothing_found;
mod one_connection;
mod one_time_line;
mod options;
mod other_clouds;
mod other_logs;
mod other_readers;
mod other_sources;
mod packs;
mod parquet;
mod partials;
#[cfg(unix)] // for bash
mod pasted;
mod path_lists;
mod plain_lines;
mod printed;
mod properties;
mod proposals;
mod reader;
mod report;
mod report_time_line;
mod saved_answers;
mod scale_page;
mod security_lake;
mod seeds;
#[cfg(unix)] // for bash
mod setup;
mod several_formats;
mod sharing;
mod spellings;
mod split;
mod stories;
mod support;
mod tags;
mod terminal;
mod views;
mod views_union;
mod vpc_marks;
mod vpc_model;
#[cfg(unix)] // for HOME
mod wireshark_files;
mod wrappers;
