//! The core with files in RAM: what that store adds.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use pocketmux_core::files::Ram;
    use pocketmux_on_target::{WithFiles, run};

    #[cortex_m_rt::entry]
    fn main() -> ! {
        run(WithFiles::new(Ram::<2048, 4>::new()))
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
