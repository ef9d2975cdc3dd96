/** Cases of altered images made from cases of real ones, as index files like any other: what integrity checks learn from, and what they are measured on. */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { cuesIn, leastCue } from '#models/alterationAudit.ts';
import { alterationClasses } from '#models/clinical/alteration.ts';
import { mapBox, scaling } from '#models/imaging/coordinates.ts';
import { evidenceMaps } from '#models/imaging/forensics/features.ts';
import { fromGrey, type Picture } from '#models/imaging/image.ts';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import { loadBytes } from './data/cases.ts';
import { packArchive } from './data/pack.ts';
import { alterationType, alteredRegion, type AlterationFact } from './records/alteration.ts';
import type { IndexRow, CaseRecord } from './records/caseRecord.ts';
import { alterationSet, checkedSide, type AlterationSample } from './synthesis/alterations.ts';
import { generatorNames, generators, generatorVersion } from './synthesis/alterations/generators.ts';

export interface MakeOptions {
  readonly seed: number;
  /** Real cases that are used, at most, drawn at random; each gives up to three images. */
  readonly most: number;
  /** Which half of the generators: those to learn from, or those kept back. */
  readonly kept: boolean;
  /** What is stored in place of a picture, at any size; for a reader that is shown evidence beside it. Its box is scaled along, its mask is not. */
  readonly shown?: (picture: Picture) => Promise<Picture>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const setsInArchive = 150;

/** Writes OUT/index.jsonl and its archives. The same cases and options give the same bytes. @throws Fault `alteration.cases` */
export async function makeAlterations(records: readonly CaseRecord[], out: string, { seed, most, kept, shown, signal, onProgress }: MakeOptions): Promise<{ readonly images: number; readonly index: string }> {
  const usable = records.filter(({ width, height }) => Math.min(width, height) >= 160);
  if (new Set(usable.map(({ group }) => group)).size < 2) throw new Fault({ code: 'alteration.cases', what: 'No altered images can be made.', why: `There are ${usable.length} cases of at least 160 pixels a side; content of one is put into another, so two subjects are the least.`, mend: 'Give index files with more cases.' });
  const sources = Random.named(seed, 'sources').shuffled(usable).slice(0, most);
  const only = generatorNames.filter((name) => generators[name].isKept === kept);
  mkdirSync(out, { recursive: true });
  const rows: IndexRow[] = [];
  let members = new Map<string, Uint8Array>();
  const archiveOf = (at: number): string => `images-${Math.floor(at / setsInArchive)}.zip`;
  for (const [at, record] of sources.entries()) {
    signal?.throwIfAborted();
    const random = Random.named(seed, `set:${record.id}`);
    const others = usable.filter(({ group, modality }) => group !== record.group && modality === record.modality);
    const donor = random.pick(others.length > 0 ? others : usable.filter(({ group }) => group !== record.group));
    const setSeed = random.below(1 << 30);
    const samples = alterationSet(await decodePicture(loadBytes(record), record.file), { seed: setSeed, only, donor: await decodePicture(loadBytes(donor), donor.file) });
    for (const sample of samples) {
      const { row, files } = await rowOf(sample, record, { archive: archiveOf(at), seed: setSeed, kept, ...(shown ? { shown } : {}) });
      rows.push(row);
      for (const [name, bytes] of files) members.set(name, bytes);
    }
    if ((at + 1) % setsInArchive === 0 || at + 1 === sources.length) {
      writeFileSync(join(out, archiveOf(at)), packArchive(members), { flush: true });
      members = new Map();
    }
    onProgress?.(at + 1, sources.length);
  }
  const index = join(out, 'index.jsonl');
  writeFileSync(`${index}.part`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), { flush: true });
  renameSync(`${index}.part`, index);
  return { images: rows.length, index };
}

async function rowOf({ picture, claim, mask, generator }: AlterationSample, record: CaseRecord, { archive, seed, kept, shown }: { readonly archive: string; readonly seed: number; readonly kept: boolean; readonly shown?: MakeOptions['shown'] }): Promise<{ readonly row: IndexRow; readonly files: ReadonlyMap<string, Uint8Array> }> {
  const id = `alteration-${record.id}-${seed.toString(36)}-${generator ?? 'untouched'}`;
  const seen = shown ? await shown(picture) : picture;
  const png = encodePng(seen);
  const file = `${id}.png`;
  const maskFile = mask ? `${id}.mask.png` : null;
  const files = new Map([[file, png]]);
  if (mask && maskFile) files.set(maskFile, encodePng(fromGrey(picture, mask.map((covered) => covered * 255))));
  const fact: AlterationFact = { type: claim.type, generator, generatorVersion, isKept: kept, cues: claim.box ? cuesIn(claim.box, evidenceMaps(picture)).filter(({ z }) => z >= leastCue).map(({ name }) => name) : [], mask: maskFile, source: record.id, seed };
  const box = claim.box && mapBox(scaling(seen.width / checkedSide, seen.height / checkedSide), claim.box);
  const row: IndexRow = {
    id, archive, file, modality: record.modality, set: 'alterations', split: record.split, width: seen.width, height: seen.height, task: 'alteration_3', label: claim.class, labels_space: [...alterationClasses],
    question_types: [alterationType], facts: { [alterationType]: fact }, boxes: box ? [{ class: alteredRegion, box: [box.x1, box.y1, box.x2, box.y2] }] : [],
    group: record.group, origin: record.id, source: record.source, licence: record.licence, licence_class: record.licenceClass, sha256: createHash('sha256').update(png).digest('hex'),
  };
  return { row, files };
}
