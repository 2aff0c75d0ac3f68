//! `tcpstate watch` as people and scripts meet it: on a real terminal (tmux),
//! with real sockets, keys and signals; and as a stream that is stopped,
//! continued and ended.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

mod watch {
    mod bare;
    pub(crate) mod pane;
    mod screen;
    mod stream;
    #[path = "../netns/lab/wait.rs"]
    pub(crate) mod wait;
}
