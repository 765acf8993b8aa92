mod about;
mod boots;
mod channels;
mod hello;
mod late;
mod messages;
mod rig;
