mod about;
mod boots;
mod channels;
mod files;
mod hello;
mod late;
mod messages;
mod rig;
