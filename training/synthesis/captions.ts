/** A sentence about an image, made from its label, facts and boxes as a report's first line would say it. Nothing is said that these do not support. */
import type { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { hullOf, placeOf, wholeBox, type Size } from './measure.ts';
import { articled } from './questions.ts';
import { capital } from './reasoning.ts';
import { nounsFor, termOf } from './vocabulary.ts';

export interface CaptionView {
  readonly record: CaseRecord;
  /** In pixels of the view; null: not annotated. */
  readonly boxes: readonly { readonly class: string; readonly box: Box }[] | null;
  readonly size: Size;
  readonly flippedX: boolean;
}

export interface Caption {
  readonly text: string;
  /** What is said, whatever the wording: two captions with the same meaning are true of the same images. */
  readonly meaning: string;
}

const views: Readonly<Record<string, string>> = { PA: 'PA view', AP: 'AP view', AP_supine: 'AP view, supine' };
const untold = new Set(['unspecified', 'no_finding', 'blood_smear_field']);

/** @param random  absent: the plainest words with every detail, the same each time */
export function captionOf({ record, boxes, size, flippedX }: CaptionView, random?: Random): Caption {
  const pick = <T>(some: readonly T[]): T => (random ? random.pick(some) : some[0]!);
  const noun = pick(nounsFor(record));
  const { facts, label, labelsSpace } = record;
  const said: string[] = [];
  const details: string[] = [];
  const detail = (text: string, chance = 0.5): void => {
    if (!random || random.chance(chance)) details.push(text);
  };
  const bodyPart = facts['body_part'];
  const of = typeof bodyPart === 'string' && !noun.includes(bodyPart) ? ` of the ${bodyPart}` : '';
  const view = views[String(facts['view'])];
  if (view) detail(view);
  const eye = facts['eye'];
  if (eye === 'left' || eye === 'right') details.push(`${(eye === 'left') === flippedX ? 'right' : 'left'} eye`);
  if (typeof facts['population'] === 'string' && facts['population'].includes('children')) detail('of a child', 0.3);

  const isTold = !untold.has(label) && eye !== label && (labelsSpace.length > 1 || (boxes?.length ?? 0) > 0);
  const term = termOf(label);
  const isAdjective = term.kind === 'adjective';
  if (isTold) said.push(isAdjective ? pick([`${term.name} findings`, `${term.name} appearance`]) : pick(term.synonyms.length > 0 ? [term.shown, term.shown, ...term.synonyms.slice(0, 2)] : [term.shown]));
  const counts = countsOf(boxes);
  if (counts.size > 1 || [...counts.values()].some((count) => count > 3)) {
    for (const [kind, count] of counts) if (count <= 3) detail(`${count} ${termOf(kind).name}${count > 1 ? 's' : ''}`);
  } else if (counts.size === 1 && !/lung$/.test([...counts.keys()][0]!)) {
    detail(`in the ${placeOf(wholeBox(hullOf(boxes!.map(({ box }) => box)), size), size)} of the image`);
  }
  const head = `${noun}${of}`;
  const tail = details.length > 0 ? `, ${details.join(', ')}` : '';
  const text = said.length === 0 ? pick([`${capital(head)}${tail}.`, `${capital(articled(head))}${tail}.`])
    : isAdjective ? pick([`${capital(head)}, ${said[0]!}${tail}.`, `${capital(term.name)} ${head}${tail}.`, `${capital(head)}: ${said[0]!}${tail}.`])
      : pick([`${capital(head)} showing ${said[0]!}${tail}.`, `${capital(head)}: ${said[0]!}${tail}.`, `${capital(said[0]!)} on ${articled(head)}${tail}.`, `${capital(said[0]!)}${tail}, ${head}.`]);
  const subject = bodyPart ?? facts['specimen'];
  return { text, meaning: [record.modality, typeof subject === 'string' ? subject : '', isTold ? label : '', ...details].join('|') };
}

function countsOf(boxes: CaptionView['boxes']): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { class: name } of boxes ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
