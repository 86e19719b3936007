"""The predecessor's config.toml, of its Rust and its Go generation, as our nodes' parameters."""
