//! What every store promises, and what one in flash promises besides: through any loss of power, whatever is in the flash.

mod content;
mod dirt;
mod flash;
mod power;
mod promises;
mod random;
mod room;
mod world;
