//! Conversions on the thread that the fuzzer calls: nothing is handed over to others and awaited.

/// Makes this thread the only one of rayon's pool; called once, before the first input.
pub(crate) fn one_thread() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread();
    pool.build_global().expect("the first to ask for it");
}
