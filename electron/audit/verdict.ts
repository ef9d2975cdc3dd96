/** What a check of a journal or a capsule can find: one word, one sentence and one exit status for each kind. */

/** Order is rank: of several findings the first in this list gives the exit status. */
export const kinds = {
  changed: { status: 10, what: 'Something was changed.' },
  deleted: { status: 11, what: 'Entries were deleted.' },
  inserted: { status: 12, what: 'Something was inserted.' },
  reordered: { status: 13, what: 'Entries were put into another order.' },
  truncated: { status: 14, what: 'The end was cut off.' },
  rewritten: { status: 15, what: 'Entries are not those that were signed.' },
  forged: { status: 16, what: 'A signature is not of the journal\'s key.' },
  picture: { status: 17, what: 'A picture was replaced.' },
  weights: { status: 18, what: 'What is said of the model\'s files was changed.' },
  field: { status: 19, what: 'What is said of the answer was changed.' },
  part: { status: 20, what: 'A part of the capsule was changed.' },
  manifest: { status: 21, what: 'The list of the capsule\'s parts was changed.' },
  missing: { status: 22, what: 'A part of the capsule is missing.' },
  extra: { status: 23, what: 'The capsule holds something that does not belong to it.' },
  proof: { status: 24, what: 'An entry is not proven to be in the journal.' },
  clock: { status: 25, what: 'The clock was turned back without a word.' },
  torn: { status: 26, what: 'The last entry is unfinished.' },
  report: { status: 27, what: 'The report is not the one that was signed.' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly what: string }>>;

export type Kind = keyof typeof kinds;

export interface Finding {
  readonly kind: Kind;
  /** As in `line 12 (entry 11)`. */
  readonly where: string;
  readonly why: string;
}

export interface Verdict {
  readonly format: 'journal' | 'capsule' | 'report';
  readonly isWhole: boolean;
  /** 0, or that of the gravest finding. */
  readonly status: number;
  readonly findings: readonly Finding[];
  /** What was checked and holds, and what could not be checked, in sentences. */
  readonly notes: readonly string[];
  readonly log: string | null;
  readonly entries: number;
  /** Entries that a signature covers. */
  readonly signed: number;
  /** Of the key that signed; null where nothing is signed. */
  readonly fingerprint: string | null;
  /** Of all entries that were read, or of the capsule's checkpoint; hexadecimal. */
  readonly root: string | null;
}

const order = Object.keys(kinds) as Kind[];

export function statusOf(findings: readonly Finding[]): number {
  const gravest = order.find((kind) => findings.some((finding) => finding.kind === kind));
  return gravest === undefined ? 0 : kinds[gravest].status;
}

/** The verdict for people. */
export function verdictText({ format, isWhole, findings, notes, log, entries, signed, fingerprint, root }: Verdict): string {
  const shown = findings.slice(0, 20);
  return [
    isWhole ? `The ${format} is whole.` : `The ${format} does not hold.`,
    ...shown.map(({ kind, where, why }) => `${kind.toUpperCase()} ${where}: ${kinds[kind].what} ${why}`),
    ...(findings.length > shown.length ? [`… and ${findings.length - shown.length} more.`] : []),
    ...notes,
    ...(format === 'report' ? [] : [`${entries} ${entries === 1 ? 'entry' : 'entries'}${format === 'journal' ? `, ${signed} of them under a signature` : ''}${log === null ? '' : ` · journal ${log}`}`]),
    ...(fingerprint === null ? [] : [`key ${fingerprint}`]),
    ...(root === null ? [] : [`root ${root}`]),
    '',
  ].join('\n');
}
