//! The core with files in flash: what that store adds.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use pocketmux_core::files::Nor;
    use pocketmux_on_target::{Flash, WithFiles, run, unknown};

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let Ok(store) = Nor::<_, 128, 16, 128>::mount(Flash, 0..unknown(128 << 10)) else {
            loop {
                cortex_m::asm::wfi();
            }
        };
        run(WithFiles::new(store))
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
