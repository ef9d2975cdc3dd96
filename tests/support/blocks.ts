/** CT series with a bright block at a known place, so that every pixel, length and value on the screen has a right answer. */
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';

export interface BlockSeries {
  readonly study: string;
  readonly series: string;
  readonly frameOfReference: string;
  readonly date: string;
  readonly description: string;
  readonly slices: number;
  readonly stepMm: number;
  readonly startMm?: number;
  /** Test Block, BLOCK-1, unless it is of somebody else. */
  readonly person?: { readonly name: string; readonly id: string };
}

/** Stored pixels of the block, [from, to); millimetres along the stack. Inside 300 HU, around it −100 HU. */
export const block = { x1: 40, x2: 80, y1: 30, y2: 50, from: 20, to: 44, inside: 300, around: -100 } as const;
export const blockImage = { columns: 128, rows: 96, spacing: 0.8 } as const;
const root = '1.2.826.0.1.3680043.10.999';

/** Of a slice, from 0. */
export const instanceUid = (study: string, series: string, slice: number): string => `${root}.${study}.${series}.${slice + 1}`;
export const studyUid = (study: string): string => `${root}.${study}`;

/** The files of a series, one for each slice. */
export function blockFiles({ study, series, frameOfReference, date, description, slices, stepMm, startMm = 0, person = { name: 'TEST^BLOCK', id: 'BLOCK-1' } }: BlockSeries): Uint8Array[] {
  const { columns, rows, spacing } = blockImage;
  return Array.from({ length: slices }, (_, i) => {
    const along = startMm + i * stepMm;
    const data = new Int16Array(rows * columns).fill(block.around);
    if (along >= block.from && along < block.to) for (let y = block.y1; y < block.y2; y++) data.fill(block.inside, y * columns + block.x1, y * columns + block.x2);
    const elements: NewElement[] = [
      { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: instanceUid(study, series, i) },
      { tag: 'x00080020', vr: 'DA', value: date }, { tag: 'x00080030', vr: 'TM', value: '101500' }, { tag: 'x00080060', vr: 'CS', value: 'CT' },
      { tag: 'x00081030', vr: 'LO', value: 'Block' }, { tag: 'x0008103e', vr: 'LO', value: description }, { tag: 'x00100010', vr: 'PN', value: person.name }, { tag: 'x00100020', vr: 'LO', value: person.id },
      { tag: 'x0020000d', vr: 'UI', value: `${root}.${study}` }, { tag: 'x0020000e', vr: 'UI', value: `${root}.${study}.${series}` }, { tag: 'x00200013', vr: 'IS', value: i + 1 },
      { tag: 'x00200052', vr: 'UI', value: `${root}.9.${frameOfReference}` },
      { tag: 'x00200032', vr: 'DS', value: [0, 0, along] }, { tag: 'x00200037', vr: 'DS', value: [1, 0, 0, 0, 1, 0] }, { tag: 'x00280030', vr: 'DS', value: [spacing, spacing] },
      { tag: 'x00281050', vr: 'DS', value: 100 }, { tag: 'x00281051', vr: 'DS', value: 400 }, { tag: 'x00281052', vr: 'DS', value: 0 }, { tag: 'x00281053', vr: 'DS', value: 1 }, { tag: 'x00281054', vr: 'LO', value: 'HU' },
      ...pixelElements({ rows, columns, photometric: 'MONOCHROME2', data }),
    ];
    return writeDicom(elements);
  });
}

/** An ultrasound film: so many frames, so many milliseconds from one to the next; each is one grey. */
export function filmFile(frames: number, frameTimeMs: number): Uint8Array {
  const [rows, columns] = [64, 64];
  const data = new Uint8Array(frames * rows * columns);
  for (let i = 0; i < frames; i++) data.fill(20 + i * 5, i * rows * columns, (i + 1) * rows * columns);
  return writeDicom([
    { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.3.1' }, { tag: 'x00080018', vr: 'UI', value: `${root}.7.1.1` }, { tag: 'x00080020', vr: 'DA', value: '20250501' }, { tag: 'x00080060', vr: 'CS', value: 'US' },
    { tag: 'x00081030', vr: 'LO', value: 'Film' }, { tag: 'x00100010', vr: 'PN', value: 'TEST^FILM' }, { tag: 'x00100020', vr: 'LO', value: 'FILM-1' },
    { tag: 'x0020000d', vr: 'UI', value: `${root}.7` }, { tag: 'x0020000e', vr: 'UI', value: `${root}.7.1` }, { tag: 'x00200013', vr: 'IS', value: 1 }, { tag: 'x00181063', vr: 'DS', value: frameTimeMs },
    ...pixelElements({ rows, columns, frames, photometric: 'MONOCHROME2', data }),
  ]);
}
