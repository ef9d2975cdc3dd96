/** The curated cases as a folder that `loupe train`, `evaluate` and `dataset` read as they are: an index and its archives, made anew from the journal. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CuratedCase, Label, LabelDefinition } from '#electron/contract/curate.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import type { Box } from '#models/clinical/finding.ts';
import { invert, mapBox } from '#models/imaging/coordinates.ts';
import { closeArchives } from '#training/data/cases.ts';
import { openArchive } from '#training/data/archive.ts';
import { packArchive } from '#training/data/pack.ts';
import type { IndexRow } from '#training/records/caseRecord.ts';
import type { Curated, CuratedGold } from '#training/records/curated.ts';
import { isWithheld } from './concerns.ts';

export const indexName = 'index.jsonl';

/** Writes what changed and nothing else; `read` gives a picture by its hash. @returns how many rows stand in the index */
export async function writeDataset(folder: string, cases: readonly CuratedCase[], definitions: readonly LabelDefinition[], read: (sha256: string) => Promise<Uint8Array>): Promise<number> {
  const rows = cases.filter((one) => !isWithheld(one)).flatMap((one) => rowOf(one, definitions) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1));
  closeArchives();
  const byArchive = new Map<string, Set<string>>();
  for (const { archive, sha256 } of rows) byArchive.set(archive, (byArchive.get(archive) ?? new Set()).add(sha256));
  for (const [archive, hashes] of byArchive) {
    const path = join(folder, archive);
    if (holdsExactly(path, hashes)) continue;
    await writeWhole(path, packArchive(new Map(await Promise.all([...hashes].map(async (sha256) => [`${sha256}.png`, await read(sha256)] as const)))));
  }
  await writeWhole(join(folder, indexName), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  for (const name of existsSync(folder) ? readdirSync(folder) : []) if (/^images-[0-9a-f]\.zip$/.test(name) && !byArchive.has(name)) rmSync(join(folder, name), { force: true });
  return rows.length;
}

function holdsExactly(path: string, hashes: ReadonlySet<string>): boolean {
  if (!existsSync(path)) return false;
  try {
    const archive = openArchive(path);
    archive.close();
    return archive.members.size === hashes.size && [...hashes].every((sha256) => archive.members.has(`${sha256}.png`));
  } catch {
    // A damaged archive is made again.
    return false;
  }
}

/** One case as a row of the index; null where its places lie outside the picture or its modality is not known. */
export function rowOf(one: CuratedCase, definitions: readonly LabelDefinition[]): IndexRow | null {
  if (one.modality === null) return null;
  const { image, label } = one;
  const definition = definitions.find(({ id }) => id === one.labelId) ?? null;
  const { task, name, space } = taskOf(label, definition);
  const places = placesOf(one);
  if (places === null) return null;
  const curated: Curated = {
    question: one.question, gold: goldOf(label), steps: [...one.steps],
    origin: { trace: one.traceId, target: one.target, verdict: one.verdict, judgedAt: one.capturedAt, weights: [...one.weights] },
  };
  return {
    id: one.id, archive: `images-${image.sha256.slice(0, 1)}.zip`, file: `${image.sha256}.png`, modality: one.modality, set: 'curated', split: one.split, width: image.width, height: image.height,
    task, label: name, labels_space: space, question_types: ['curated'], facts: { ...one.facts, ...(definition?.code ? { label_code: `${definition.code.scheme} ${definition.code.value}` } : {}), curated }, ...(places ? { boxes: places } : {}), group: one.group,
    origin: one.viewName, source: 'judged on this workstation', licence: 'local, not for release', licence_class: 'unclear', sha256: image.sha256,
  };
}

/** What the label is about: a definition's own task, and one for each kind without. */
function taskOf(label: Label, definition: LabelDefinition | null): { readonly task: string; readonly name: string; readonly space: string[] } {
  const plain = { task: definition?.id ?? `judged_${label.kind}`, name: 'judged', space: ['judged'] };
  if (definition === null || definition.kind !== label.kind) return plain;
  switch (label.kind) {
    case 'yesNo': return { ...plain, name: label.value ? 'yes' : 'no', space: ['no', 'yes'] };
    case 'choice': return { ...plain, name: label.options[label.right] ?? 'judged', space: [...label.options] };
    case 'ordinal': return { ...plain, name: label.value, space: [...label.scale] };
    default: return plain;
  }
}

function goldOf(label: Label): CuratedGold {
  switch (label.kind) {
    case 'boxes': return { kind: 'boxes', matchLabels: new Set(label.boxes.map((box) => box.label)).size > 1 };
    case 'points': return { kind: 'points' };
    default: return label;
  }
}

/** Boxes in pixels of the picture, cut at its edges; points as the box around their tolerance; undefined where the label has no places, null where one lies outside. */
function placesOf({ label, image }: CuratedCase): NonNullable<IndexRow['boxes']> | null | undefined {
  if (label.kind !== 'boxes' && label.kind !== 'points') return undefined;
  const given = label.kind === 'boxes' ? label.boxes
    : label.points.map(({ label: name, x, y }) => ({ label: name, box: { x1: x - label.tolerance, y1: y - label.tolerance, x2: x + label.tolerance, y2: y + label.tolerance } }));
  const toImage = invert(image.toSource);
  const places: NonNullable<IndexRow['boxes']> = [];
  for (const { label: name, box } of given) {
    const { x1, y1, x2, y2 } = cut(mapBox(toImage, box), image.width, image.height);
    if (x2 - x1 < 1 || y2 - y1 < 1) return null;
    places.push({ class: name.replaceAll(' ', '_'), box: [x1, y1, x2, y2] });
  }
  return places;
}

const cut = ({ x1, y1, x2, y2 }: Box, width: number, height: number): Box => ({
  x1: hundredth(Math.min(width, Math.max(0, x1))), y1: hundredth(Math.min(height, Math.max(0, y1))), x2: hundredth(Math.min(width, Math.max(0, x2))), y2: hundredth(Math.min(height, Math.max(0, y2))),
});
const hundredth = (x: number): number => Math.round(x * 100) / 100;

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
