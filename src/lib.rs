//! TCP connection states on Linux: read, judged and shown.
