import { createRequire } from 'node:module';
import sharp from 'sharp';

const { resolve } = createRequire(import.meta.url);
const FONTS = [
  ['DejaVu Sans', 'DejaVuSans.ttf'],
  ['DejaVu Serif', 'DejaVuSerif.ttf'],
  ['DejaVu Sans Mono', 'DejaVuSansMono.ttf'],
  ['DejaVu Sans Condensed', 'DejaVuSansCondensed-Oblique.ttf'],
];

const WORDS =
  'model ledger entry proof chain stage tensor scale leaf root image weight batch anchor result 2026 XVI #7'.split(' ');

/**
 * Lines of text as PNG images, every other one upside down, as a text direction classifier meets them in the wild:
 * one word or many, four fonts, dark or faint ink, sharp or out of focus. The same every time. The fonts come from
 * npm, so that no system font is needed.
 *
 * @param {number} count
 * @param {{ width: number, height: number }} size in pixels
 * @returns {Promise<Buffer[]>}
 */
export async function textImages(count, { width, height }) {
  return Promise.all(Array.from({ length: count }, (_, index) => textImage(index, width, height)));
}

async function textImage(index, width, height) {
  const upright = await sharp({ create: { width, height, channels: 3, background: grey(255 - (index % 5) * 12) } })
    .composite([{ input: await ink(index, width - 8, height - 8), gravity: 'centre' }])
    .blur(0.3 + (index % 6) * 0.5)
    .png()
    .toBuffer();
  return index % 2 === 0 ? upright : sharp(upright).rotate(180).png().toBuffer();
}

async function ink(index, width, height) {
  const [font, file] = FONTS[Math.floor(index / 3) % FONTS.length];
  const words = Array.from({ length: 1 + (index % 5) }, (_, step) => WORDS[(index * 5 + step * 7) % WORDS.length]);
  const shade = (Math.floor(index / 5) % 4) * 48;
  const colour = `#${shade.toString(16).padStart(2, '0').repeat(3)}`;
  const text = `<span foreground="${colour}">${words.join(' ')}</span>`;
  const fontfile = resolve(`dejavu-fonts-ttf/ttf/${file}`);
  return sharp({ text: { text, font, fontfile, width, height, rgba: true } })
    .png()
    .toBuffer();
}

function grey(shade) {
  return { r: shade, g: shade, b: shade };
}
