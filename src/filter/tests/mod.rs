mod expressions;
mod messages;
mod staged;
