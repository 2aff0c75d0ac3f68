mod bounded;
mod fallback;
mod paced;
mod partial;
mod staged;
