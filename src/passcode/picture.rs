//! Renders a code as SVG: a QR code and a bar code of the same digits.

use super::barcode;
use qrcode::{Color, EcLevel, QrCode, Version, bits::Bits};
use std::fmt::Write;

/// The quiet zone of a QR code, in modules.
const QR_QUIET: usize = 4;
/// The quiet zone on either side of a bar code, in modules.
const BARCODE_QUIET: usize = 10;
/// The height of a bar code, in modules.
const BARCODE_HEIGHT: usize = 40;

/// The text is not 20 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only 20 digits can be drawn")]
pub struct CannotDraw;

/// The QR code of 20 digits: version 1, 21 modules, numeric, error correction level Q.
pub fn qr_svg(digits: &str) -> Result<String, CannotDraw> {
    let rows = qr(check(digits)?).ok_or(CannotDraw)?;
    let frame = Frame { quiet: (QR_QUIET, QR_QUIET), row_height: 1 };
    Ok(svg(&rows, &frame))
}

/// The bar code of 20 digits: Code 128-C, 145 modules wide.
pub fn barcode_svg(digits: &str) -> Result<String, CannotDraw> {
    let row = barcode::modules(check(digits)?).ok_or(CannotDraw)?;
    let frame = Frame { quiet: (BARCODE_QUIET, 0), row_height: BARCODE_HEIGHT };
    Ok(svg(&[row], &frame))
}

fn check(digits: &str) -> Result<&str, CannotDraw> {
    let drawable = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    if drawable { Ok(digits) } else { Err(CannotDraw) }
}

fn qr(digits: &str) -> Option<Vec<Vec<bool>>> {
    let mut bits = Bits::new(Version::Normal(1));
    bits.push_numeric_data(digits.as_bytes()).ok()?;
    bits.push_terminator(EcLevel::Q).ok()?;
    let code = QrCode::with_bits(bits, EcLevel::Q).ok()?;
    let rows = code.to_colors();
    let rows = rows.chunks(code.width());
    Some(rows.map(|row| row.iter().map(|module| *module == Color::Dark).collect()).collect())
}

/// The geometry of a picture.
struct Frame {
    /// The quiet zone: left and right, above and below.
    quiet: (usize, usize),
    /// The height of a row, in modules.
    row_height: usize,
}

fn svg(rows: &[Vec<bool>], frame: &Frame) -> String {
    let Frame { quiet: (beside, above), row_height } = *frame;
    let width = rows.first().map_or(0, Vec::len) + 2 * beside;
    let height = rows.len() * row_height + 2 * above;
    let mut path = String::new();
    for (n, row) in rows.iter().enumerate() {
        let (mut x, y) = (beside, above + n * row_height);
        for run in row.chunk_by(|a, b| a == b) {
            let length = run.len();
            if run.first() == Some(&true) {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{x} {y}h{length}v{row_height}h-{length}z");
            }
            x += length;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{width}v{height}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passcode::barcode::tests::read;

    const DIGITS: &str = "80531670838493064229";

    /// Paints the picture's path into modules and removes the quiet zone.
    fn paint(svg: &str, quiet: (usize, usize)) -> Vec<Vec<bool>> {
        let between = |from: &str, to: &str| {
            let rest = svg.split(from).nth(1).unwrap();
            rest.split(to).next().unwrap().to_owned()
        };
        let size = between("viewBox=\"0 0 ", "\"");
        let size: Vec<usize> = size.split(' ').map(|n| n.parse().unwrap()).collect();
        let mut rows = vec![vec![false; size[0]]; size[1]];
        for bar in between("fill=\"#000\" d=\"", "\"").split_terminator('z') {
            let numbers = bar.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
            let numbers: Vec<usize> = numbers.map(|n| n.parse().unwrap()).collect();
            let [x, y, width, height, back] = numbers[..] else { panic!("{bar}") };
            assert_eq!(width, back);
            for row in &mut rows[y..y + height] {
                row[x..x + width].fill(true);
            }
        }
        let (beside, above) = quiet;
        let inside = rows.iter().map(|row| row[beside..size[0] - beside].to_vec());
        let ink = |rows: &[Vec<bool>]| rows.iter().flatten().filter(|module| **module).count();
        let inside: Vec<_> = inside.skip(above).take(size[1] - 2 * above).collect();
        assert_eq!(ink(&rows), ink(&inside), "the quiet zone is blank");
        inside
    }

    #[test]
    fn the_bar_code_reads_back_in_every_line() {
        let rows = paint(&barcode_svg(DIGITS).unwrap(), (10, 0));
        assert_eq!(rows.len(), 40);
        for row in rows {
            assert_eq!(row.len(), 145);
            assert_eq!(read(&row).as_deref(), Some(DIGITS));
        }
    }

    #[test]
    fn the_qr_code_is_numeric_and_reads_back() {
        for digits in [DIGITS, "00000000000000000000", "99999999999999999999"] {
            let rows = paint(&qr_svg(digits).unwrap(), (4, 4));
            let grid = rqrr::SimpleGrid::from_func(21, |x, y| rows[y][x]);
            let (meta, content) = rqrr::Grid::new(grid).decode().unwrap();
            assert_eq!(content, digits);
            assert_eq!(meta.version.to_size(), 21);
            // In the format information level Q is 3. At version 1 and level Q, 20 digits only fit
            // in numeric mode.
            assert_eq!(meta.ecc_level, 3);
        }
    }

    #[test]
    fn only_20_digits_are_drawn() {
        for text in
            ["", "1", "8053167083849306422", "805316708384930642290", "8053167083849306422x"]
        {
            assert_eq!(qr_svg(text), Err(CannotDraw), "{text}");
            assert_eq!(barcode_svg(text), Err(CannotDraw), "{text}");
        }
    }
}
