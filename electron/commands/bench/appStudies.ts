/** What the workstation is measured with, drawn here: a CT series, a slide of 20,000 pixels a side, a library of ten thousand studies. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { Random } from '#models/base/random.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';

const root = '1.2.826.0.1.3680043.10.999.88';

/** 512 × 512 pixels of 16 bits, with noise as a scanner has it: a body, two lungs and a spine that wander from slice to slice. */
export function drawSeries(folder: string, slices: number): void {
  const side = 512;
  const random = new Random(1);
  const noise = Int16Array.from({ length: 1 << 16 }, () => Math.round(random.normal() * 12));
  mkdirSync(folder, { recursive: true });
  for (let slice = 0; slice < slices; slice++) {
    const data = new Int16Array(side * side).fill(-1000);
    const ellipse = (x0: number, y0: number, rx: number, ry: number, value: number): void => {
      for (let y = Math.max(0, Math.ceil(y0 - ry)); y < Math.min(side, y0 + ry); y++) {
        const half = rx * Math.sqrt(Math.max(0, 1 - ((y - y0) / ry) ** 2));
        data.fill(value, y * side + Math.max(0, Math.ceil(x0 - half)), y * side + Math.min(side, Math.floor(x0 + half)));
      }
    };
    const wander = 10 * Math.sin(slice / 15);
    ellipse(256, 256, 210, 150 + wander, 40);
    ellipse(170 + wander, 240, 70, 95, -850);
    ellipse(342 - wander, 240, 70, 95, -850);
    ellipse(256, 350, 28, 28, 700);
    const shift = Math.floor(random.uniform() * noise.length);
    for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + (noise[(i + shift) & 0xffff] as number);
    const elements: NewElement[] = [
      { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: `${root}.1.${slice + 1}` }, { tag: 'x00080020', vr: 'DA', value: '20250601' }, { tag: 'x00080060', vr: 'CS', value: 'CT' },
      { tag: 'x00081030', vr: 'LO', value: 'Chest' }, { tag: 'x0008103e', vr: 'LO', value: 'Thin' }, { tag: 'x00100010', vr: 'PN', value: 'BENCH^SERIES' }, { tag: 'x00100020', vr: 'LO', value: 'BENCH-1' },
      { tag: 'x0020000d', vr: 'UI', value: `${root}.1` }, { tag: 'x0020000e', vr: 'UI', value: `${root}.1.0` }, { tag: 'x00200013', vr: 'IS', value: slice + 1 }, { tag: 'x00200052', vr: 'UI', value: `${root}.9` },
      { tag: 'x00200032', vr: 'DS', value: [-180, -180, slice * 1.5] }, { tag: 'x00200037', vr: 'DS', value: [1, 0, 0, 0, 1, 0] }, { tag: 'x00280030', vr: 'DS', value: [0.7, 0.7] },
      { tag: 'x00281050', vr: 'DS', value: 40 }, { tag: 'x00281051', vr: 'DS', value: 400 }, { tag: 'x00281052', vr: 'DS', value: 0 }, { tag: 'x00281053', vr: 'DS', value: 1 }, { tag: 'x00281054', vr: 'LO', value: 'HU' },
      ...pixelElements({ rows: side, columns: side, photometric: 'MONOCHROME2', data }),
    ];
    writeFileSync(join(folder, `${slice + 1}.dcm`), writeDicom(elements));
  }
}

/** A slide as a scanner stores it in DICOM: a file for each level down to one tile, tiles of 256 pixels as JPEG. Tiles repeat; their sizes are those of tissue. */
export function drawSlide(folder: string, side: number): void {
  const tile = 256;
  const random = new Random(2);
  const drawn = Array.from({ length: 48 }, () => tissueTile(tile, random));
  mkdirSync(folder, { recursive: true });
  for (let level = 0, size = side; ; level++, size = Math.ceil(size / 2)) {
    const across = Math.ceil(size / tile);
    const frames = Array.from({ length: across * across }, (_, at) => [drawn[(at * 7 + level) % drawn.length] as Uint8Array]);
    const elements: NewElement[] = [
      { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'VOLUME', level === 0 ? 'NONE' : 'RESAMPLED'] },
      { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.77.1.6' }, { tag: 'x00080018', vr: 'UI', value: `${root}.2.${level + 1}` }, { tag: 'x00080020', vr: 'DA', value: '20250602' }, { tag: 'x00080060', vr: 'CS', value: 'SM' },
      { tag: 'x0008103e', vr: 'LO', value: 'Slide' }, { tag: 'x00100010', vr: 'PN', value: 'BENCH^SLIDE' }, { tag: 'x00100020', vr: 'LO', value: 'BENCH-2' },
      { tag: 'x0020000d', vr: 'UI', value: `${root}.2` }, { tag: 'x0020000e', vr: 'UI', value: `${root}.2.0` }, { tag: 'x00200013', vr: 'IS', value: level + 1 }, { tag: 'x00209311', vr: 'CS', value: 'TILED_FULL' },
      { tag: 'x00280002', vr: 'US', value: 3 }, { tag: 'x00280004', vr: 'CS', value: 'YBR_FULL_422' }, { tag: 'x00280006', vr: 'US', value: 0 }, { tag: 'x00280008', vr: 'IS', value: frames.length },
      { tag: 'x00280010', vr: 'US', value: tile }, { tag: 'x00280011', vr: 'US', value: tile }, { tag: 'x00280100', vr: 'US', value: 8 }, { tag: 'x00280101', vr: 'US', value: 8 }, { tag: 'x00280102', vr: 'US', value: 7 },
      { tag: 'x00280103', vr: 'US', value: 0 }, { tag: 'x00480006', vr: 'UL', value: size }, { tag: 'x00480007', vr: 'UL', value: size },
      { tag: 'x52009229', vr: 'SQ', value: [[{ tag: 'x00289110', vr: 'SQ', value: [[{ tag: 'x00280030', vr: 'DS', value: [0.00025 * 2 ** level, 0.00025 * 2 ** level] }]] }]] },
    ];
    writeFileSync(join(folder, `${level}.dcm`), writeDicom(elements, { transferSyntaxUid: '1.2.840.10008.1.2.4.50', table: 'basic', frames }));
    if (across === 1) return;
  }
}

/** Nuclei on stroma with noise: about as many bytes as tissue takes. */
function tissueTile(side: number, random: Random): Uint8Array {
  const canvas = createCanvas(side, side);
  const context = canvas.getContext('2d');
  context.fillStyle = `hsl(${325 + random.uniform() * 15} 55% 82%)`;
  context.fillRect(0, 0, side, side);
  for (let i = 0; i < 60; i++) {
    context.fillStyle = `hsl(${255 + random.uniform() * 25} 45% ${30 + random.uniform() * 25}%)`;
    context.beginPath();
    context.ellipse(random.uniform() * side, random.uniform() * side, 4 + random.uniform() * 7, 4 + random.uniform() * 5, random.uniform() * 3, 0, 2 * Math.PI);
    context.fill();
  }
  const image = context.getImageData(0, 0, side, side);
  for (let i = 0; i < image.data.length; i++) if (i % 4 !== 3) image.data[i] = Math.max(0, Math.min(255, (image.data[i] as number) + random.normal() * 7));
  context.putImageData(image, 0, 0);
  return new Uint8Array(canvas.toBuffer('image/jpeg', 80));
}

const families = ['AHMED', 'BAUER', 'COSTA', 'DIALLO', 'EKLUND', 'FISCHER', 'GARCIA', 'HUANG', 'IVANOV', 'JANSEN', 'KOVAC', 'LOPEZ', 'MORI', 'NOVAK', 'OKAFOR', 'PETROV'];

/** Writes so many more studies into a library's journal, each a copy of its first with a name and an id of its own. The program must not run. */
export function multiplyLibrary(dataFolder: string, studies: number): void {
  const path = join(dataFolder, 'library.jsonl');
  const journal = readFileSync(path, 'utf8');
  const first = journal.split('\n').map((line) => (line === '' ? null : JSON.parse(line) as { type: string; study?: Record<string, unknown> })).find((entry) => entry?.type === 'study');
  if (!first?.study) throw new Error('multiplyLibrary: the library is empty');
  const lines = Array.from({ length: studies }, (_, i) => JSON.stringify({ ...first, study: {
    ...first.study, id: (i + 1).toString(16).padStart(24, '0'), patient: `${families[i % families.length]}, ${String.fromCharCode(65 + (i % 26))}${i}`, patientId: `P${100_000 + i}`, accession: `A${i}`,
  } }));
  writeFileSync(path, `${journal}${lines.join('\n')}\n`);
}
