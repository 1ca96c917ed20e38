//! What targets that convert whole archives do before their first input.

/// Makes this thread the only one of rayon's pool, so that nothing is handed over to others and
/// awaited, and lets the library catch what it may. To be called once.
///
/// The library catches what the `parquet` crate panics at, so the hook that ends the process is not
/// asked there.
///
/// # Panics
/// At the second call.
pub fn begin() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread();
    pool.build_global().expect("the first to ask for it");
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !flow2pcap::wrapper::is_guarded() {
            end(panic);
        }
    }));
}
