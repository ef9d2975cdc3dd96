/** Stills of frames by cornerstone-core: previews and key images, drawn from stored values at whatever window is wanted, without WebGL. */
import { renderToCanvas, type Image } from 'cornerstone-core';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { levelOf, paint, type Look } from './windowing.ts';

/** A table of all values is handed over as function arguments inside: engines take some hundred thousand. */
const mostLevels = 70_000;

/**
 * The frame as cornerstone-core takes it. Its own window differs from the standard's by half a value, and it knows no padding: brightness is given as a
 * table over all stored values, which makes it that of the viewers exactly.
 */
export function stillOf(frame: WiredFrame, look: Look | null): Image {
  const { header, values } = frame;
  const { rows, columns, aspect, id, least, greatest } = header;
  const shared = { imageId: id, rows, columns, height: rows, width: columns, columnPixelSpacing: 1, rowPixelSpacing: aspect, slope: 1, intercept: 0, windowCenter: 128, windowWidth: 255, invert: false };
  if (header.samples === 3 || look === null) return { ...shared, minPixelValue: 0, maxPixelValue: 255, color: true, sizeInBytes: rows * columns * 4, getPixelData: () => values, getCanvas: () => painted(frame, look) };
  const isWhole = header.type !== 'float32' && header.type !== 'float64';
  const level = levelOf(header, look);
  if (isWhole && greatest - least < mostLevels) {
    // The last entry stands behind the greatest value: it says that entries have eight bits.
    const lut = [...Array.from({ length: greatest - least + 1 }, (_, i) => level(least + i)), 255];
    return { ...shared, minPixelValue: least, maxPixelValue: greatest, color: false, sizeInBytes: values.byteLength, voiLUT: { firstValueMapped: least, numBitsPerEntry: 8, lut }, getPixelData: () => values };
  }
  const levels = Uint8Array.from({ length: rows * columns }, (_, i) => level(values[i] as number));
  return { ...shared, minPixelValue: 0, maxPixelValue: 255, color: false, sizeInBytes: levels.length, voiLUT: { firstValueMapped: 0, numBitsPerEntry: 8, lut: Array.from({ length: 256 }, (_, i) => i) }, getPixelData: () => levels };
}

function painted(frame: WiredFrame, look: Look | null): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = frame.header.columns;
  canvas.height = frame.header.rows;
  const image = new ImageData(canvas.width, canvas.height);
  paint(frame, look, new Uint32Array(image.data.buffer));
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

/** Draws the whole frame into the canvas, as large as it is. */
export function drawStill(canvas: HTMLCanvasElement, frame: WiredFrame, look: Look | null): void {
  renderToCanvas(canvas, stillOf(frame, look));
}
