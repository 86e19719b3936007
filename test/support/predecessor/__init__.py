"""The predecessor's clients and configuration files, as the tests use them."""
