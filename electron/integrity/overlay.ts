/** A check as one picture: the image, the map over it, the claimed region, and what is said. */
import type { IntegrityCheck } from '#electron/contract/integrity.ts';
import { bitmapOf, canvas, colours, font, palette, wrap } from '#electron/drawing/canvas.ts';
import { drawMarks } from '#electron/drawing/marks.ts';
import type { Box } from '#models/clinical/finding.ts';
import { cellSide } from '#models/imaging/forensics/features.ts';
import type { Picture } from '#models/imaging/image.ts';
import { levelWords, noProof, type Presented } from './present.ts';

const most = 640;
const gap = 14;

/** @param boxes  of the claimed region, in pixels of the picture */
export async function drawCheck(picture: Picture, check: Presented & Pick<IntegrityCheck, 'ledger'>, box: Box | null, title: string): Promise<Uint8Array> {
  const { createCanvas, ImageData } = await canvas();
  const scale = Math.min(3, most / Math.max(picture.width, picture.height));
  const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  const maps = check.evidence.slice(0, 4);
  const small = Math.max(80, Math.floor((height - gap * (Math.max(1, maps.length) - 1)) / Math.max(1, maps.length)));
  const side = maps.length === 0 ? 0 : Math.round((small * picture.width) / picture.height);
  const page = createCanvas(Math.max(560, width + side + gap * 3), height + 420);
  const g = page.getContext('2d');
  g.fillStyle = colours.page;
  g.fillRect(0, 0, page.width, page.height);
  const bitmap = bitmapOf(picture, createCanvas, ImageData);
  g.drawImage(bitmap, gap, gap, width, height);
  const heat = (values: Uint8Array, at: { readonly x: number; readonly y: number; readonly scale: number }, colour: string, least: number): void => {
    values.forEach((value, cell) => {
      if (value < least) return;
      const [x, y] = [(cell % check.columns) * cellSide, Math.floor(cell / check.columns) * cellSide];
      g.globalAlpha = Math.min(0.7, value / 255);
      g.fillStyle = colour;
      g.fillRect(at.x + x * at.scale, at.y + y * at.scale, Math.min(cellSide, picture.width - x) * at.scale, Math.min(cellSide, picture.height - y) * at.scale);
    });
    g.globalAlpha = 1;
  };
  const bytes = (values: string): Uint8Array => Buffer.from(values, 'base64');
  if (check.level === 'suspected' || check.level === 'strong') {
    heat(bytes(check.evidence[0]?.values ?? ''), { x: gap, y: gap, scale }, palette[1], 90);
    if (box) drawMarks(g, [{ label: check.claim.type?.toLowerCase().replace('_', '-') ?? 'altered', tone: palette[1], box }], { x: gap, y: gap, width, height, scale });
  }
  maps.forEach(({ name, values }, at) => {
    const place = { x: width + gap * 2, y: gap + at * (small + gap), scale: small / picture.height };
    g.drawImage(bitmap, place.x, place.y, side, small);
    heat(bytes(values), place, palette[at % palette.length]!, 40);
    g.font = font(12, 'LoupeSansBold');
    g.fillStyle = 'rgba(0, 0, 0, 0.65)';
    g.fillRect(place.x, place.y, g.measureText(name).width + 10, 18);
    g.fillStyle = colours.text;
    g.fillText(name, place.x + 5, place.y + 13);
  });
  let y = height + gap + 26;
  const line = (text: string, size: number, colour: string, family: 'LoupeSans' | 'LoupeSansBold' = 'LoupeSans', limit = 4): void => {
    g.font = font(size, family);
    g.fillStyle = colour;
    for (const row of wrap(g, text, page.width - 2 * gap, limit)) {
      g.fillText(row, gap, y);
      y += size * 1.45;
    }
  };
  line(levelWords[check.level], 19, check.level === 'none' ? colours.text : colours.warning, 'LoupeSansBold');
  line(title, 13, colours.muted, 'LoupeSans', 1);
  if (check.why) line(check.why, 13, colours.text);
  line(check.sentences.map(({ text, doubt }) => (doubt === null ? text : `[not borne out: ${text}]`)).join(' '), 13, colours.text);
  for (const { text } of check.ledger.slice(0, 3)) line(text, 13, colours.warning, 'LoupeSans', 2);
  line(`${noProof} Research use only, not a medical device.`, 12, colours.muted);
  // What was said decides how long the page is.
  const cut = createCanvas(page.width, Math.min(page.height, Math.ceil(y)));
  cut.getContext('2d').drawImage(page, 0, 0);
  return cut.encode('png');
}
