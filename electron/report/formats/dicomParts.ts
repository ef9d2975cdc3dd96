/** What the report's DICOM files have in common: patient, study, equipment, references, all from the report and the headers of the files that it speaks of. */
import { isByModel, type ImagePlace, type Release, type Report } from '#models/clinical/report.ts';
import { deidentifyOptions } from '#models/imaging/dicom/deidentify.ts';
import type { Tag } from '#models/imaging/dicom/elements.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import type { Coded } from './dicomCodes.ts';
import { uidOf, type ReportPictures, type SourceImage } from './format.ts';

type TextVr = 'AE' | 'AS' | 'CS' | 'DA' | 'DT' | 'LO' | 'LT' | 'PN' | 'SH' | 'ST' | 'TM' | 'UC' | 'UI' | 'UT';
const most: Partial<Record<TextVr, number>> = { AE: 16, CS: 16, LO: 64, LT: 10240, PN: 64, SH: 16, ST: 1024 };
const paragraphs: readonly TextVr[] = ['LT', 'ST', 'UT'];

/** One value as its representation allows it: no backslash where it would part values, no control characters, not longer than may be. */
export function said(tag: Tag, vr: TextVr, value: string): NewElement {
  const printable = paragraphs.includes(vr)
    ? value.replace(/[^\P{Cc}\n\r\t\f]/gu, ' ')
    : value.replace(/\p{Cc}/gu, ' ').replace(/\\/g, '/');
  const limit = most[vr];
  return { tag, vr, value: limit === undefined ? printable : [...printable].slice(0, limit).join('') };
}

export const sequence = (tag: Tag, ...items: readonly (readonly NewElement[])[]): NewElement => ({ tag, vr: 'SQ', value: items });

/** A code as the one item of a sequence. */
export const codeSequence = (tag: Tag, { value, scheme, meaning }: Coded): NewElement =>
  sequence(tag, [said('x00080100', 'SH', value), said('x00080102', 'SH', scheme), said('x00080104', 'LO', meaning)]);

/** Class and instance of something that is referred to; the frame counts from 1 in the file and from 0 here. */
export const reference = (image: Pick<SourceImage, 'sopClassUid' | 'sopInstanceUid'>, frame?: number): NewElement[] => [
  said('x00081150', 'UI', image.sopClassUid),
  said('x00081155', 'UI', image.sopInstanceUid),
  ...(frame === undefined ? [] : [{ tag: 'x00081160', vr: 'IS', value: frame + 1 } as const]),
];

/** The header of the file that a place lies on. */
export const imageAt = ({ images }: Pick<ReportPictures, 'images'>, { source, frame }: ImagePlace): SourceImage | undefined =>
  images.find((image) => image.sha256 === source && image.frame === frame) ?? images.find((image) => image.sha256 === source);

/** An instant of the report in DICOM's spelling, in the time zone of the study where its files state one, else in UTC. */
export function timesOf(instant: string, images: readonly SourceImage[]): { readonly date: string; readonly time: string; readonly dateTime: string; readonly zone: string } {
  const stated = /^([+-])(\d\d)(\d\d)$/.exec(images[0]?.elements['00080201'] ?? '');
  const minutes = stated ? (stated[1] === '-' ? -1 : 1) * (Number(stated[2]) * 60 + Number(stated[3])) : 0;
  const at = Date.parse(instant);
  const local = new Date((Number.isFinite(at) ? at : 0) + minutes * 60_000).toISOString();
  const date = local.slice(0, 10).replaceAll('-', '');
  const time = local.slice(11, 19).replaceAll(':', '');
  const zone = stated ? stated[0] : '+0000';
  return { date, time, dateTime: `${date}${time}${zone}`, zone };
}

export interface Kind {
  readonly sopClassUid: string;
  /** What its UIDs follow from: `sr`, `seg 1`. */
  readonly purpose: string;
  readonly modality: string;
  /** Of the series in this report. */
  readonly seriesNumber: number;
  readonly instanceNumber: number;
}

/** One series for all files of a kind. */
export const seriesPurpose = (purpose: string): string => `${purpose.split(' ')[0] ?? purpose} series`;

export const studyUidOf = (report: Report, { images }: Pick<ReportPictures, 'images'>): string => images[0]?.studyInstanceUid ?? report.subject?.studyUid ?? report.release?.study.uid ?? uidOf(report, 'study');

/** The modules of every object: SOP Common, Patient, General Study, Series, Equipment. Without a subject nothing names the patient. */
export function commonElements(report: Report, pictures: ReportPictures, { sopClassUid, purpose, modality, seriesNumber, instanceNumber }: Kind): NewElement[] {
  const { subject } = report;
  const header = pictures.images[0]?.elements ?? {};
  const from = (tag: string): string => (subject === null ? '' : header[tag]?.split('\\')[0] ?? '');
  const written = timesOf(report.signature?.at ?? report.updatedAt, pictures.images);
  return [
    said('x00080012', 'DA', written.date),
    said('x00080013', 'TM', written.time),
    said('x00080016', 'UI', sopClassUid),
    said('x00080018', 'UI', uidOf(report, purpose)),
    said('x00080201', 'SH', written.zone),
    said('x00080020', 'DA', day(subject?.studyDate ?? report.release?.study.date ?? '') || from('00080020')),
    said('x00080030', 'TM', from('00080030')),
    said('x00080050', 'SH', subject?.accession ?? ''),
    said('x00080060', 'CS', modality),
    said('x00080070', 'LO', 'Loupe'),
    said('x00080090', 'PN', from('00080090')),
    ...(from('00081030') === '' ? [] : [said('x00081030', 'LO', from('00081030'))]),
    said('x0008103e', 'LO', `Report ${report.id} v${report.version}`),
    said('x00081090', 'LO', 'Loupe'),
    said('x00100010', 'PN', personName(subject?.patientName ?? '')),
    said('x00100020', 'LO', subject?.patientId ?? ''),
    said('x00100030', 'DA', day(subject?.birthDate ?? '')),
    said('x00100040', 'CS', /^[MFO]$/.test(subject?.sex ?? '') ? subject?.sex ?? '' : ''),
    ...(report.release ? removedStamps(report.release) : header['00120062'] === 'YES' ? [said('x00120062', 'CS', 'YES'), said('x00120063', 'LO', header['00120063']?.split('\\')[0] || 'stated by the source')] : []),
    said('x00181000', 'LO', report.software.build || 'unknown'),
    said('x00181020', 'LO', report.software.version || '0'),
    said('x0020000d', 'UI', studyUidOf(report, pictures)),
    said('x0020000e', 'UI', uidOf(report, seriesPurpose(purpose))),
    said('x00200010', 'SH', from('00200010')),
    { tag: 'x00200011', vr: 'IS', value: 9000 + seriesNumber },
    { tag: 'x00200013', vr: 'IS', value: instanceNumber },
  ];
}

/** What was done to a copy without the subject (PS3.15, E.1.1). */
const removedStamps = ({ codes }: Release): NewElement[] => [
  said('x00120062', 'CS', 'YES'), said('x00120063', 'LO', 'Composed without the subject: PS3.15 Basic Profile'),
  sequence('x00120064', ...codes.map((value) => [said('x00080100', 'SH', value), said('x00080102', 'SH', 'DCM'), said('x00080104', 'LO', profileMeanings[value] ?? value)])), said('x00280303', 'CS', 'MODIFIED'),
];
const profileMeanings: Readonly<Record<string, string>> = { 113100: 'Basic Application Confidentiality Profile', ...Object.fromEntries(Object.values(deidentifyOptions).map(({ code, meaning }) => [code, meaning])) };

/** `Doe, Jane` and `Jane Doe` as `Doe^Jane`; what holds a caret already stays. */
export function personName(name: string): string {
  if (name.includes('^')) return name;
  const [family = '', ...given] = name.includes(',') ? name.split(',').map((part) => part.trim()) : name.trim().split(/\s+/).reverse();
  return [family, given.reverse().join(' ')].filter((part) => part !== '').join('^');
}

/** `2026-01-31` and `20260131` as eight digits; '' for anything else. */
function day(text: string): string {
  const digits = text.slice(0, 10).replaceAll('-', '');
  return /^\d{8}$/.test(digits) ? digits : '';
}

export const isSigned = ({ status, signature }: Report): boolean => signature !== null && status !== 'draft';

/** Every file that is referred to once, by series (PS3.3 Table C.17-3b). */
export function evidenceSequence(tag: Tag, studyUid: string, images: readonly Pick<SourceImage, 'sopClassUid' | 'sopInstanceUid' | 'seriesInstanceUid'>[]): NewElement {
  return sequence(tag, [sequence('x00081115', ...seriesItems(images)), said('x0020000d', 'UI', studyUid)]);
}

export function seriesItems(images: readonly Pick<SourceImage, 'sopClassUid' | 'sopInstanceUid' | 'seriesInstanceUid'>[], tag: Tag = 'x00081199'): NewElement[][] {
  return [...new Set(images.map(({ seriesInstanceUid }) => seriesInstanceUid))].map((series) => {
    const members = new Map(images.filter(({ seriesInstanceUid }) => seriesInstanceUid === series).map((image) => [image.sopInstanceUid, image]));
    return [sequence(tag, ...[...members.values()].map((image) => reference(image))), said('x0020000e', 'UI', series)];
  });
}

/** Who drew it, as DICOM calls it. */
export function algorithmType({ author, original }: { readonly author: { readonly kind: 'model' | 'person' }; readonly original?: unknown }): 'AUTOMATIC' | 'SEMIAUTOMATIC' | 'MANUAL' {
  return original != null ? 'SEMIAUTOMATIC' : author.kind === 'model' ? 'AUTOMATIC' : 'MANUAL';
}

export const derivationText = (report: Report): string => `${isByModel(report) ? 'AI-generated content; ' : ''}${report.banner}`;
