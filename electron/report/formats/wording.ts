/** A report as headings, sentences, tables and pictures: said once, so that every readable form says the same. */
import {
  boxesOf, isByModel, isOn, modelMark, researchBanner, sourceOf, undecided,
  type ImagePlace, type KeyImage, type Measurement, type Quantity, type Report, type ReportBox, type ReportQuestion, type ReportStep, type ReportVerdict,
} from '#models/clinical/report.ts';
import type { Box } from '#models/clinical/finding.ts';

export interface Field {
  readonly name: string;
  readonly value: string;
  /** A hash, an identifier: letters of one width. */
  readonly isCode?: boolean;
}

/** Something that was written and then decided about. */
export interface Statement {
  /** `1`, or `Answer`. */
  readonly number: string;
  readonly kind: string;
  readonly verdict: ReportVerdict | 'added';
  /** As in `Edited by Dr Example, 2026-01-02 10:00 UTC`. */
  readonly decision: string;
  readonly text: string;
  /** What the model had written, where that is other than `text`. */
  readonly original: string | null;
  readonly reason: string;
  /** The regions that it points at. */
  readonly regions: string;
}

export interface ListItem {
  readonly text: string;
  /** In smaller letters below; may be empty. */
  readonly details: string;
}

export interface FigureBlock {
  /** Of the key picture. */
  readonly id: string;
  readonly caption: string;
  readonly details: string;
  /** For those who do not see it. */
  readonly alternative: string;
}

/** One after the other, as they are read. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 2 | 3; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string; readonly tone: 'plain' | 'strong' | 'muted' | 'caution' }
  | { readonly kind: 'fields'; readonly title: string; readonly rows: readonly Field[] }
  | { readonly kind: 'table'; readonly title: string; readonly columns: readonly { readonly title: string; readonly share: number; readonly isNumber?: boolean; readonly isCode?: boolean }[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'list'; readonly items: readonly ListItem[] }
  | { readonly kind: 'statements'; readonly items: readonly Statement[] }
  | { readonly kind: 'figures'; readonly items: readonly FigureBlock[] };

export interface Wording {
  readonly title: string;
  /** For lists of documents: names nobody. */
  readonly documentTitle: string;
  /** On every page. */
  readonly banner: string;
  /** Who it is about and which study, on every page. */
  readonly running: string;
  /** As in `Report 1f3a, version 2`. */
  readonly edition: string;
  readonly state: string;
  /** Across every page; null where the report stands. */
  readonly watermark: 'DRAFT' | 'SUPERSEDED' | null;
  readonly cover: readonly (readonly Field[])[];
  readonly blocks: readonly Block[];
}

const quantityWords: Readonly<Record<Quantity, string>> = {
  length: 'Length', longAxis: 'Long axis', shortAxis: 'Short axis', angle: 'Angle', cobbAngle: 'Cobb angle', area: 'Area', mean: 'Mean',
  deviation: 'Standard deviation', least: 'Minimum', greatest: 'Maximum', value: 'Value', count: 'Count',
};
const unitWords: Readonly<Record<string, string>> = { mm: 'mm', um: 'µm', mm2: 'mm²', um2: 'µm²', deg: '°', '[hnsf\'U]': 'HU', '{pixels}': 'px', '1': '' };
const stepWords: Readonly<Record<ReportStep['kind'], string>> = { observation: 'Observation', measurement: 'Measurement', comparison: 'Comparison', knowledge: 'Knowledge', conclusion: 'Conclusion' };
const decisionWords: Readonly<Record<ReportVerdict, string>> = { accepted: 'Accepted', edited: 'Edited', rejected: 'Rejected', undecided: 'Not decided yet' };
const sexWords: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };

export function wordingOf(report: Report): Wording {
  const { id, version, status, subject, study, release } = report;
  return {
    title: report.title === '' ? 'Reasoning report' : report.title,
    documentTitle: `Reasoning report ${id}, version ${version}`,
    banner: isByModel(report) ? `${modelMark} · ${report.banner || researchBanner}` : report.banner || researchBanner,
    running: subject === null ? 'Identity withheld' : [subject.patientName || 'No name', subject.patientId && `ID ${subject.patientId}`, subject.accession && `Accession ${subject.accession}`].filter(Boolean).join(' · '),
    edition: `Report ${id}, version ${version}`,
    state: stateOf(report),
    watermark: status === 'draft' ? 'DRAFT' : status === 'superseded' ? 'SUPERSEDED' : null,
    cover: [
      subject === null
        ? [{ name: 'Patient', value: 'Withheld' }, { name: 'Bound by', value: report.subjectCommit, isCode: true }]
        : given([['Patient', subject.patientName || 'No name'], ['Patient ID', subject.patientId], ['Born', day(subject.birthDate)], ['Sex', sexWords[subject.sex ?? ''] ?? subject.sex], ['Accession', subject.accession]]),
      given([
        ['Study', study.description || 'No description'], ['Modality', study.modality], ['Study date', movedDay(report, subject?.studyDate ?? release?.study.date ?? null)], ['Study UID', subject?.studyUid ?? release?.study.uid ?? null],
        ['Sample', study.isSample ? 'Synthetic: no person' : ''],
      ]),
      given([['Report', id, true], ['Version', `${version}${status === 'draft' ? `, revision ${report.revision}` : ''}`], ['Created', time(report.createdAt)], ['Changed', time(report.updatedAt)], ['State', stateWord(report)],
        ['Supersedes', report.supersedes && `version ${report.supersedes.version}, signed ${time(report.supersedes.signedAt)}`]]),
    ],
    blocks: [
      ...scope(report), ...findings(report), ...measurements(report), ...comparison(report), ...sections(report), heading('Impression'), paragraph(report.impression || 'No impression was written.', report.impression ? 'strong' : 'muted'),
      ...keyImages(report), ...report.questions.flatMap((question, i) => reasoning(report, question, i)), ...regions(report), ...limitations(report), ...signature(report), ...provenance(report),
    ],
  };
}

/** Everything that is to be read, in order; without what is said to those who do not see. */
export function textsOf({ title, state, cover, blocks }: Wording): readonly string[] {
  return [title, state, ...cover.flat().flatMap(({ name, value }) => [name, value]), ...blocks.flatMap(textsIn)].filter((text) => text !== '');
}

function textsIn(block: Block): readonly string[] {
  if (block.kind === 'heading' || block.kind === 'paragraph') return [block.text];
  if (block.kind === 'fields') return block.rows.flatMap(({ name, value }) => [name, value]);
  if (block.kind === 'table') return [...block.columns.map((column) => column.title), ...block.rows.flat()];
  if (block.kind === 'list') return block.items.flatMap(({ text, details }) => [text, details]);
  if (block.kind === 'statements') return block.items.flatMap(({ number: count, decision, text, original, reason, regions: places }) => [count, decision, text, original ?? '', reason, places]);
  return block.items.flatMap(({ caption, details }) => [caption, details]);
}

const heading = (text: string, level: 2 | 3 = 2): Block => ({ kind: 'heading', level, text });
const paragraph = (text: string, tone: 'plain' | 'strong' | 'muted' | 'caution' = 'plain'): Block => ({ kind: 'paragraph', text, tone });
const given = (rows: readonly (readonly [string, string | null | undefined, true?])[]): readonly Field[] =>
  rows.flatMap(([name, value, isCode]) => (value ? [{ name, value, ...(isCode ? { isCode } : {}) }] : []));

const stateWord = ({ status, supersedes }: Report): string => (status === 'draft' ? 'Draft, not signed' : status === 'superseded' ? 'Superseded' : supersedes ? 'Signed, amended' : 'Signed');

function stateOf(report: Report): string {
  if (report.status === 'draft') return 'Draft: not signed, not to be acted on.';
  const { signature: signed } = report;
  const by = signed ? `Signed by ${personOf(signed.by)}, ${time(signed.at)}.` : '';
  return report.status === 'superseded' ? `Superseded by a later version: not to be acted on. ${by}`.trimEnd() : by;
}

const personOf = ({ name, role }: { readonly name: string; readonly role: string }): string => (role ? `${name} (${role})` : name);

/** As in `2026-01-02 10:00 UTC`; what is no time is left as it is. */
export const time = (instant: string): string => (/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(instant) && instant.endsWith('Z') ? `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC` : instant);

/** How a character is shown that cannot be shown itself, or that would hide or turn around what follows. */
export const codePoint = (character: string): string => `‹U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}›`;

/** Days as DICOM writes them, with their hyphens. */
const day = (date: string | null): string | null => (date !== null && /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date);

const movedDay = ({ release }: Report, date: string | null): string | null => (date !== null && release ? `${day(date) ?? ''} (moved)` : day(date));

/** A number as people read it: three digits that count, and never more than the unit's own fineness. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return minus(String(value));
  const size = Math.abs(value);
  return minus(size >= 100 ? value.toFixed(0) : size >= 0.1 ? value.toFixed(1) : value.toPrecision(2));
}
const minus = (text: string): string => text.replace('-', '−');

export function amount(value: number, unit: string): string {
  const word = unitWords[unit] ?? unit;
  return word === '' ? number(value) : word === '°' ? `${number(value)}°` : `${number(value)} ${word}`;
}

/** Its percentage, as a whole number. */
const percent = (share: number): string => `${Math.round(100 * share)} %`;

const labelOf = (report: Report, place: ImagePlace): string => {
  const source = sourceOf(report, place);
  if (!source) return `image ${place.source.slice(0, 8)}`;
  return source.frames > 1 && source.kind === 'frame' ? `${source.label || source.name}, frame ${place.frame + 1}` : source.label || source.name;
};

/** What a region is called wherever it is spoken of: `R3`, counted over all regions of the report, the removed ones included. */
export const regionName = ({ boxes }: Pick<Report, 'boxes'>, id: string): string => `R${boxes.findIndex((box) => box.id === id) + 1}`;
/** `M2`, likewise. */
export const measurementName = ({ measurements: all }: Pick<Report, 'measurements'>, id: string): string => `M${all.findIndex((measurement) => measurement.id === id) + 1}`;

/** As in `x 10–20, y 5–9`, in whole pixels. */
export const extent = ({ x1, y1, x2, y2 }: Box): string => `x ${round(x1)}–${round(x2)}, y ${round(y1)}–${round(y2)}`;
const round = (value: number): string => minus(String(Math.round(value)));

function scope(report: Report): readonly Block[] {
  if (report.questions.length === 0) return [];
  return [
    heading(report.questions.length > 1 ? 'Questions' : 'Question'),
    ...report.questions.flatMap((question, i): readonly Block[] => {
      const { text, answer, scope: looked, selection, askedAt } = question;
      return [
        paragraph(report.questions.length > 1 ? `${i + 1}. ${text}` : text, 'strong'),
        paragraph(answer.verdict === 'rejected' ? 'The answer of the model was rejected.' : `Answer: ${answer.text || 'none'}${answer.verdict === 'undecided' ? ' (not decided yet)' : ''}`),
        paragraph(`Asked ${time(askedAt)} about ${looked.length === 0 ? 'no image' : shortList(looked.map(({ name, window }) => (window ? `${name} (${window})` : name)))}${selection ? `; ${selectionRules[selection.rule]} (rule ${selection.rule}), of ${selection.of}` : ''}.`, 'muted'),
      ];
    }),
  ];
}

const selectionRules = {
  view: 'what the reader had before them', region: 'a place that the reader marked', slices: 'slices that the reader chose', spread: 'slices spread evenly over the series', cells: 'every image that the reader had hung',
} as const satisfies Record<NonNullable<ReportQuestion['selection']>['rule'], string>;

const shortList = (names: readonly string[]): string => (names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', '));

function findings(report: Report): readonly Block[] {
  return [
    heading('Findings'),
    report.findings.length === 0
      ? paragraph('No finding was recorded.', 'muted')
      : { kind: 'list', items: report.findings.map(({ label, text, code, site, laterality, boxes, author }) => {
        const place = [laterality?.meaning, site?.meaning].filter(Boolean).join(' ').toLowerCase();
        // A sentence that begins with the label needs it no second time.
        const sentence = text === '' ? label : text.toLowerCase().startsWith(label.toLowerCase()) ? text : `${label}: ${text}`;
        const details = [place && `Site: ${place}.`, boxes.length > 0 && `${cited(report, boxes)}.`, code && `SNOMED CT ${code.value} ${code.meaning}.`, author.kind === 'model' ? `${modelMark} (${author.name}).` : `By ${author.name}.`];
        return { text: `${sentence}${/[.!?]$/.test(sentence) ? '' : '.'}`, details: details.filter(Boolean).join(' ') };
      }) },
  ];
}

const cited = (report: Report, ids: readonly string[]): string => {
  const there = boxesOf(report, ids);
  return there.length === 0 ? 'Its regions were removed' : `${there.length > 1 ? 'Regions' : 'Region'} ${there.map(({ id }) => regionName(report, id)).join(', ')}`;
};

function measurements(report: Report): readonly Block[] {
  if (report.measurements.length === 0) return [];
  return [
    heading('Measurements'),
    {
      kind: 'table', title: 'Measurements', columns: [{ title: 'No.', share: 7 }, { title: 'What', share: 20 }, { title: 'Value', share: 26 }, { title: 'Image', share: 14 }, { title: 'Scale', share: 18 }, { title: 'By', share: 23 }],
      rows: report.measurements.map((measurement) => [
        measurementName(report, measurement.id), measurement.label || sentenceCase(measurement.kind), valuesOf(measurement), labelOf(report, measurement.place),
        [measurement.spacing.text, measurement.spacing.caution].filter(Boolean).join('. '), `${measurement.author.name}${measurement.author.kind === 'model' ? ` (${modelMark})` : ''}, ${time(measurement.at)}`,
      ]),
    },
  ];
}

const valuesOf = ({ values }: Pick<Measurement, 'values'>): string => values.map(({ quantity, value, unit }) => `${quantityWords[quantity]} ${amount(value, unit)}`).join('\n') || 'none';

function comparison({ comparison: prior }: Report): readonly Block[] {
  if (!prior) return [];
  const rows = prior.changes.map(({ label, quantity, before, now, unit }) => {
    const share = before === 0 ? '' : ` (${now >= before ? '+' : '−'}${Math.abs(Math.round((100 * (now - before)) / before))} %)`;
    return [label || '–', quantityWords[quantity], amount(before, unit), amount(now, unit), `${now > before ? '+' : ''}${amount(now - before, unit)}${share}`];
  });
  return [
    heading('Comparison'),
    paragraph(`With ${[prior.description || 'an earlier study', prior.date && `of ${day(prior.date)}`].filter(Boolean).join(' ')}.`, 'muted'),
    ...(prior.text ? [paragraph(prior.text)] : []),
    ...(rows.length > 0
      ? [{ kind: 'table', title: 'What changed since', columns: [{ title: 'What', share: 34 }, { title: 'Quantity', share: 18 }, { title: 'Before', share: 14, isNumber: true }, { title: 'Now', share: 14, isNumber: true }, { title: 'Change', share: 20, isNumber: true }], rows } as const]
      : []),
  ];
}

function sections({ sections: own = [] }: Report): readonly Block[] {
  return own.flatMap(({ title, text, tone, rows, author }): readonly Block[] => [
    heading(title),
    ...(text ? [paragraph(text, tone)] : []),
    ...(rows.length > 0 ? [{ kind: 'fields', title, rows: rows.filter(({ value }) => value !== '').map(({ name, value, isCode }) => ({ name, value, ...(isCode ? { isCode } : {}) })) } as const] : []),
    paragraph(author.kind === 'model' ? `${modelMark} (${author.name}).` : `By ${author.name}.`, 'muted'),
  ]);
}

function keyImages(report: Report): readonly Block[] {
  if (report.keyImages.length === 0) return [];
  return [heading('Key images'), { kind: 'figures', items: report.keyImages.map((image, i) => figure(report, image, i)) }];
}

function figure(report: Report, image: KeyImage, i: number): FigureBlock {
  const measured = (measurement: Measurement): string => [measurement.label, valuesOf(measurement).replaceAll('\n', ', ')].filter(Boolean).join(': ');
  const isDrawn = ({ id }: { readonly id: string }): boolean => image.overlays.includes(id);
  const drawn = [
    ...boxesOf(report, image.overlays).map(({ id, label }) => `${regionName(report, id)} ${label}`), ...report.measurements.filter(isDrawn).map((one) => `${measurementName(report, one.id)} ${measured(one)}`),
  ];
  // What lies there and is not drawn: by its name and label, its numbers stand in the tables.
  const hidden = [
    ...report.boxes.filter((box) => !box.isRemoved && !isDrawn(box) && isOn(box, image)).map(({ id, label }) => `${regionName(report, id)} ${label}`),
    ...report.measurements.filter((one) => !isDrawn(one) && isOn({ ...one, box: everywhere }, image)).map(({ id, label }) => `${measurementName(report, id)} ${label}`.trim()),
  ];
  const { window } = image;
  const details = [
    labelOf(report, image.place),
    window && `window ${window.name ? `${window.name}, ` : ''}centre ${number(window.center)}, width ${number(window.width)}${window.isInverted ? ', inverted' : ''}`,
    image.region && `region ${round(image.region.width)} × ${round(image.region.height)} px at ${round(image.region.x)}, ${round(image.region.y)}`,
  ].filter(Boolean).join('; ');
  const marked = `${drawn.length === 0 ? 'Nothing is marked.' : `Marked: ${drawn.join('; ')}.`}${hidden.length === 0 ? '' : ` Hidden here: ${shortList(hidden)}.`}`;
  const caption = `Key image ${i + 1}${image.caption ? `. ${image.caption}` : ''}`;
  return { id: image.id, caption, details: `${sentenceCase(details)}. ${marked}`, alternative: `${caption}. ${sentenceCase(details)}. ${marked}` };
}

const everywhere = { x1: -Infinity, y1: -Infinity, x2: Infinity, y2: Infinity };

const sentenceCase = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

function reasoning(report: Report, question: ReportQuestion, i: number): readonly Block[] {
  const { steps, answer, confidence, evidence, flags } = question;
  const many = report.questions.length > 1;
  const statements: Statement[] = steps.map((step, at) => statementOf(report, { ...step, number: String(at + 1), kind: stepWords[step.kind] }));
  const final = statementOf(report, { ...answer, boxes: [], number: 'Answer', kind: 'Answer' });
  return [
    heading(many ? `Reasoning on question ${i + 1}` : 'Reasoning, step by step'),
    ...(many ? [paragraph(question.text, 'muted')] : []),
    ...(question.provenance.parsed ? [] : [paragraph('The model did not keep to the form of an answer: what it wrote stands as it is.', 'caution')]),
    { kind: 'statements', items: [...statements, final] },
    heading('Checks of the answer', 3),
    {
      kind: 'fields', title: 'Checks of the answer', rows: given([
        ['Confidence', confidence ? `${percent(confidence.value)} (${confidence.method})` : 'Not known'],
        ['Reliance on the image', evidence ? `${percent(evidence.reliance)}: the answer ${evidence.usedImage ? 'used the image' : 'did not use the image'}` : 'Not checked'],
        ['Regions hidden in turn', evidence && evidence.regions.length > 0 ? evidence.regions.map(({ box, hidden, control }) => `${regionName(report, box)}: ${percent(hidden)}, as much elsewhere ${percent(control)}`).join('; ') : ''],
        ['Remarks', flags.length > 0 ? flags.map(({ detail, code }) => detail || code).join('\n') : 'None'],
      ]),
    },
  ];
}

type Decided = Pick<ReportStep, 'text' | 'original' | 'boxes' | 'verdict' | 'reason' | 'decidedBy' | 'decidedAt'> & { readonly number: string; readonly kind: string };

function statementOf(report: Report, { number: count, kind, text, original, boxes, verdict, reason, decidedBy, decidedAt }: Decided): Statement {
  const isAdded = original === null;
  const word = isAdded ? 'Added' : decisionWords[verdict];
  return {
    number: count, kind, verdict: isAdded ? 'added' : verdict, text: text || 'none', original: original !== null && original !== text ? original || 'none' : null, reason,
    decision: `${word}${decidedBy ? ` by ${decidedBy}` : ''}${decidedAt ? `, ${time(decidedAt)}` : ''}`,
    regions: boxes.length === 0 ? '' : cited(report, boxes),
  };
}

function regions(report: Report): readonly Block[] {
  if (report.boxes.length === 0) return [];
  return [
    heading('Regions'),
    paragraph('In pixels of the image as it is stored, from its upper left corner. Where a person moved or removed a region, the model\'s own stands beside it.', 'muted'),
    {
      kind: 'table', title: 'Regions', columns: [{ title: 'No.', share: 7 }, { title: 'Label', share: 22 }, { title: 'Image', share: 20 }, { title: 'As it stands', share: 22 }, { title: 'By the model', share: 22 }, { title: 'From', share: 16 }],
      rows: report.boxes.map((box) => [regionName(report, box.id), box.label, labelOf(report, box.place), box.isRemoved ? 'Removed' : extent(box.box), originalOf(box), box.author.kind === 'model' ? `${box.author.name} (${modelMark})` : box.author.name]),
    },
  ];
}

function originalOf({ author, original, box, isRemoved }: ReportBox): string {
  if (original) return extent(original);
  return author.kind === 'person' ? 'None' : isRemoved ? extent(box) : 'The same';
}

function limitations(report: Report): readonly Block[] {
  return [heading('Limitations'), { kind: 'list', items: [`${report.banner || researchBanner}.`, ...report.limitations].map((item) => ({ text: item, details: '' })) }];
}

function signature(report: Report): readonly Block[] {
  const { signature: signed } = report;
  const open = undecided(report);
  if (!signed) {
    return [
      heading('Signature'),
      paragraph('This is a draft. Nobody has signed it.', 'caution'),
      ...(open.length > 0 ? [paragraph(`Not decided yet: ${open.map(({ question, step }) => `${report.questions.length > 1 ? `question ${question + 1}, ` : ''}${step === null ? 'answer' : `step ${step + 1}`}`).join('; ')}.`)] : []),
    ];
  }
  return [
    heading('Signature'),
    {
      kind: 'fields', title: 'Signature', rows: given([
        ['Signed by', personOf(signed.by)], ['Meaning', signed.says], ['Time', time(signed.at)],
        ['Identity proved by', signed.method === 'passphrase' ? 'the passphrase of the key' : 'the system\'s own store of keys'],
        ['Content', signed.content, true], ['Key', signed.fingerprint, true], ['Ed25519', signed.value, true],
        ['Journal', `entry ${signed.journal.seq} of ${signed.journal.log}, ${signed.journal.hash}`, true],
      ]),
    },
    ...(report.supersedes ? [paragraph(`It supersedes version ${report.supersedes.version}, signed ${time(report.supersedes.signedAt)}, whose content is ${report.supersedes.content}.`, 'muted')] : []),
  ];
}

function provenance(report: Report): readonly Block[] {
  const { software, journal, questions, sources } = report;
  return [
    heading('Provenance'),
    paragraph('Which bytes, which weights, which prompt and which seed: enough to run the question again and to tell whether anything was changed. Hashes are SHA-256.', 'muted'),
    {
      kind: 'fields', title: 'Composed with', rows: given([
        ['Composed with', `${software.name} ${software.version}`], ['Build', software.build, true], ['Who it is about, bound by', report.subjectCommit, true],
        ['Audit journal', journal && `${journal.log}, ${journal.size} entries${journal.fingerprint ? `, key ${journal.fingerprint}` : ''}`, true],
      ]),
    },
    ...released(report),
    ...questions.flatMap((question, i) => answerProvenance(report, question, i)),
    ...(sources.length > 0
      ? [heading('Images', 3), {
        kind: 'table', title: 'Images', columns: [{ title: 'Image', share: 24 }, { title: 'Size', share: 16 }, { title: 'SHA-256 of the file', share: 38, isCode: true }, { title: 'SOP instance', share: 30, isCode: true }],
        rows: sources.map(({ label, name, columns, rows, frames, sha256, sopInstanceUid }) => [
          label && name && label !== name ? `${label}\n${name}` : label || name, `${columns} × ${rows}${frames > 1 ? `, ${frames} frames` : ''}`, sha256, sopInstanceUid ?? '–',
        ]),
      } as const]
      : []),
  ];
}

/** What is other in a copy that left without the subject. */
function released({ release, signature: signed }: Report): readonly Block[] {
  if (!release) return [];
  const proof = signed ? ' What is withheld is bound by the signature all the same; loupe verify lists it.' : '';
  return [paragraph(`This copy left without who it is about (PS3.15, ${release.codes.join(', ')}): UIDs, hashes and names of the images, names of persons and ids are others, dates are moved${release.words > 0 ? `, and ${release.words === 1 ? 'one text was' : `${release.words} texts were`} replaced` : ''}.${proof}`, 'muted')];
}

function answerProvenance(report: Report, { provenance: from }: ReportQuestion, i: number): readonly Block[] {
  const { model, sampling, journal, inputs } = from;
  const same = report.questions.slice(0, i).findIndex(({ provenance: { model: other } }) => model.root !== null && other.root === model.root && other.files.length === model.files.length);
  return [
    heading(report.questions.length > 1 ? `Answer to question ${i + 1}` : 'Answer', 3),
    {
      kind: 'fields', title: 'How the answer came about', rows: given([
        ['Model', `${model.name} (${model.family})`], ['All model files', model.root ?? 'Not known', true], ['Device', from.device], ['Runtime', from.runtime], ['Platform', from.platform],
        ['Program', `loupe ${from.software.version}`], ['Build', from.software.build, true], ['Prompt', from.promptSha256 ?? 'Not known', true],
        ['Sampling', sampling ? `temperature ${sampling.temperature}, top-p ${sampling.topP}, top-k ${sampling.topK}, at most ${sampling.maxNewTokens} tokens` : 'Not known'], ['Seed', sampling ? String(sampling.seed) : ''],
        ['Written', `${from.tokens} tokens${from.seconds === null ? '' : ` in ${number(from.seconds)} s`}, ended by ${from.end}`],
        ['Journal', journal ? `entry ${journal.answer} of ${journal.log}, record ${journal.record}` : '', true],
      ]),
    },
    ...(same >= 0 ? [paragraph(`The files of the model are those of the answer to question ${same + 1}.`, 'muted')] : []),
    ...(model.files.length > 0 && same < 0
      ? [{ kind: 'table', title: 'Files of the model', columns: [{ title: 'File of the model', share: 25 }, { title: 'Bytes', share: 14, isNumber: true }, { title: 'SHA-256', share: 63, isCode: true }],
        rows: model.files.map(({ name, bytes, sha256 }) => [name, grouped(bytes), sha256]) } as const]
      : []),
    ...(inputs.length > 0
      ? [{ kind: 'table', title: 'What the network received', columns: [{ title: 'Image to the network', share: 26 }, { title: 'Window', share: 22 }, { title: 'Sizes', share: 24 }, { title: 'SHA-256 of the tensor', share: 38, isCode: true }],
        rows: inputs.map(({ place, window, source, shown, resized, tensorSha256 }) => [
          labelOf(report, place), window ?? 'As the file says', [source, shown, resized].map(({ width, height }) => `${width} × ${height}`).filter((size, at, all) => at === 0 || size !== all[at - 1]).join(' → '), tensorSha256,
        ]) } as const]
      : []),
  ];
}

const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, '\u202f');
