/**
 * The report as a DICOM structured report: Comprehensive SR after TID 1500, a measurement group for each region (TID 1410) and each line that was measured (TID 1501),
 * the regions as SCOORD in the pixels of the images they lie on.
 */
import { findCode } from '#models/clinical/codes.ts';
import type { Box } from '#models/clinical/finding.ts';
import { modelMark, type ImagePlace, type Measurement, type Report, type ReportBox, type ReportFinding } from '#models/clinical/report.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { allCodes, asCoded, coded, derivationCodes, hounsfield, procedureOf, quantityCodes, unitCodes, type Coded } from './dicomCodes.ts';
import { codeSequence, commonElements, evidenceSequence, imageAt, isSigned, personName, reference, said, sequence, seriesPurpose, studyUidOf, timesOf } from './dicomParts.ts';
import { readReportRegions, readTexts } from './dicomRead.ts';
import { fileName, trackingUidOf, uidOf, type ReportFile, type ReportFormat, type ReportPictures } from './format.ts';

export const srClassUid = '1.2.840.10008.5.1.4.1.1.88.33';

export const sr: ReportFormat = {
  name: 'sr',
  extension: 'dcm',
  mediaType: 'application/dicom',

  unsuitable: (report, pictures) => {
    if (pictures.images.length === 0) return 'The study is no DICOM, so a structured report could cite none of its images.';
    const lost = placesOf(report).filter((place) => imageAt(pictures, place) === undefined);
    return lost.length > 0 ? `${lost.length} of its regions and pictures lie on files that are no DICOM, and could not be cited.` : null;
  },

  write: (report, pictures) => Promise.resolve([{ name: fileName(report, 'dcm', 'sr'), bytes: writeDicom(document(report, pictures)) }]),

  readBack: (files, report, pictures) => Promise.resolve(flaws(files, report, pictures)),
};

/** The regions that stand in the report. */
export const standing = ({ boxes }: Pick<Report, 'boxes'>): readonly ReportBox[] => boxes.filter(({ isRemoved }) => !isRemoved);

const placesOf = (report: Report): readonly ImagePlace[] => [...standing(report), ...report.measurements, ...report.keyImages].map(({ place }) => place);

function document(report: Report, pictures: ReportPictures): NewElement[] {
  const isFinal = isSigned(report);
  const { signature, supersedes } = report;
  const written = timesOf(signature?.at ?? report.updatedAt, pictures.images);
  const studyUid = studyUidOf(report, pictures);
  return [
    ...commonElements(report, pictures, { sopClassUid: srClassUid, purpose: 'sr', modality: 'SR', seriesNumber: 1, instanceNumber: report.version }),
    sequence('x00081111'),
    said('x00080023', 'DA', written.date),
    said('x00080033', 'TM', written.time),
    ...(supersedes === null ? [] : [evidenceSequence('x0040a360', studyUid, [predecessor(report, supersedes.version)])]),
    evidenceSequence('x0040a375', studyUid, pictures.images),
    sequence('x0040a372'),
    said('x0040a491', 'CS', isFinal ? 'COMPLETE' : 'PARTIAL'),
    said('x0040a493', 'CS', isFinal ? 'VERIFIED' : 'UNVERIFIED'),
    said('x0040a496', 'CS', isFinal ? 'FINAL' : 'PRELIMINARY'),
    ...(isFinal && signature ? [sequence('x0040a073', [
      said('x0040a027', 'LO', (report.subject && pictures.images[0]?.elements['00080080']) || 'not stated'),
      said('x0040a030', 'DT', timesOf(signature.at, pictures.images).dateTime),
      said('x0040a075', 'PN', personName(signature.by.name)),
      sequence('x0040a088'),
    ])] : []),
    ...rootElements(report, pictures),
  ];
}

function predecessor(report: Report, version: number): { sopClassUid: string; sopInstanceUid: string; seriesInstanceUid: string } {
  const earlier = { id: report.id, version };
  return { sopClassUid: srClassUid, sopInstanceUid: uidOf(earlier, 'sr'), seriesInstanceUid: uidOf(earlier, seriesPurpose('sr')) };
}

type Relation = 'CONTAINS' | 'HAS OBS CONTEXT' | 'HAS CONCEPT MOD' | 'HAS PROPERTIES' | 'INFERRED FROM' | 'SELECTED FROM';

/** A content item; its children come after its own elements. */
interface Item {
  readonly relation: Relation;
  readonly elements: readonly NewElement[];
  readonly children: readonly Item[];
}

const item = (relation: Relation, type: string, concept: Coded | null, elements: readonly NewElement[], children: readonly Item[] = []): Item =>
  ({ relation, elements: [said('x0040a040', 'CS', type), ...(concept ? [codeSequence('x0040a043', concept)] : []), ...elements], children });

const text = (relation: Relation, concept: Coded, words: string, children: readonly Item[] = []): Item[] =>
  words.trim() === '' ? [] : [item(relation, 'TEXT', concept, [said('x0040a160', 'UT', words)], children)];
const code = (relation: Relation, concept: Coded, value: Coded, children: readonly Item[] = []): Item => item(relation, 'CODE', concept, [codeSequence('x0040a168', value)], children);
const uidReference = (relation: Relation, concept: Coded, uid: string): Item => item(relation, 'UIDREF', concept, [said('x0040a124', 'UI', uid)]);
const template = (identifier: string): NewElement =>
  sequence('x0040a504', [said('x00080105', 'CS', 'DCMR'), said('x00080118', 'UI', '1.2.840.10008.8.1.1'), said('x0040db00', 'CS', identifier)]);
const container = (relation: Relation, concept: Coded, children: readonly Item[], id?: string): Item[] =>
  (children.length === 0 ? [] : [item(relation, 'CONTAINER', concept, [said('x0040a050', 'CS', 'SEPARATE'), ...(id ? [template(id)] : [])], children)]);

function encoded({ relation, elements, children }: Item): NewElement[] {
  return [said('x0040a010', 'CS', relation), ...elements, ...(children.length > 0 ? [sequence('x0040a730', ...children.map(encoded))] : [])];
}

function rootElements(report: Report, pictures: ReportPictures): NewElement[] {
  const content: Item[] = [
    code('HAS CONCEPT MOD', coded.language, coded.english),
    ...observers(report),
    code('HAS CONCEPT MOD', coded.procedureReported, procedureOf(pictures.images[0]?.modality ?? '')),
    ...text('CONTAINS', coded.comment, statement(report)),
    ...container('CONTAINS', coded.imageLibrary, container('CONTAINS', coded.imageLibraryGroup, pictures.images.map((image) => imageItem('CONTAINS', image, image.frames > 1 ? image.frame : undefined))), '1600'),
    ...container('CONTAINS', coded.findings, narrative(report)),
    ...container('CONTAINS', coded.impressions, [...text('CONTAINS', coded.impression, report.impression), ...report.limitations.flatMap((words) => text('CONTAINS', coded.comment, `Limitation: ${words}`))]),
    ...container('CONTAINS', coded.imagingMeasurements, [
      ...standing(report).flatMap((box) => regionGroup(report, box, pictures)),
      ...report.measurements.flatMap((measurement) => measurementGroup(report, measurement, pictures)),
    ]),
  ];
  return [
    said('x0040a040', 'CS', 'CONTAINER'), codeSequence('x0040a043', coded.imagingMeasurementReport), said('x0040a050', 'CS', 'SEPARATE'), template('1500'),
    sequence('x0040a730', ...content.map(encoded)),
  ];
}

function observers({ signature, software }: Report): Item[] {
  const device = uidOf({ id: 'loupe', version: 1 }, `device ${software.build}`);
  return [
    ...(signature ? [
      code('HAS OBS CONTEXT', coded.observerType, coded.person),
      item('HAS OBS CONTEXT', 'PNAME', coded.personName, [said('x0040a123', 'PN', personName(signature.by.name))]),
    ] : []),
    code('HAS OBS CONTEXT', coded.observerType, coded.device),
    uidReference('HAS OBS CONTEXT', coded.deviceUid, device),
    ...text('HAS OBS CONTEXT', coded.deviceName, 'Loupe'),
    ...text('HAS OBS CONTEXT', coded.deviceManufacturer, 'Loupe'),
    ...text('HAS OBS CONTEXT', coded.deviceModel, `Loupe ${software.version}`),
  ];
}

/** What stands on every page of the other formats, and what ties this file to the signed content. */
const statement = ({ banner, id, version, status, signature, supersedes }: Report): string => [
  banner, `Report ${id}, version ${version}, ${status}.`, ...(signature ? [`Signed content SHA-256 ${signature.content}, key ${signature.fingerprint}.`] : []),
  ...(supersedes ? [`Supersedes version ${supersedes.version}, content SHA-256 ${supersedes.content}.`] : []),
].join('\n');

/** Questions, reasoning with what was decided about it, answers, and the findings in words. */
function narrative(report: Report): Item[] {
  const names = (ids: readonly string[]): string => {
    const cited = standing(report).filter(({ id }) => ids.includes(id));
    return cited.length === 0 ? '' : ` [${cited.map(({ tracking }) => tracking).join(', ')}]`;
  };
  return [
    ...report.questions.flatMap(({ text: question, steps, answer }) => [
      ...text('CONTAINS', coded.comment, `Question: ${question}`),
      // What was rejected is told, and is no finding.
      ...steps.flatMap((step) => text('CONTAINS', step.verdict === 'rejected' ? coded.comment : coded.finding, `${step.text}${names(step.boxes)} (${decided(step)})`)),
      ...text('CONTAINS', answer.verdict === 'rejected' ? coded.comment : coded.conclusion, `${answer.text} (${decided(answer)})`),
    ]),
    ...report.findings.flatMap(({ label, text: words, boxes, author }) =>
      text('CONTAINS', coded.finding, `${label}${words === '' || words === label ? '' : `: ${words}`}${names(boxes)} (${author.kind === 'model' ? `by ${author.name}` : `by ${author.name || 'a person'}`})`)),
    ...(report.comparison ? text('CONTAINS', coded.comment, `Comparison: ${report.comparison.text}`) : []),
  ];
}

interface Decided {
  readonly verdict: string;
  readonly reason: string;
  readonly original: string | null;
  readonly text: string;
}

function decided({ verdict, reason, original, text: now }: Decided): string {
  return [...(original === null ? [] : [modelMark]), verdict, ...(reason === '' ? [] : [`because ${reason}`]), ...(original !== null && original !== now ? [`the model wrote: ${original}`] : [])].join('; ');
}

const imageItem = (relation: Relation, image: Parameters<typeof reference>[0], frame?: number): Item => item(relation, 'IMAGE', null, [sequence('x00081199', reference(image, frame))]);

/** A group for one rectangle, after TID 1410. */
function regionGroup(report: Report, box: ReportBox, pictures: ReportPictures): Item[] {
  const finding = report.findings.find(({ boxes }) => boxes.includes(box.id));
  const { x1, y1, x2, y2 } = box.box;
  return container('CONTAINS', coded.measurementGroup, [
    ...tracking(report, box),
    ...text('CONTAINS', coded.finding, box.label),
    ...codesOf(finding),
    ...(box.author.kind === 'model' ? algorithm(report, box) : []),
    spatial('CONTAINS', coded.imageRegion, 'POLYLINE', [{ x: x1, y: y1 }, { x: x2, y: y1 }, { x: x2, y: y2 }, { x: x1, y: y2 }, { x: x1, y: y1 }], box.place, report, pictures),
    ...(box.original ? text('CONTAINS', coded.comment, `Moved by a person; the model's own rectangle was ${sides(box.original)}.`) : []),
  ], '1410');
}

const sides = ({ x1, y1, x2, y2 }: Box): string => [x1, y1, x2, y2].map((side) => Number(side.toFixed(2))).join(', ');

const tracking = (report: Report, region: Pick<ReportBox, 'tracking'>): Item[] => [
  ...text('HAS OBS CONTEXT', coded.trackingIdentifier, region.tracking),
  uidReference('HAS OBS CONTEXT', coded.trackingUid, trackingUidOf(report, region)),
];

/** Only codes of the table of findings, whatever the report holds. */
export const trusted = (found: ReportFinding['code'] | undefined): Coded | null => {
  const known = found ? findCode(found) : undefined;
  return known ? asCoded(known) : null;
};

function codesOf(finding: ReportFinding | undefined): Item[] {
  const [what, site, side] = [trusted(finding?.code), trusted(finding?.site), trusted(finding?.laterality)];
  return [
    ...(what ? [code('CONTAINS', coded.finding, what)] : []),
    ...(site ? [code('HAS CONCEPT MOD', coded.findingSite, site, side ? [code('HAS CONCEPT MOD', coded.laterality, side)] : [])] : []),
  ];
}

/** Which model, by its hashes, after TID 4019. */
function algorithm(report: Report, box: ReportBox): Item[] {
  const question = report.questions.find(({ steps }) => steps.some(({ boxes }) => boxes.includes(box.id)));
  const parameters = question ? [
    ...(question.provenance.model.root ? [`model_sha256=${question.provenance.model.root}`] : []),
    ...(question.provenance.promptSha256 ? [`prompt_sha256=${question.provenance.promptSha256}`] : []),
    ...(question.provenance.sampling ? [`seed=${question.provenance.sampling.seed}`] : []),
    ...question.provenance.inputs.map(({ tensorSha256 }) => `tensor_sha256=${tensorSha256}`),
  ] : [];
  return [
    ...text('HAS CONCEPT MOD', coded.algorithmName, question?.provenance.model.name || box.author.name || 'not stated'),
    ...text('HAS CONCEPT MOD', coded.algorithmVersion, question?.provenance.software.version || report.software.version || 'not stated'),
    ...parameters.flatMap((parameter) => text('HAS CONCEPT MOD', coded.algorithmParameters, parameter)),
    code('HAS CONCEPT MOD', coded.algorithmFamily, coded.artificialIntelligence),
  ];
}

type Graphic = 'POINT' | 'POLYLINE' | 'ELLIPSE';
interface Place {
  readonly x: number;
  readonly y: number;
}

/** Coordinates count from the outer corner of the first pixel (PS3.3 C.18.6.1.2), as everywhere here; those of slides in the whole pixel matrix. */
function spatial(relation: Relation, concept: Coded, graphic: Graphic, points: readonly Place[], place: ImagePlace, report: Report, pictures: ReportPictures): Item {
  const source = report.sources.find(({ sha256 }) => sha256 === place.source);
  const image = imageAt(pictures, place);
  const isSlide = source?.kind === 'slide';
  const [width, height] = [source?.columns ?? image?.columns ?? Infinity, source?.rows ?? image?.rows ?? Infinity];
  // An explicit element of this representation holds 65,534 bytes: longer outlines are thinned evenly.
  const step = Math.ceil(points.length / 8000);
  const data = points.filter((_, i) => i % step === 0 || i === points.length - 1).flatMap(({ x, y }) => [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)]);
  return item(relation, 'SCOORD', concept, [
    { tag: 'x00700022', vr: 'FL', value: data }, said('x00700023', 'CS', graphic), ...(isSlide ? [said('x00480301', 'CS', 'VOLUME')] : []),
  ], image ? [imageItem('SELECTED FROM', image, image.frames > 1 && !isSlide ? place.frame : undefined)] : []);
}

/** The shapes of what a person drew; of two lines the one that a number belongs to. */
function shapesOf({ kind, points }: Pick<Measurement, 'kind' | 'points'>): readonly { readonly graphic: Graphic; readonly points: readonly Place[] }[] {
  const [a, b] = points;
  if (!a) return [];
  if (kind === 'probe' || !b) return [{ graphic: 'POINT', points: [a] }];
  if (kind === 'rectangle') return [{ graphic: 'POLYLINE', points: [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }, a] }];
  if (kind === 'ellipse') return [{ graphic: 'ELLIPSE', points: axes(a, b) }];
  if (kind === 'freehand') return [{ graphic: 'POLYLINE', points: [...points, a] }];
  if (kind === 'bidirectional' || kind === 'cobb') return [{ graphic: 'POLYLINE', points: points.slice(0, 2) }, { graphic: 'POLYLINE', points: points.slice(2, 4) }].filter((line) => line.points.length === 2) as { graphic: 'POLYLINE'; points: Place[] }[];
  return [{ graphic: 'POLYLINE', points }];
}

/** The ends of the long axis, then of the short one, of the ellipse within two corners. */
function axes(a: Place, b: Place): readonly Place[] {
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  const across = [{ x: Math.min(a.x, b.x), y }, { x: Math.max(a.x, b.x), y }];
  const down = [{ x, y: Math.min(a.y, b.y) }, { x, y: Math.max(a.y, b.y) }];
  return Math.abs(b.x - a.x) >= Math.abs(b.y - a.y) ? [...across, ...down] : [...down, ...across];
}

const areas: readonly Measurement['kind'][] = ['rectangle', 'ellipse', 'freehand'];

/** A region with its numbers after TID 1410, or numbers that each follow from a line after TID 1501. */
function measurementGroup(report: Report, measurement: Measurement, pictures: ReportPictures): Item[] {
  const { kind, label, values, spacing, place } = measurement;
  const shapes = shapesOf(measurement);
  const draw = (relation: Relation, concept: Coded, index: number): Item[] => {
    const shape = shapes[index] ?? shapes[0];
    return shape ? [spatial(relation, concept, shape.graphic, shape.points, place, report, pictures)] : [];
  };
  const isArea = areas.includes(kind);
  const numbers = values.flatMap((value) => {
    const sources = isArea ? [] : kind === 'cobb' ? [0, 1] : [value.quantity === 'shortAxis' ? 1 : 0];
    return numberItem(value, sources.flatMap((index) => draw('INFERRED FROM', coded.sourceOfMeasurement, index)));
  });
  const isDrawn = isArea || !numbers.some(({ children }) => children.some(({ relation }) => relation === 'INFERRED FROM'));
  return container('CONTAINS', coded.measurementGroup, [
    ...tracking(report, measurement),
    ...text('CONTAINS', coded.finding, label),
    ...(isDrawn ? draw('CONTAINS', coded.imageRegion, 0) : []),
    ...numbers,
    ...text('CONTAINS', coded.comment, [spacing.text, spacing.caution].filter((words) => words !== '').join('; ')),
  ], isArea ? '1410' : '1501');
}

function numberItem({ quantity, value, unit }: Measurement['values'][number], sources: readonly Item[]): Item[] {
  const concept = quantityCodes[quantity] ?? (unit === hounsfield && quantity !== 'count' ? coded.attenuation : null);
  const unitCode = unitCodes[unit];
  // What has no code is said in words rather than under a wrong one.
  if (!concept || !unitCode || !Number.isFinite(value)) return text('CONTAINS', coded.comment, `${quantity}: ${value} ${unit}`);
  const derivation = derivationCodes[quantity];
  const measured = sequence('x0040a300', [codeSequence('x004008ea', unitCode), { tag: 'x0040a30a', vr: 'DS', value }]);
  return [item('CONTAINS', 'NUM', concept, [measured], [...(derivation ? [code('HAS CONCEPT MOD', coded.derivation, derivation)] : []), ...sources])];
}

/** What the file does not say as the report does. */
function flaws(files: readonly ReportFile[], report: Report, pictures: ReportPictures): string[] {
  const [file] = files;
  if (!file || files.length !== 1) return [`There are ${files.length} files instead of one.`];
  const { dataSet, notes } = readDicom(file.bytes);
  const found: string[] = notes.map(({ what, why }) => `${what} ${why}`);
  const expect = (what: string, is: string | undefined, should: string): void => {
    if ((is ?? '') !== should) found.push(`${what} is '${is ?? ''}' instead of '${should}'.`);
  };
  expect('The completion flag', firstText(dataSet, 'x0040a491'), isSigned(report) ? 'COMPLETE' : 'PARTIAL');
  expect('The verification flag', firstText(dataSet, 'x0040a493'), isSigned(report) ? 'VERIFIED' : 'UNVERIFIED');
  expect('The instance', firstText(dataSet, 'x00080018'), uidOf(report, 'sr'));
  if (report.subject === null && (firstText(dataSet, 'x00100010') ?? firstText(dataSet, 'x00100020'))) found.push('It names the patient, who was to be left out.');
  const { regions } = readReportRegions(file.bytes);
  for (const box of standing(report)) {
    const image = imageAt(pictures, box.place);
    const uid = trackingUidOf(report, box);
    const region = regions.find((one) => one.trackingUid === uid);
    const source = report.sources.find(({ sha256 }) => sha256 === box.place.source);
    const wanted = [box.box.x1, box.box.y1, box.box.x2, box.box.y2].map((side, i) => Math.fround(Math.min(Math.max(side, 0), (i % 2 === 0 ? source?.columns : source?.rows) ?? Infinity)));
    const is = region ? [region.box.x1, region.box.y1, region.box.x2, region.box.y2] : [];
    if (wanted.some((side, i) => side !== is[i]) || region?.source.sopInstanceUid !== image?.sopInstanceUid) found.push(`Region ${box.tracking} is not where it was.`);
  }
  const words = new Set(readTexts(file.bytes));
  const missing = [report.impression, report.banner].filter((sentence) => sentence.trim() !== '' && ![...words].some((spoken) => spoken.includes(sentence.trim())));
  found.push(...missing.map((sentence) => `It does not say: ${sentence.slice(0, 80)}`));
  return found;
}

/** Whether a code stands in one of the two tables. */
export const isKnownCode = (found: { readonly scheme: string; readonly value: string; readonly meaning: string }): boolean =>
  findCode(found) !== undefined || allCodes.some(({ scheme, value, meaning }) => scheme === found.scheme && value === found.value && meaning === found.meaning);
