/** One labelled image of an index file: what is known of it and where its bytes lie. */
import { z } from 'zod';
import { Modality } from '#models/clinical/study.ts';

export const licenceClasses = ['permissive', 'share_alike', 'non_commercial', 'unclear'] as const;
export type LicenceClass = (typeof licenceClasses)[number];

export const splits = ['train', 'val', 'test'] as const;
export type Split = (typeof splits)[number];

/** A relative path that stays below its folder: no `..`, no drive, no leading slash. */
const insidePath = z.string().min(1).max(500).refine(
  (path) => !/^[\\/]|\\|:|\0/.test(path) && path.split('/').every((part) => part !== '..' && part !== ''),
  'must be a relative path inside the folder of the index',
);
const word = z.string().min(1).max(200);
const text = z.string().max(4000);

/** `box` is [x1, y1, x2, y2] in pixels of the stored image, right and lower edges exclusive. */
const IndexBox = z.object({ class: word, box: z.tuple([z.number(), z.number(), z.number(), z.number()]) });

/** A row as index.jsonl spells it; fields that are not listed are ignored. */
export const IndexRow = z.object({
  id: word,
  archive: insidePath,
  file: insidePath,
  modality: Modality,
  set: word,
  split: z.enum(splits),
  width: z.number().int().min(1).max(65535),
  height: z.number().int().min(1).max(65535),
  task: word,
  label: word,
  labels_space: z.array(word).min(1).max(1000),
  question_types: z.array(word).max(100),
  facts: z.record(z.string().max(200), z.unknown()),
  boxes: z.array(IndexBox).max(10_000).optional(),
  group: word,
  origin: text.optional(),
  source: text.optional(),
  licence: text.optional(),
  licence_class: z.enum(licenceClasses),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits'),
}).superRefine((row, context) => {
  if (!row.labels_space.includes(row.label)) context.addIssue({ code: 'custom', path: ['label'], message: `${row.label} is not in labels_space` });
  for (const [at, { box: [x1, y1, x2, y2] }] of (row.boxes ?? []).entries()) {
    const isInside = x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= row.width && y2 <= row.height;
    if (!isInside) context.addIssue(
      { code: 'custom', path: ['boxes', at], message: `[${x1}, ${y1}, ${x2}, ${y2}] is empty or leaves the ${row.width} x ${row.height} image` },
    );
  }
});
export type IndexRow = z.infer<typeof IndexRow>;

/** One annotated thing: its class as the index spells it, its box in stored pixels. */
export interface CaseBox {
  readonly class: string;
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
}

/** Mirrorings and turns. */
export interface Flips {
  /** Left to right. */
  readonly horizontal: boolean;
  /** Top to bottom. */
  readonly vertical: boolean;
  readonly quarterTurns: boolean;
}

export interface CaseRecord {
  readonly id: string;
  /** Absolute folder of the index; `archive` is relative to it, `file` is a member of the archive. */
  readonly folder: string;
  readonly archive: string;
  readonly file: string;
  readonly modality: Modality;
  readonly set: string;
  readonly split: Split;
  /** Of the stored image, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly task: string;
  readonly label: string;
  readonly labelsSpace: readonly string[];
  readonly questionTypes: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  /** null: nobody looked; empty: looked, and none present. */
  readonly boxes: readonly CaseBox[] | null;
  /** Patient, lesion, block or look-alike cluster; never crosses splits. */
  readonly group: string;
  readonly origin: string;
  readonly source: string;
  readonly licence: string;
  readonly licenceClass: LicenceClass;
  readonly sha256: string;
}

/** The record of a checked row. */
export function caseRecord(row: IndexRow, folder: string): CaseRecord {
  return {
    id: row.id, folder, archive: row.archive, file: row.file, modality: row.modality, set: row.set, split: row.split,
    width: row.width, height: row.height, task: row.task, label: row.label, labelsSpace: row.labels_space,
    questionTypes: row.question_types, facts: row.facts,
    boxes: row.boxes?.map(({ class: name, box: [x1, y1, x2, y2] }) => ({ class: name, box: { x1, y1, x2, y2 } })) ?? null,
    group: row.group, origin: row.origin ?? '', source: row.source ?? '', licence: row.licence ?? '',
    licenceClass: row.licence_class, sha256: row.sha256,
  };
}
