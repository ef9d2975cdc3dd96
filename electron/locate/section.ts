/** What a report says of searches: the sentence as it was said, the directive that it became, what was searched by it, and what never was. */
import type { SearchLog } from '#electron/contract/locating.ts';
import type { ReportSection } from '#models/clinical/report.ts';
import { targetName } from '#models/clinical/directive.ts';
import { runsOf } from './order.ts';

const most = 40;

/** @param name  of a series. Null where nothing was searched. */
export function sectionOf({ directives, sweeps }: SearchLog, name: (seriesId: string) => string): ReportSection | null {
  if (sweeps.length === 0 && directives.length === 0) return null;
  const rows: ReportSection['rows'] = [];
  const row = (title: string, value: string): void => void rows.push({ name: title, value: value.slice(0, 4000) });
  for (const { seriesId, version, text, words, refusal, rewriter } of directives.slice(-most)) {
    row(`${name(seriesId)}: sentence ${version}`, `“${text}”`);
    row(`${name(seriesId)}: directive ${version}`, words
      ? `${targetName(words.target)}, ${words.anatomy}, ${words.side === 'any' ? 'either side' : words.side}, slices ${words.slice_from} to ${words.slice_to}; written by ${rewriter.name}`
      : `refused: ${refusal?.why ?? ''} Everything that the localizer knows was sought.`);
  }
  const series = [...new Set(sweeps.map(({ seriesId }) => seriesId))];
  for (const seriesId of series) {
    const own = sweeps.filter((sweep) => sweep.seriesId === seriesId);
    const searched = new Set(own.flatMap((sweep) => sweep.searched.map(({ at }) => at)));
    // Of a slide `total` counts fields, and its one image is searched or not.
    const count = Math.max(searched.size, ...own.map(({ total }) => total));
    const never = Array.from({ length: count }, (_, at) => at).filter((at) => !searched.has(at));
    const isSeries = own.some((sweep) => sweep.searched.length > 1) || searched.size > 1;
    const how = own.map(({ seek, found, end }) => `${seek.kind === 'examples' ? `more like ${seek.like.length} example${seek.like.length === 1 ? '' : 's'}` : seek.kind === 'stored' ? seek.name.replaceAll('_', ' ') : 'by directive'}: ${found} found${end === 'done' ? '' : `, ${end}`}`);
    row(`${name(seriesId)}: searches`, [...new Set(how)].slice(-most).join('; '));
    if (isSeries) {
      row(`${name(seriesId)}: images searched`, runsOf([...searched]) || 'none');
      row(`${name(seriesId)}: images never searched`, runsOf(never) || 'none');
    }
  }
  return {
    id: 'searches', title: 'Searches for similar things', tone: 'caution', author: { kind: 'model', name: 'Loupe localizer' },
    text: 'A small network compared places with examples or with kinds that it was taught. Its scores are no probabilities, and where it found nothing nothing is shown to be absent.', rows: rows.slice(0, 200),
  };
}
