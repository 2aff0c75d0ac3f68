mod bounded;
mod fallback;
mod partial;
mod staged;
