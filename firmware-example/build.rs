//! Hands the linker each board's memory map.
//!
//! Does nothing for a build without a board, so that the library builds on a PC as any other.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

const BOARDS: [&str; 3] = ["microbit", "pico", "stm32f405"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    let chosen: Vec<&str> = BOARDS
        .into_iter()
        .filter(|board| env::var_os(format!("CARGO_FEATURE_{}", board.to_uppercase())).is_some())
        .collect();
    match chosen.as_slice() {
        [] => Ok(()),
        [board] => link(board),
        _ => Err(format!("choose one board, not {}: one memory map fits one chip", chosen.join(" and ")).into()),
    }
}

/// Gives the map to the linker under the name that cortex-m-rt's script includes.
fn link(board: &str) -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(format!("memory/{board}.x"), out.join("memory.x"))?;
    println!("cargo:rustc-link-search={}", out.display());
    // Without this the linker pads segments to its own 64 KiB pages, which flash does not have.
    println!("cargo:rustc-link-arg-bin={board}=--nmagic");
    println!("cargo:rustc-link-arg-bin={board}=-Tlink.x");
    println!("cargo:rustc-link-arg-bin={board}=-Tdefmt.x");
    Ok(())
}
