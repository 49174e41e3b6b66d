//! HTTP clients of the sandbox itself.

/// A client that goes through no proxy. Everything here is plain HTTP; but reqwest, which the functions use for more than
/// that, makes no client without cryptography.
pub fn http() -> reqwest::ClientBuilder {
    // It fails only where there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
