/** Key images as pixels: as they were shown, with regions, measurements and the research banner. */
import type { SKRSContext2D } from '@napi-rs/canvas';
import { bitmapOf, canvas, colours, ellipsis, font, rounded, type Rectangle } from '#electron/drawing/canvas.ts';
import { colourOf, drawMarks, freePlace } from '#electron/drawing/marks.ts';
import { boxesOf, modelMark, type KeyImage, type Measurement, type Report } from '#models/clinical/report.ts';
import { invert, mapBox, type Affine, type Point } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { KeyPicture } from './formats/format.ts';
import { amount, measurementName, regionName } from './formats/wording.ts';

/** A view as it was shown, and the way back to its source. */
export interface Shown {
  readonly picture: Picture;
  readonly toSource: Affine;
}

/** Layout pixels of the longer side. */
const stage = 760;
/** Device pixels for each layout pixel: fine print, as long as the pictures of one report fit into memory together. */
const densityOf = ({ keyImages }: Pick<Report, 'keyImages'>): number => (keyImages.length > 24 ? 1 : 2);
const least = 420;
const bannerHeight = 30;
const measured = '#ffe45c';

/** The pictures of a report, in the order of its key images. @param shown  the view of a key image */
export async function keyPictures(report: Report, shown: (image: KeyImage) => Promise<Shown>): Promise<readonly KeyPicture[]> {
  const tones = colourOf(report.boxes);
  const pictures: KeyPicture[] = [];
  for (const image of report.keyImages) pictures.push(await keyPicture(report, image, await shown(image), tones));
  return pictures;
}

async function keyPicture(report: Report, image: KeyImage, { picture, toSource }: Shown, tones: ReadonlyMap<string, string>): Promise<KeyPicture> {
  const { createCanvas, ImageData } = await canvas();
  const scale = stage / Math.max(picture.width, picture.height);
  const size = { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) };
  const width = Math.max(size.width, least);
  const height = size.height + bannerHeight;
  const density = densityOf(report);
  const surface = createCanvas(width * density, height * density);
  const g = surface.getContext('2d');
  g.scale(density, density);
  g.fillStyle = '#000';
  g.fillRect(0, 0, width, height);
  const place: Rectangle & { readonly scale: number } = { x: Math.round((width - size.width) / 2), y: 0, ...size, scale };
  g.imageSmoothingEnabled = true;
  // What is enlarged gets no rims that the image has not.
  g.imageSmoothingQuality = scale > 1 ? 'low' : 'high';
  g.drawImage(bitmapOf(picture, createCanvas, ImageData), place.x, place.y, size.width, size.height);

  g.save();
  g.beginPath();
  g.rect(place.x, place.y, size.width, size.height);
  g.clip();
  const toPicture = invert(toSource);
  const taken: Rectangle[] = [];
  const boxes = boxesOf(report, image.overlays);
  drawMarks(g, boxes.map(({ id, label, box }) => ({ label: `${regionName(report, id)} ${label}`, tone: tones.get(label) as string, box: mapBox(toPicture, box) })), place, taken);
  for (const measurement of report.measurements) {
    if (image.overlays.includes(measurement.id)) drawMeasurement(g, measurement, { toPicture, image: place, name: measurementName(report, measurement.id), taken });
  }
  g.restore();
  banner(g, `${boxes.some(({ author }) => author.kind === 'model') ? `${modelMark} regions · ` : ''}${report.banner}`, { width, height });

  const pixels = surface.getContext('2d').getImageData(0, 0, width * density, height * density).data;
  return { id: image.id, drawn: { width: width * density, height: height * density, data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength) } };
}

function banner(g: SKRSContext2D, text: string, { width, height }: { readonly width: number; readonly height: number }): void {
  g.fillStyle = colours.warningCard;
  g.fillRect(0, height - bannerHeight, width, bannerHeight);
  g.fillStyle = colours.warning;
  g.fillRect(0, height - bannerHeight, width, 1.5);
  g.font = font(12, 'LoupeSansBold');
  g.textAlign = 'center';
  g.fillText(ellipsis(g, text, width - 16), width / 2, height - bannerHeight + 20);
  g.textAlign = 'left';
}

interface Placing {
  readonly toPicture: Affine;
  readonly image: Rectangle & { readonly scale: number };
  readonly name: string;
  readonly taken: Rectangle[];
}

/** The lines of a drawing, dark-edged, and its first numbers beside it. */
function drawMeasurement(g: SKRSContext2D, { kind, points, values, label }: Measurement, { toPicture: { xx, xy, x0, yx, yy, y0 }, image, name, taken }: Placing): void {
  const on = points.map(({ x, y }): Point => ({ x: image.x + (xx * x + xy * y + x0) * image.scale, y: image.y + (yx * x + yy * y + y0) * image.scale }));
  const [a, b, c, d] = on as readonly (Point | undefined)[];
  if (!a) return;
  const path = (): void => {
    g.beginPath();
    switch (kind) {
      case 'probe':
        for (const [dx, dy] of [[7, 0], [0, 7]] as const) {
          g.moveTo(a.x - dx, a.y - dy);
          g.lineTo(a.x + dx, a.y + dy);
        }
        return;
      case 'rectangle': return void (b && g.rect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(b.x - a.x), Math.abs(b.y - a.y)));
      case 'ellipse': return void (b && g.ellipse((a.x + b.x) / 2, (a.y + b.y) / 2, Math.abs(b.x - a.x) / 2, Math.abs(b.y - a.y) / 2, 0, 0, 2 * Math.PI));
      case 'bidirectional': case 'cobb':
        for (const [from, to] of [[a, b], [c, d]] as const) {
          if (!from || !to) continue;
          g.moveTo(from.x, from.y);
          g.lineTo(to.x, to.y);
        }
        return;
      default:
        on.forEach(({ x, y }, i) => (i === 0 ? g.moveTo(x, y) : g.lineTo(x, y)));
        if (kind === 'freehand') g.closePath();
        if (kind === 'arrow' && b) arrowHead(g, b, a);
    }
  };
  for (const [tone, width] of [['rgba(0, 0, 0, 0.75)', 4], [measured, 1.75]] as const) {
    g.strokeStyle = tone;
    g.lineWidth = width;
    path();
    g.stroke();
  }
  const text = [name, label, ...values.slice(0, kind === 'bidirectional' ? 2 : 1).map(({ value, unit }) => amount(value, unit))].filter((word) => word !== '').join(' · ');
  g.font = font(12, 'LoupeSansBold');
  const shown = ellipsis(g, text, Math.max(90, Math.min(300, image.width - 16)));
  const xs = on.map(({ x }) => x);
  const ys = on.map(({ y }) => y);
  const around = { x: Math.min(...xs), y: Math.min(...ys), width: Math.max(...xs) - Math.min(...xs), height: Math.max(...ys) - Math.min(...ys) };
  const tag = freePlace(around, { width: g.measureText(shown).width + 14, height: 20 }, image, taken);
  taken.push(tag);
  g.fillStyle = 'rgba(0, 0, 0, 0.7)';
  rounded(g, tag, 4);
  g.fill();
  g.fillStyle = measured;
  g.fillText(shown, tag.x + 7, tag.y + 14.5);
}

/** Both barbs of an arrow that points from one place to another. */
function arrowHead(g: SKRSContext2D, tip: Point, from: Point): void {
  const angle = Math.atan2(tip.y - from.y, tip.x - from.x);
  for (const side of [-0.45, 0.45]) {
    g.moveTo(tip.x, tip.y);
    g.lineTo(tip.x - 12 * Math.cos(angle + side), tip.y - 12 * Math.sin(angle + side));
  }
}
