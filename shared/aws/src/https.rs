//! HTTPS beside the SDKs: to what a service names by its URL, and to what is no service of AWS.

/// A client of one's own making, with the cryptography that the SDKs bring along. It goes through the proxy that
/// `HTTPS_PROXY` names.
pub fn https() -> reqwest::ClientBuilder {
    // It fails only where there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
}
