/** A copy of a report without who it is about: identifiers mapped, dates moved, names and chosen words replaced, as in images that were de-identified with the same key; and still under the report's signature. */
import { fingerprintOf, type SigningKey } from '#electron/audit/note.ts';
import type { DecidedText, SuspectText } from '#electron/contract/report.ts';
import { openingOf } from '#electron/audit/openings.ts';
import { releaseMessage, signedTree } from '#electron/audit/signed.ts';
import { Fault } from '#models/base/fault.ts';
import { identifyingIn, withoutIdentifying, type KnownIdentifier, type KnownIdentifiers } from '#models/clinical/identifying.ts';
import type { Release, Report } from '#models/clinical/report.ts';
import { confidentiality } from '#models/imaging/dicom/confidentiality.ts';
import { deidentifyOptions, shiftDate, type Mapping } from '#models/imaging/dicom/deidentify.ts';
import { cleanedText } from '#models/imaging/dicom/descriptors.ts';
import type { SourceImage } from './formats/format.ts';

export interface Released {
  readonly report: Report;
  /** Of the copy: no header names the patient. */
  readonly images: readonly SourceImage[];
}

export interface ReleaseOptions {
  readonly mapping: Mapping;
  readonly texts?: readonly DecidedText[];
  /** Vouches for what stands in place of what is withheld; null: nobody does. */
  readonly key?: SigningKey | null;
}

const codes = ['113100', deidentifyOptions['modified-dates'].code, deidentifyOptions['clean-descriptors'].code];

/** Texts to be looked at before the report leaves without the subject. */
export function suspectTexts(whole: Report, images: readonly SourceImage[], mapping: Mapping): SuspectText[] {
  const names = namesOf(whole, images, mapping);
  const known = knownIn(whole, images, names);
  const copy = mapped(whole, names);
  return textsIn(copy).flatMap(({ path, text }) => {
    // The sentence that was composed of the earlier study's date says the moved one already.
    const hits = identifyingIn(text, known).filter(({ found }) => !(path === 'comparison/text' && found === copy.comparison?.date));
    return hits.length === 0 ? [] : [{ path, where: placeOf(path), text, hits: [...hits], proposed: withoutIdentifying(text, hits) }];
  });
}

/** @throws Fault `report.identifying` where a text was not looked at, `report.former` for a signature that binds identifiers and dates as they are */
export function released(whole: Report, images: readonly SourceImage[], { mapping, texts = [], key = null }: ReleaseOptions): Released {
  const { signature } = whole;
  if (signature && signature.secret === undefined) {
    throw new Fault({
      code: 'report.former', what: 'The report does not leave without the subject.', why: 'It was signed before parts of a report could be withheld: its signature binds the UIDs and dates of its images as they are.',
      mend: 'Supersede it and sign the next version, which says the same.',
    });
  }
  const names = namesOf(whole, images, mapping);
  const suspects = suspectTexts(whole, images, mapping);
  const open = suspects.filter(({ path, text }) => !texts.some((one) => one.path === path && one.was === text));
  if (open.length > 0) throw unlooked(open);
  const decided = suspects.map(({ path, text }) => ({ path, text: texts.findLast((one) => one.path === path && one.was === text)?.text ?? text, was: text }));
  const changed = decided.filter(({ text, was }) => text !== was);
  const copy = changed.reduce<Report>((one, { path, text }) => replaced(one, path.split('/'), text) as Report, mapped(whole, names));
  // The prompt's hash tells a question that somebody can guess.
  const questions = copy.questions.map((question, i) => (changed.some(({ path }) => path === `questions/${i}/text`) ? { ...question, provenance: { ...question.provenance, promptSha256: null } } : question));
  const release: Release = {
    codes, mark: mapping.pseudonym(`release ${whole.id} ${whole.version}`), words: changed.length, seal: null,
    study: { uid: names.studyUid === null ? null : mapping.uid(names.studyUid), date: (whole.subject?.studyDate && names.date(whole.subject.studyDate)) || null },
  };
  const unsealed: Report = { ...copy, questions, release };
  const opened: Report = signature?.secret === undefined ? unsealed : { ...unsealed, release: { ...release, opening: openingOf(signedTree(whole, signature), signedTree(unsealed, unsealed.signature ?? signature), Buffer.from(signature.secret, 'hex')) } };
  const seal = key === null || signature === null ? null : { publicKey: Buffer.from(key.publicKey).toString('base64'), fingerprint: fingerprintOf(key.publicKey), value: Buffer.from(key.sign(releaseMessage(opened))).toString('base64') };
  return { report: seal === null ? opened : { ...opened, release: { ...opened.release as Release, seal } }, images: imagesFor(images, names) };
}

const unlooked = (open: readonly SuspectText[]): Fault => new Fault({
  code: 'report.identifying',
  what: 'The report does not leave without the subject yet.',
  why: `${open.length === 1 ? 'A text' : `${open.length} texts`} may name somebody, and nobody has said otherwise: ${open.slice(0, 5).map(({ where, hits }) => `${where}: ${hits.slice(0, 3).map(({ found }) => `“${found}”`).join(', ')}`).join('; ')}.`,
  mend: 'Replace or confirm each of them: in the export dialog, or with --texts.',
});

interface Names {
  readonly mapping: Mapping;
    readonly studyUid: string | null;
  /** Each person under a number of their own. */
  readonly people: ReadonlyMap<string, string>;
  /** Each file's name and label. */
  readonly files: ReadonlyMap<string, { readonly sha256: string; readonly name: string }>;
  readonly keyImages: ReadonlyMap<string, string>;
  /** `YYYYMMDD`, with or without hyphens: earlier by the patient's days; an instant in ISO: by the report's; spelled as it was; where it is none, ''. */
  readonly date: (text: string) => string;
}

function namesOf(report: Report, images: readonly SourceImage[], mapping: Mapping): Names {
  const header = images[0];
  const firstOf = (tag: string): string | undefined => header?.elements[tag]?.split('\\')[0]?.trim() || undefined;
  const studyUid = header?.studyInstanceUid ?? report.subject?.studyUid ?? null;
  // As `deidentify` knows a patient: the ID, else the name, else the study.
  const days = mapping.daysEarlier(firstOf('00100020') ?? firstOf('00100010') ?? (header ? header.studyInstanceUid : report.subject?.patientId || report.subject?.patientName || studyUid || report.subjectCommit));
  const people = new Map<string, string>();
  const person = (name: string | null): void => void (name && !people.has(name) && people.set(name, `Person ${people.size + 1}`));
  person(report.signature?.by.name ?? null);
  person(report.signature?.by.account ?? null);
  for (const { answer, steps } of report.questions) [answer, ...steps].forEach(({ decidedBy }) => person(decidedBy));
  for (const { author } of [...report.boxes, ...report.findings, ...report.measurements, ...report.sections ?? []]) person(author.kind === 'person' ? author.name : null);
  return {
    mapping, studyUid, people,
    files: new Map(report.sources.map(({ sha256, name }, i) => [sha256, { sha256: hashLike(mapping, sha256), name: `image-${i + 1}${/\.[a-z0-9]{1,5}$/i.exec(name)?.[0].toLowerCase() ?? ''}` }])),
    keyImages: new Map(report.keyImages.map(({ id }, i) => [id, `k-${i + 1}`])),
    // What was done here is moved by days of its own: who guesses when a copy was signed learns nothing of when the patient was examined.
    date: (text) => movedDate(text, /^\d{4}-\d\d-\d\dT/.test(text) ? mapping.daysEarlier(`acts ${report.id}`) : days),
  };
}

/** 64 hexadecimal digits in place of a file's hash. */
function hashLike(mapping: Mapping, sha256: string): string {
  const digits = (text: string): string => BigInt(mapping.uid(text).slice('2.25.'.length)).toString(16).padStart(32, '0');
  return `${digits(`file ${sha256}`)}${digits(`file again ${sha256}`)}`;
}

function movedDate(text: string, days: number): string {
  const instant = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(instant)) return new Date(instant - days * 86_400_000).toISOString();
  const moved = shiftDate(text, days);
  if (moved === null || moved === '') return '';
  return text.includes('-') ? `${moved.slice(0, 4)}-${moved.slice(4, 6)}-${moved.slice(6, 8)}` : moved;
}

/** All that a rule can replace. */
function mapped(report: Report, { mapping, people, files, keyImages, date }: Names): Report {
  const { study, comparison, signature, supersedes } = report;
  const fileOf = (sha256: string): string => files.get(sha256)?.sha256 ?? hashLike(mapping, sha256);
  const at = <P extends { readonly source: string }>(place: P): P => ({ ...place, source: fileOf(place.source) });
  const person = (name: string): string => (name === '' ? '' : people.get(name) ?? 'Person');
  const author = <A extends { readonly kind: 'model' | 'person'; readonly name: string }>(who: A): A => (who.kind === 'person' ? { ...who, name: person(who.name) } : who);
  const uid = (text: string | null): string | null => text && mapping.uid(text);
  const when = (text: string | null): string | null => text && date(text);
  const decided = <D extends { readonly decidedBy: string | null; readonly decidedAt: string | null }>(one: D): D => ({ ...one, decidedBy: one.decidedBy && person(one.decidedBy), decidedAt: when(one.decidedAt) });
  /** Labels name files where there is no better name. */
  const unfiled = (text: string): string => report.sources.reduce((one, { sha256, name }) => (name.length > 2 ? one.replaceAll(name, files.get(sha256)?.name ?? '') : one), text);
  const described = (text: string): string => (text === '' ? '' : cleanedText(text) || 'Study');
  /** What was composed of a description says so of the cleaned one. */
  const redescribed = (text: string, description: string): string => (description === '' ? text : text.replaceAll(description, described(description)));
  return {
    ...report, subject: null, subjectSalt: null, createdAt: date(report.createdAt), updatedAt: date(report.updatedAt), supersedes: supersedes && { ...supersedes, signedAt: date(supersedes.signedAt) },
    title: unfiled(redescribed(report.title, study.description)), study: { ...study, id: mapping.pseudonym(study.id), description: described(study.description) },
    sources: report.sources.map((source) => ({
      ...source, sha256: fileOf(source.sha256), name: files.get(source.sha256)?.name ?? '', label: unfiled(source.label), sopInstanceUid: uid(source.sopInstanceUid), seriesInstanceUid: uid(source.seriesInstanceUid),
    })),
    questions: report.questions.map((question) => ({
      ...question, askedAt: date(question.askedAt), scope: question.scope.map((one) => ({ ...one, place: at(one.place), name: unfiled(one.name) })), answer: decided(question.answer), steps: question.steps.map(decided),
      provenance: { ...question.provenance, inputs: question.provenance.inputs.map((input) => ({ ...input, place: at(input.place) })) },
    })),
    boxes: report.boxes.map((box) => ({ ...box, place: at(box.place), author: author(box.author) })),
    // Their ids are made of their labels.
    findings: report.findings.map((finding, i) => ({ ...finding, id: `f-${i + 1}`, author: author(finding.author) })),
    measurements: report.measurements.map((measurement) => ({ ...measurement, place: at(measurement.place), author: author(measurement.author), at: date(measurement.at) })),
    keyImages: report.keyImages.map((image) => ({ ...image, id: keyImages.get(image.id) ?? image.id, place: at(image.place), caption: unfiled(image.caption) })),
    comparison: comparison && {
      ...comparison, studyId: mapping.pseudonym(comparison.studyId), studyUid: uid(comparison.studyUid), date: when(comparison.date), description: described(comparison.description),
      text: redescribed(comparison.date ? comparison.text.replaceAll(comparison.date, date(comparison.date)) : comparison.text, comparison.description),
    },
    ...(report.sections ? { sections: report.sections.map((section) => ({ ...section, author: author(section.author), rows: section.rows.map((row) => ({ ...row, name: unfiled(row.name), value: unfiled(row.value) })) })) } : {}),
    signature: signature && withoutSecret({ ...signature, by: { ...signature.by, name: person(signature.by.name), account: person(signature.by.account) }, at: date(signature.at) }),
  };
}

const withoutSecret = ({ secret: _secret, ...signature }: NonNullable<Report['signature']>): NonNullable<Report['signature']> => signature;

/** Elements of the headers that name persons, numbers and places (PS3.6), and what they name. */
const naming: readonly (readonly [tag: string, kind: KnownIdentifier['kind'], replacement: string])[] = [
  ['00100010', 'patient', 'the patient'], ['00100020', 'number', '[ID]'], ['00101001', 'patient', 'the patient'], ['00080050', 'number', '[number]'], ['00200010', 'number', '[number]'], ['00080090', 'person', '[name]'], ['00081050', 'person', '[name]'],
  ['00081070', 'person', '[name]'], ['00080080', 'place', '[place]'], ['00081010', 'place', '[place]'], ['00181000', 'number', '[number]'],
];

function knownIn(report: Report, images: readonly SourceImage[], { mapping, people, date }: Names): KnownIdentifiers {
  const { subject, sources } = report;
  const one = (kind: KnownIdentifier['kind'], text: string | null | undefined, replacement: string): readonly KnownIdentifier[] => (text && /\S/.test(text) ? [{ kind, text, replacement }] : []);
  const headers = [...new Set(images.flatMap(({ elements }) => naming.flatMap(([tag, kind, replacement]) => (elements[tag]?.split('\\') ?? []).map((value) => JSON.stringify([kind, value, replacement])))))]
    .map((text) => JSON.parse(text) as [KnownIdentifier['kind'], string, string]);
  const uids = new Set([subject?.studyUid, ...images.flatMap((image) => [image.studyInstanceUid, image.seriesInstanceUid, image.sopInstanceUid]), ...sources.flatMap(({ seriesInstanceUid, sopInstanceUid }) => [seriesInstanceUid, sopInstanceUid])]);
  return {
    birthDate: subject?.birthDate ?? images[0]?.elements['00100030'] ?? null,
    moved: (day) => spelled(date(day)), uid: mapping.uid,
    identifiers: [
      ...one('patient', subject?.patientName, 'the patient'), ...one('number', subject?.patientId, '[ID]'), ...one('number', subject?.accession, '[number]'), ...headers.flatMap(([kind, text, replacement]) => one(kind, text, replacement)),
      ...[...people].flatMap(([name, number]) => one('person', name, number)), ...sources.flatMap(({ name }) => one('file', tellingName(name), '[file]')),
      ...[...uids].flatMap((uid) => (uid ? one('uid', uid, mapping.uid(uid)) : [])),
    ],
  };
}

/** A file's name where it may tell whose it is; `film` or `slice` does not. */
function tellingName(name: string): string | null {
  const stem = name.replace(/\.[a-z0-9]{1,5}$/i, '');
  return stem.length >= 6 && cleanedText(stem) === '' ? stem : null;
}

const spelled = (day: string): string | null => (/^\d{8}$/.test(day) ? `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}` : null);

/** Members that hold no words: identifiers, hashes, instants and codes, each dealt with by `mapped` or of the program's own making. */
const wordless = new Set([
  'format', 'id', 'status', 'language', 'createdAt', 'updatedAt', 'banner', 'supersedes', 'modality', 'modalities', 'kind', 'subjectCommit', 'sha256', 'source', 'sopClassUid', 'sopInstanceUid', 'seriesInstanceUid', 'askedAt', 'verdict', 'decidedBy',
  'decidedAt', 'box', 'provenance', 'code', 'site', 'laterality', 'author', 'tracking', 'place', 'overlays', 'quantity', 'unit', 'studyId', 'studyUid', 'date', 'software', 'journal', 'release', 'at', 'method', 'content', 'publicKey', 'fingerprint',
  'account', 'meaning', 'says', 'shape', 'tone', 'selection',
]);

/** Every text that a model or a person wrote, or that came with the files. */
function textsIn(value: unknown, path = ''): readonly { readonly path: string; readonly text: string }[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const isIds = name === 'boxes' && Array.isArray(item) && item.every((id) => typeof id === 'string');
    // Descriptions were cleaned word by word.
    const isWordless = isIds || (name === 'description' && (path === 'study' || path === 'comparison')) || wordless.has(name) || (path === 'signature' && name !== 'by') || (path === 'signature/by' && name !== 'role');
    return isWordless ? [] : textsIn(item, path === '' ? name : `${path}/${name}`);
  });
}

function replaced(value: unknown, [name, ...rest]: readonly string[], text: string): unknown {
  if (name === undefined) return text;
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === name ? replaced(item, rest, text) : item));
  return { ...value as object, [name]: replaced((value as Readonly<Record<string, unknown>>)[name], rest, text) };
}

/** Where a person finds a text of the report. */
function placeOf(path: string): string {
  const [first = '', at = '', part = '', step = '', of = ''] = path.split('/');
  const number = Number(at) + 1;
  switch (first) {
    case 'questions': return `Question ${number}${part === 'steps' ? `, step ${Number(step) + 1}` : part === 'answer' ? ', answer' : part === 'scope' ? ', images' : part === 'flags' ? ', remarks' : ''}${of === 'original' || step === 'original' ? ' (the model\'s words)' : of === 'reason' || step === 'reason' ? ' (why)' : ''}`;
    case 'findings': return `Finding ${number}`;
    case 'boxes': return `Region R${number}`;
    case 'measurements': return `Measurement M${number}`;
    case 'keyImages': return `Key image ${number}, caption`;
    case 'sources': return `Image ${number}`;
    case 'limitations': return `Limitation ${number}`;
    case 'sections': return `Section ${number}`;
    case 'signature': return 'Role of who signed';
    case 'study': return 'Description of the study';
    default: return `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`;
  }
}

/** Headers without what names anybody: what the profile's table does not list, and identifiers under their other names. */
function imagesFor(images: readonly SourceImage[], { mapping, files }: Names): readonly SourceImage[] {
  return images.map((image): SourceImage => ({
    ...image, sha256: files.get(image.sha256)?.sha256 ?? hashLike(mapping, image.sha256), sopInstanceUid: mapping.uid(image.sopInstanceUid), seriesInstanceUid: mapping.uid(image.seriesInstanceUid), studyInstanceUid: mapping.uid(image.studyInstanceUid),
    frameOfReferenceUid: image.frameOfReferenceUid === null ? null : mapping.uid(image.frameOfReferenceUid),
    elements: Object.fromEntries(Object.entries(image.elements).filter(([tag]) => !confidentiality.has(`x${tag}`) && !/^0012/.test(tag))),
  }));
}
