/** The answer as one picture: boxes on the pixels that were asked about, and beside them the reasoning. */

import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';
import { bitmapOf, canvas, colours, ellipsis, font, rounded, wrap, type Rectangle } from '#electron/drawing/canvas.ts';
import { colourOf, drawMarks } from '#electron/drawing/marks.ts';
import { researchBanner } from '#models/clinical/report.ts';
import type { ReasoningTrace } from '#models/clinical/trace.ts';
import type { Picture } from '#models/imaging/image.ts';

export interface OverlayFrame {
  /** The pixels as displayed (windowed), in the frame's own size; the findings' boxes are in its pixels. */
  readonly picture: Picture;
  /** As in `slice 12 of 38`. */
  readonly name: string;
}

export interface OverlayInput {
  readonly title: string;
  readonly question: string;
  readonly trace: Pick<ReasoningTrace, 'steps' | 'findings' | 'answer' | 'raw' | 'parsed'>;
  readonly frames: readonly OverlayFrame[];
  /** The frame that is shown large; absent: the one with the most boxes. */
  readonly main?: number;
  /** 0 … 1, or null where none is known. */
  readonly confidence: number | null;
  /** One line on what hiding the cited boxes did, where the probe ran. */
  readonly probe?: string;
  /** Small lines at the foot: the model, the device, hashes. */
  readonly notes: readonly string[];
}

const margin = 28;
const gap = 24;
const panelWidth = 440;
const bannerHeight = 40;
const stage = 760;
/** Device pixels for each layout pixel: text and lines stay crisp on dense screens and in print. */
const density = 2;

/** The overlay as PNG bytes. */
export async function drawOverlay(input: OverlayInput): Promise<Uint8Array> {
  const { createCanvas, ImageData } = await canvas();
  const shown = mainFrame(input);
  const main = input.frames[shown] as OverlayFrame;
  const scale = fitScale(main.picture);
  const shownSize = { width: Math.round(main.picture.width * scale), height: Math.round(main.picture.height * scale) };
  const left = Math.max(shownSize.width, 420);
  const image: Rectangle = { x: margin + Math.round((left - shownSize.width) / 2), y: margin + 44, ...shownSize };
  const strip = input.frames.length > 1 ? stripLayout(input.frames.length, left) : null;
  const panelX = margin + left + gap;

  const ruler = createCanvas(8, 8).getContext('2d');
  const blocks = panelBlocks(ruler, input);
  const panelHeight = blocks.reduce((total, block) => total + block.height, 0);
  const leftHeight = 44 + image.height + (strip ? strip.height + 18 : 0) + 30;
  const bodyHeight = Math.max(leftHeight, panelHeight + 2 * 22, 420);
  const width = panelX + panelWidth + margin;
  const height = margin + bodyHeight + 20 + bannerHeight;

  const surface = createCanvas(width * density, height * density);
  const g = surface.getContext('2d');
  g.scale(density, density);
  g.fillStyle = colours.page;
  g.fillRect(0, 0, width, height);
  g.textBaseline = 'alphabetic';

  heading(g, input, main, left);
  const bitmaps = input.frames.map(({ picture }) => bitmapOf(picture, createCanvas, ImageData));
  g.imageSmoothingEnabled = true;
  g.imageSmoothingQuality = 'high';
  frameAround(g, image);
  g.drawImage(bitmaps[shown] as Canvas, image.x, image.y, image.width, image.height);
  const tones = colourOf(input.trace.findings);
  drawMarks(g, input.trace.findings.flatMap(({ label, frame, boxes }) => (frame === shown ? boxes.map((box) => ({ label, tone: tones.get(label) as string, box })) : [])), { ...image, scale });
  g.font = font(12);
  g.fillStyle = colours.faint;
  const sizeText = `${main.picture.width} × ${main.picture.height} px, shown at ${scale >= 1 ? `${round1(scale)}×` : `1:${round1(1 / scale)}`}`;
  g.fillText(sizeText, margin, image.y + image.height + 20);

  if (strip) {
    const top = image.y + image.height + 36;
    input.frames.forEach(({ picture, name }, i) => {
      const cell = { x: margin + (i % strip.columns) * (strip.cell + 10), y: top + Math.floor(i / strip.columns) * (strip.cell + 26), width: strip.cell, height: strip.cell };
      const fit = Math.min(cell.width / picture.width, cell.height / picture.height);
      const place = { x: cell.x + (cell.width - picture.width * fit) / 2, y: cell.y + (cell.height - picture.height * fit) / 2, width: picture.width * fit, height: picture.height * fit };
      g.fillStyle = '#000';
      g.fillRect(cell.x, cell.y, cell.width, cell.height);
      g.drawImage(bitmaps[i] as Canvas, place.x, place.y, place.width, place.height);
      for (const finding of input.trace.findings) {
        if (finding.frame !== i) continue;
        g.strokeStyle = tones.get(finding.label) as string;
        g.lineWidth = 1.5;
        for (const box of finding.boxes) g.strokeRect(place.x + box.x1 * fit, place.y + box.y1 * fit, (box.x2 - box.x1) * fit, (box.y2 - box.y1) * fit);
      }
      g.strokeStyle = i === shown ? colours.accent : colours.line;
      g.lineWidth = i === shown ? 2 : 1;
      g.strokeRect(cell.x, cell.y, cell.width, cell.height);
      g.font = font(10.5);
      g.fillStyle = i === shown ? colours.text : colours.faint;
      g.fillText(ellipsis(g, name, cell.width), cell.x, cell.y + cell.height + 15);
    });
  }

  g.fillStyle = colours.card;
  rounded(g, { x: panelX, y: margin, width: panelWidth, height: bodyHeight }, 12);
  g.fill();
  g.strokeStyle = colours.line;
  g.lineWidth = 1;
  g.stroke();
  let y = margin + 22;
  for (const block of blocks) {
    block.draw(g, panelX + 24, y);
    y += block.height;
  }
  banner(g, width, height);
  return surface.toBuffer('image/png');
}

/** The frame with the most boxes; the middle one where there is none. */
function mainFrame({ frames, trace, main }: OverlayInput): number {
  if (frames.length === 0) throw new Error('drawOverlay: there is no frame to draw.');
  if (main !== undefined && main >= 0 && main < frames.length) return main;
  const counts = frames.map((_, i) => trace.findings.filter(({ frame }) => frame === i).reduce((total, { boxes }) => total + boxes.length, 0));
  const most = Math.max(...counts);
  return most === 0 ? frames.length >> 1 : counts.indexOf(most);
}

/** Small images are enlarged and large ones reduced until they fill the stage; a long, flat one is bound by its length. */
function fitScale({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.min(stage / height, 1000 / width, Math.max(1, stage / Math.max(width, height)) * 1);
}

function stripLayout(count: number, width: number): { readonly columns: number; readonly cell: number; readonly height: number } {
  const columns = Math.min(count, Math.max(4, Math.floor((width + 10) / 128)));
  const cell = Math.floor((width + 10) / Math.max(columns, 4)) - 10;
  return { columns, cell, height: Math.ceil(count / columns) * (cell + 26) };
}

function heading(g: SKRSContext2D, { title, frames }: OverlayInput, main: OverlayFrame, width: number): void {
  g.font = font(15, 'LoupeSansBold');
  g.fillStyle = colours.accent;
  g.fillText('LOUPE', margin, margin + 18);
  const after = margin + g.measureText('LOUPE').width + 14;
  g.font = font(14);
  g.fillStyle = colours.text;
  const name = frames.length > 1 ? main.name : '';
  const nameWidth = name === '' ? 0 : g.measureText(name).width + 16;
  g.fillText(ellipsis(g, title, width - (after - margin) - nameWidth), after, margin + 18);
  g.fillStyle = colours.muted;
  g.textAlign = 'right';
  g.fillText(name, margin + width, margin + 18);
  g.textAlign = 'left';
}

function frameAround(g: SKRSContext2D, { x, y, width, height }: Rectangle): void {
  g.fillStyle = '#000';
  g.fillRect(x, y, width, height);
  g.strokeStyle = colours.line;
  g.lineWidth = 1;
  g.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}

/** A piece of the side panel: its height is known before it is drawn. */
interface Block {
  readonly height: number;
  draw(g: SKRSContext2D, x: number, y: number): void;
}

const inner = panelWidth - 48;

function panelBlocks(ruler: SKRSContext2D, { question, trace, confidence, probe, notes }: OverlayInput): readonly Block[] {
  const tones = colourOf(trace.findings);
  const blocks: Block[] = [caption('Question'), paragraph(ruler, question, { size: 16, lineHeight: 23, tone: colours.text, limit: 8 }), space(18)];
  if (trace.steps.length > 0) {
    blocks.push(rule(), space(18), caption('Reasoning'));
    trace.steps.slice(0, maxSteps).forEach((step, i) => {
      const labels = [...new Set(step.findings.map((index) => trace.findings[index]?.label).filter((label) => label !== undefined))];
      blocks.push(stepBlock(ruler, i + 1, step.kind, step.text, labels.map((label) => tones.get(label) as string)), space(12));
    });
    if (trace.steps.length > maxSteps) blocks.push(paragraph(ruler, `… and ${trace.steps.length - maxSteps} more steps in the trace`, { size: 12, lineHeight: 18, tone: colours.muted, limit: 1 }), space(8));
    blocks.push(space(6));
  } else if (!trace.parsed) {
    blocks.push(rule(), space(18), caption('Completion, not in the reasoning format'), paragraph(ruler, trace.raw, { size: 13, lineHeight: 19, tone: colours.muted, limit: 14 }), space(18));
  }
  blocks.push(rule(), space(18), caption('Answer'), paragraph(ruler, trace.answer === null ? 'No answer in the required form' : answerText(trace.answer), {
    size: (trace.answer?.length ?? 99) < 60 ? 22 : 16, lineHeight: (trace.answer?.length ?? 99) < 60 ? 30 : 23,
    tone: trace.answer === null ? colours.warning : colours.text, limit: 8, family: 'LoupeSansBold',
  }), space(10));
  if (confidence !== null) blocks.push(confidenceBlock(confidence), space(14));
  if (probe !== undefined) blocks.push(space(4), caption('Occlusion probe'), paragraph(ruler, probe, { size: 13.5, lineHeight: 20, tone: colours.text, limit: 8 }), space(14));
  if (notes.length > 0) {
    blocks.push(rule(), space(14));
    for (const note of notes) blocks.push(paragraph(ruler, note, { size: 11, lineHeight: 16.5, tone: colours.faint, limit: 2 }));
  }
  return blocks;
}

const maxSteps = 12;

/** A box list is for the image; in the panel it is only counted. */
function answerText(answer: string): string {
  if (!/^\s*\[/.test(answer)) return answer;
  const labels = [...answer.matchAll(/"label"\s*:\s*"((?:[^"\\]|\\.)*)"/g)].map(([, label]) => label as string);
  if (labels.length === 0) return answer.trim() === '[]' ? 'None found' : answer;
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => (count > 1 ? `${count} × ${label}` : label)).join(', ');
}

const space = (height: number): Block => ({ height, draw: () => undefined });

const rule = (): Block => ({
  height: 1,
  draw(g, x, y) {
    g.fillStyle = colours.line;
    g.fillRect(x, y, inner, 1);
  },
});

const caption = (text: string): Block => ({
  height: 22,
  draw(g, x, y) {
    g.font = font(11, 'LoupeSansBold');
    g.fillStyle = colours.muted;
    g.letterSpacing = '1.2px';
    g.fillText(text.toUpperCase(), x, y + 11);
    g.letterSpacing = '0px';
  },
});

interface TextStyle { readonly size: number; readonly lineHeight: number; readonly tone: string; readonly limit: number; readonly family?: 'LoupeSans' | 'LoupeSansBold' | 'LoupeMono' }

function paragraph(ruler: SKRSContext2D, text: string, style: TextStyle, width = inner): Block {
  const { size, lineHeight, tone, limit, family } = style;
  ruler.font = font(size, family);
  const lines = wrap(ruler, text, width, limit);
  return {
    height: lines.length * lineHeight,
    draw(g, x, y) {
      g.font = font(size, family);
      g.fillStyle = tone;
      lines.forEach((line, i) => g.fillText(line, x, y + i * lineHeight + size));
    },
  };
}

const kindNames: Readonly<Record<string, string>> = { observation: 'Observation', measurement: 'Measurement', comparison: 'Comparison', knowledge: 'Knowledge', conclusion: 'Conclusion' };

/** A step: its number in a ring, its kind with the colours of the boxes it cites, its sentence. */
function stepBlock(ruler: SKRSContext2D, number: number, kind: string, text: string, tones: readonly string[]): Block {
  const body = paragraph(ruler, text, { size: 14, lineHeight: 20.5, tone: colours.text, limit: 8 }, inner - 34);
  return {
    height: 19 + body.height,
    draw(g, x, y) {
      g.strokeStyle = colours.faint;
      g.lineWidth = 1;
      g.beginPath();
      g.arc(x + 10, y + 10, 9.5, 0, 2 * Math.PI);
      g.stroke();
      g.font = font(11, 'LoupeSansBold');
      g.fillStyle = colours.muted;
      g.textAlign = 'center';
      g.fillText(String(number), x + 10, y + 14);
      g.textAlign = 'left';
      g.font = font(11.5, 'LoupeSansBold');
      g.fillStyle = colours.accent;
      const name = kindNames[kind] ?? kind;
      g.fillText(name, x + 34, y + 12);
      let at = x + 34 + g.measureText(name).width + 10;
      for (const tone of tones) {
        g.fillStyle = tone;
        rounded(g, { x: at, y: y + 3, width: 12, height: 10 }, 2.5);
        g.fill();
        at += 17;
      }
      body.draw(g, x + 34, y + 19);
    },
  };
}

const confidenceBlock = (confidence: number): Block => ({
  height: 30,
  draw(g, x, y) {
    g.font = font(12.5);
    g.fillStyle = colours.muted;
    g.fillText('Model confidence', x, y + 12);
    g.textAlign = 'right';
    g.fillStyle = colours.text;
    g.fillText(`${Math.round(100 * confidence)} %`, x + inner, y + 12);
    g.textAlign = 'left';
    g.fillStyle = colours.line;
    rounded(g, { x, y: y + 20, width: inner, height: 6 }, 3);
    g.fill();
    g.fillStyle = confidence >= 0.5 ? colours.accent : colours.warning;
    rounded(g, { x, y: y + 20, width: Math.max(6, inner * confidence), height: 6 }, 3);
    g.fill();
  },
});

function banner(g: SKRSContext2D, width: number, height: number): void {
  const top = height - bannerHeight;
  g.fillStyle = colours.warningCard;
  g.fillRect(0, top, width, bannerHeight);
  g.fillStyle = colours.warning;
  g.fillRect(0, top, width, 1.5);
  g.font = font(14, 'LoupeSansBold');
  g.textAlign = 'center';
  g.fillText(researchBanner, width / 2, top + 26);
  g.textAlign = 'left';
}

const round1 = (x: number): string => (Math.round(x * 10) / 10).toString();
