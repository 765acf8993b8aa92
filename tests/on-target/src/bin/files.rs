//! The core with files and a store that costs nothing: what transfers add to the core.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use pocketmux_on_target::{NoStore, WithFiles, run};

    #[cortex_m_rt::entry]
    fn main() -> ! {
        run(WithFiles::new(NoStore))
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
