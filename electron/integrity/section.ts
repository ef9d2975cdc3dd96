/** What a report says of checks for signs of alteration. */
import type { IntegrityCheck } from '#electron/contract/integrity.ts';
import { alterationLevels } from '#models/clinical/alteration.ts';
import type { ReportSection } from '#models/clinical/report.ts';
import { levelWords, noProof } from './present.ts';

const most = 20;

/** @param checks  newest first; of each view the newest counts */
export function sectionOf(checks: readonly IntegrityCheck[]): ReportSection {
  const viewOf = ({ view }: IntegrityCheck): string => JSON.stringify(view);
  const newest = checks.filter((check, at) => checks.findIndex((other) => viewOf(other) === viewOf(check)) === at).slice(0, most);
  const strongest = newest.reduce((level, check) => (alterationLevels.indexOf(check.level) > alterationLevels.indexOf(level) ? check.level : level), 'unexamined' as IntegrityCheck['level']);
  const alarms = newest.find(({ falseAlarms }) => falseAlarms !== null)?.falseAlarms ?? null;
  const findings = [...new Set(newest.flatMap(({ ledger }) => ledger.map(({ text }) => text)))];
  const measured = alarms ? ` On ${alarms.suspected.of} untouched images this check raised signs ${alarms.suspected.count} times, strong ones ${alarms.strong.count} times.` : '';
  return {
    id: 'integrity', title: 'Integrity of the images', tone: strongest === 'suspected' || strongest === 'strong' || findings.length > 0 ? 'caution' : 'plain',
    text: `${levelWords[strongest]}. ${noProof}${measured}`, author: { kind: 'model', name: 'Loupe integrity check' },
    rows: [
      ...newest.map((check, at) => ({ name: `Image ${at + 1}, ${check.view.kind === 'frame' ? `frame ${Number(check.view.frameId.slice(65)) + 1}` : 'slide'}`, value: rowText(check) })),
      ...findings.slice(0, 20).map((text) => ({ name: 'File and pixels', value: text })),
      ...(newest[0]?.network ? [{ name: 'Network', value: newest[0].network, isCode: true }] : []),
    ],
  };
}

/** The level and the sentences that the maps bear out; those that they do not bear out are named as such. */
function rowText({ level, why, claim, sentences }: IntegrityCheck): string {
  const box = claim.box ? ` Region ${[claim.box.x1, claim.box.y1, claim.box.x2, claim.box.y2].map(Math.round).join(', ')}.` : '';
  const said = sentences.map(({ text, doubt }) => (doubt === null ? text : `[not borne out: ${text}]`)).join(' ');
  return `${levelWords[level]}.${why ? ` ${why}` : ''}${box}${level === 'none' ? '' : ` ${said}`}`.trim();
}
