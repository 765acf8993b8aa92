//! Statics as large as the types are: their sizes are read from the symbol table.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use pocketmux_core::Link;
    use pocketmux_on_target::EightChannels;

    macro_rules! size {
        ($name:ident, $of:ty) => {
            #[used]
            #[unsafe(no_mangle)]
            static $name: [u8; size_of::<$of>()] = [0; size_of::<$of>()];
        };
    }

    size!(SIZE_LINK, EightChannels);
    size!(SIZE_MORE_CHANNELS, Link<'static, 256, 8, 16>);
    size!(SIZE_MORE_BLOCKS, Link<'static, 256, 16, 8>);

    #[cortex_m_rt::entry]
    fn main() -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
