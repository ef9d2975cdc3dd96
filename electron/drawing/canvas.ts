/** Pictures that are drawn here: the drawing library with its fonts, the colours, and text that fits. */
import { createRequire } from 'node:module';
import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';
import type { Picture } from '#models/imaging/image.ts';

export const colours = {
  page: '#0a0d12', card: '#10151d', line: '#1f2832', text: '#e8eef5', muted: '#8a98a8', faint: '#5c6a7a', accent: '#6ee7d8', warning: '#f5b84b', warningCard: '#2a210f',
} as const;

/** Bright on grey, and told apart by people who confuse red and green: neighbours differ in lightness as well as in hue. */
export const palette = ['#4cc9ff', '#ffb531', '#7ef29a', '#ff6fae', '#c9a4ff', '#fff06a', '#ff8552', '#6a9bff', '#c6f06a', '#ff5c6c'] as const;

export interface Rectangle { readonly x: number; readonly y: number; readonly width: number; readonly height: number }

let canvasModule: Promise<typeof import('@napi-rs/canvas')> | undefined;

/** Loads the drawing library and its fonts at the first call. */
export function canvas(): Promise<typeof import('@napi-rs/canvas')> {
  canvasModule ??= import('@napi-rs/canvas').then((module) => {
    const require = createRequire(import.meta.url);
    for (const [file, family] of [['DejaVuSans', 'LoupeSans'], ['DejaVuSans-Bold', 'LoupeSansBold'], ['DejaVuSansMono', 'LoupeMono']] as const) {
      module.GlobalFonts.registerFromPath(require.resolve(`dejavu-fonts-ttf/ttf/${file}.ttf`), family);
    }
    return module;
  });
  return canvasModule;
}

export const font = (size: number, family: 'LoupeSans' | 'LoupeSansBold' | 'LoupeMono' = 'LoupeSans'): string => `${size}px ${family}`;

export function bitmapOf({ width, height, data }: Picture, createCanvas: typeof import('@napi-rs/canvas').createCanvas, Data: typeof import('@napi-rs/canvas').ImageData): Canvas {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, o = 0; o < rgba.length; i += 3, o += 4) {
    rgba[o] = data[i] as number;
    rgba[o + 1] = data[i + 1] as number;
    rgba[o + 2] = data[i + 2] as number;
    rgba[o + 3] = 255;
  }
  const bitmap = createCanvas(width, height);
  bitmap.getContext('2d').putImageData(new Data(rgba, width, height), 0, 0);
  return bitmap;
}

export function rounded(g: SKRSContext2D, { x, y, width, height }: Rectangle, radius: number): void {
  g.beginPath();
  g.roundRect(x, y, width, height, Math.max(0, Math.min(radius, width / 2, height / 2)));
}

/** Lines that fit `width`; a word longer than a line is broken, and what exceeds `limit` lines ends in an ellipsis. */
export function wrap(g: SKRSContext2D, text: string, width: number, limit: number): readonly string[] {
  const lines: string[] = [];
  // No line holds more than a few hundred letters, so what lies beyond the last one need not be measured.
  for (const part of text.slice(0, limit * 300).replace(/[\u0000-\u0008\u000b-\u001f]/g, ' ').split('\n')) {
    let line = '';
    for (const word of part.split(/\s+/).filter(Boolean).flatMap((whole) => pieces(g, whole, width))) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && g.measureText(longer).width > width) {
        lines.push(line);
        line = word;
      } else line = longer;
      if (lines.length > limit) break;
    }
    lines.push(line);
    if (lines.length > limit) break;
  }
  if (lines.length <= limit) return lines;
  return [...lines.slice(0, limit - 1), ellipsis(g, `${lines[limit - 1] as string} …`, width)];
}

function pieces(g: SKRSContext2D, word: string, width: number): readonly string[] {
  if (g.measureText(word).width <= width) return [word];
  const parts: string[] = [];
  let part = '';
  for (const letter of word) {
    if (part !== '' && g.measureText(part + letter).width > width) {
      parts.push(part);
      part = '';
    }
    part += letter;
  }
  return [...parts, part];
}

export function ellipsis(g: SKRSContext2D, text: string, width: number): string {
  if (g.measureText(text).width <= width) return text;
  let kept = text.slice(0, 400);
  while (kept.length > 0 && g.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}
