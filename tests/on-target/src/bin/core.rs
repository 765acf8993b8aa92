//! The binary core with eight channels and reliability, in the loop that a firmware has: what it adds to an empty program.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    #[cortex_m_rt::entry]
    fn main() -> ! {
        pocketmux_on_target::run(())
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
