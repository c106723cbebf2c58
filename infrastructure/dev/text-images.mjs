import { createRequire } from 'node:module';
import sharp from 'sharp';

const FONT = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');

const WORDS =
  'model ledger entry proof chain stage tensor scale leaf root image weight batch anchor result digest'.split(' ');

/**
 * Lines of text as PNG images, black on shades of paper, every other one upside down, as a text direction classifier
 * sees them. The same every time. The font comes from npm, so that no system font is needed.
 *
 * @param {number} count
 * @param {{ width: number, height: number }} size in pixels
 * @returns {Promise<Buffer[]>}
 */
export async function textImages(count, { width, height }) {
  return Promise.all(Array.from({ length: count }, (_, index) => textImage(index, width, height)));
}

async function textImage(index, width, height) {
  const words = [0, 1].map((step) => WORDS[(index * 5 + step * 7) % WORDS.length]).join(' ');
  const text = await sharp({
    text: { text: words, font: 'DejaVu Sans', fontfile: FONT, width: width - 16, height: height - 12, rgba: true },
  })
    .png()
    .toBuffer();
  const shade = 255 - (index % 5) * 12;
  const line = await sharp({ create: { width, height, channels: 3, background: { r: shade, g: shade, b: shade - 8 } } })
    .composite([{ input: text, gravity: 'centre' }])
    .png()
    .toBuffer();
  return index % 2 === 0 ? line : sharp(line).rotate(180).png().toBuffer();
}
