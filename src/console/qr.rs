//! Pictures of QR codes.

use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{Color, QrCode};
use std::fmt::Write;

/// The modules around a QR code that stay empty.
const QUIET: usize = 4;

/// A QR code as the address of a picture.
pub(super) fn qr_of(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let size = width + 2 * QUIET;
    let mut path = String::new();
    for (nth, _) in modules.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let (x, y) = (nth % width + QUIET, nth / width + QUIET);
        // Writing to a text cannot fail.
        let _ = write!(path, "M{x} {y}h1v1h-1z");
    }
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {size} {size}'>\
         <path fill='#fff' d='M0 0h{size}v{size}H0z'/><path d='{path}'/></svg>"
    );
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}
