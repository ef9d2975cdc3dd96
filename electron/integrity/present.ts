/** A check's result as values that travel: boxes on the source, maps as bytes of cells, and what is said of them in sentences. */
import type { EvidenceGrid, IntegrityCheck } from '#electron/contract/integrity.ts';
import { auditExplanation, cuesIn, leastCue, type Cue } from '#models/alterationAudit.ts';
import { alterationPlace, classWords, cueSentences, typeWords } from '#models/clinical/alteration.ts';
import type { Box } from '#models/clinical/finding.ts';
import { mapBox, type Affine } from '#models/imaging/coordinates.ts';
import { cellSide } from '#models/imaging/forensics/features.ts';
import type { Plane } from '#models/imaging/forensics/planes.ts';
import type { IntegrityResult } from '#models/integrity.ts';

export type Presented = Pick<IntegrityCheck, 'width' | 'height' | 'area' | 'level' | 'why' | 'claim' | 'score' | 'regions' | 'fields' | 'cues' | 'copies' | 'evidence' | 'columns' | 'rows' | 'sentences'>;

/** Deviations of so much fill the scale of a map. */
const fullScale = 8;

export function presented(result: IntegrityResult, size: { readonly width: number; readonly height: number }, toSource: Affine, continuity: Plane | null): Presented {
  const { level, why, claim, score, regions, fields, cells, maps } = result;
  const cues = claim.box && maps ? cuesIn(claim.box, maps, continuity) : [];
  const onSource = (box: Box): Box => mapBox(toSource, box);
  return {
    ...size, area: onSource({ x1: 0, y1: 0, x2: size.width, y2: size.height }), level, why, score, fields, columns: cells.columns, rows: cells.rows,
    claim: { ...claim, box: claim.box && onSource(claim.box) },
    regions: level === 'suspected' || level === 'strong' ? regions.slice(0, 20).map(({ box, score: likely }) => ({ box: onSource(box), score: likely })) : [],
    cues: cues.map(({ name, z }) => ({ name, z, isBorneOut: z >= leastCue })),
    copies: (maps?.copies.copies ?? []).slice(0, 5).map(({ dx, dy, votes }) => ({ dx, dy, votes })),
    evidence: [
      { name: 'learnt', values: base64(cells.data, (x) => x) },
      ...(maps ? [gridOf('noise', maps.noise, cells), gridOf('grid', maps.grid.plane, cells), gridOf('copies', maps.copies.plane, cells, 2)] : []),
      ...(continuity ? [gridOf('continuity', continuity, cells)] : []),
    ],
    sentences: [...auditExplanation(explanationOf(result, size, cues), claim.box, size, cues)],
  };
}

const base64 = (values: Float32Array, share: (x: number) => number): string => Buffer.from(Uint8Array.from(values, (x) => Math.max(0, Math.min(255, Math.round(share(x) * 255))))).toString('base64');

/** The largest deviation in each cell, either way. */
function gridOf(name: EvidenceGrid['name'], plane: Plane, { columns, rows }: { readonly columns: number; readonly rows: number }, full = fullScale): EvidenceGrid {
  const most = new Float32Array(columns * rows);
  for (let y = 0; y < plane.height; y++) for (let x = 0; x < plane.width; x++) {
    const cell = Math.floor(y / cellSide) * columns + Math.floor(x / cellSide);
    most[cell] = Math.max(most[cell]!, Math.abs(plane.data[y * plane.width + x]!));
  }
  return { name, values: base64(most, (z) => z / full) };
}

/** What the network and the maps say, in the order of an explanation; nothing that no map says. */
function explanationOf({ level, claim, maps }: IntegrityResult, size: { readonly width: number; readonly height: number }, cues: readonly Cue[]): string {
  if (level === 'unexamined') return '';
  if (level === 'none') return 'No signs of alteration were found.';
  const what = `The image looks ${classWords[claim.class]}.`;
  if (!claim.box) return what;
  const kind = claim.type ? ` It looks most like ${typeWords[claim.type]}.` : '';
  const borne = cues.filter(({ z }) => z >= leastCue).map(({ name }) => cueSentences[name]);
  const copies = maps && maps.copies.copies.length > 0 && !borne.includes(cueSentences.copy) ? ' Copied parts are marked elsewhere.' : '';
  return `${what} The region is ${alterationPlace(claim.box, size)}.${kind} ${borne.length > 0 ? borne.join(' ') : 'None of the maps that were computed without learning stands out there.'}${copies}`;
}

/** What is said of a level, everywhere in the same words. */
export const levelWords = {
  unexamined: 'Signs of alteration: not looked for', none: 'Signs of alteration: none found', suspected: 'Signs of alteration: suspected', strong: 'Signs of alteration: strong',
} as const;

export const noProof = 'Signs are no proof of an alteration, and their absence is no proof of an untouched image.';
