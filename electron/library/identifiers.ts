/** What in a file's header names a person, and what describes the machine: so that nothing of the former slips into a training case. */
import { startOfFile } from '#electron/storage/files.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, texts, type DataSet, type Tag } from '#models/imaging/dicom/elements.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { wholeFile } from './inspect.ts';
import { isSlidePart, manifestParts, openPart } from './slides.ts';

export interface Identifiers {
  /** Fields that are filled and name a person, a place or a visit. */
  readonly fields: readonly { readonly tag: string; readonly name: string; readonly value: string }[];
  /** (0028,0301): YES, NO, or null where the file does not say. */
  readonly burnedIn: 'YES' | 'NO' | null;
  /** Sex, age, scanner: what the balance of a set is about. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Attributes of the Basic Application Confidentiality Profile whose values can turn up in a sentence: names, numbers, places (PS3.15, E.1). */
const naming: Readonly<Record<Tag, string>> = {
  x00100010: 'Patient name', x00100020: 'Patient ID', x00101000: 'Other patient IDs', x00101001: 'Other patient names', x00101005: 'Birth name', x00100030: 'Birth date',
  x00101040: 'Address', x00102154: 'Telephone', x00101060: "Mother's birth name", x00101090: 'Medical record locator', x00080050: 'Accession number', x00200010: 'Study ID',
  x00080090: 'Referring physician', x00081048: 'Physician of record', x00081050: 'Performing physician', x00081060: 'Reading physician', x00081070: 'Operator',
  x00321032: 'Requesting physician', x00380010: 'Admission ID', x00400253: 'Procedure step ID', x00080081: 'Institution address', x00104000: 'Patient comments', x001021b0: 'Patient history',
};

/** Modalities whose machines write into the picture as a matter of course. */
export const oftenBurned: readonly string[] = ['US', 'SC', 'XC', 'ES', 'OP', 'OT'];

/** @throws Fault where the file cannot be read; a picture or a slide carries none of these fields */
export async function identifiersOf(path: string): Promise<Identifiers> {
  const dataSet = await headerOf(path);
  if (!dataSet) return { fields: [], burnedIn: null, facts: {} };
  const fields = (Object.entries(naming) as [Tag, string][]).flatMap(([tag, name]) =>
    texts(dataSet, tag).map((value) => value.trim()).filter((value) => value !== '').slice(0, 4).map((value) => ({ tag: `(${tag.slice(1, 5)},${tag.slice(5)})`, name, value: value.slice(0, 200) })));
  const burned = firstText(dataSet, 'x00280301')?.trim().toUpperCase();
  const facts = Object.entries({
    sex: firstText(dataSet, 'x00100040'), age: ageBand(firstText(dataSet, 'x00101010')), maker: firstText(dataSet, 'x00080070'), scanner: firstText(dataSet, 'x00081090'),
    code: firstText(dataSet, 'x00080060'), body_part: firstText(dataSet, 'x00180015')?.toLowerCase(),
  }).flatMap(([name, value]) => (value === undefined || value.trim() === '' ? [] : [[name, value.trim().slice(0, 100)] as const]));
  return { fields, burnedIn: burned === 'YES' || burned === 'NO' ? burned : null, facts: Object.fromEntries(facts) };
}

/** The header of a DICOM file, of a slide that of its first part; null for a file without one. */
async function headerOf(path: string): Promise<DataSet | null> {
  const [part] = await manifestParts(path) ?? [{ path }];
  if (!part || kindOf(await startOfFile(part.path, kindBytes)) !== 'dicom') return null;
  if (!await isSlidePart(part.path)) return readDicom(await wholeFile(part.path, 'The file')).dataSet;
  const opened = await openPart(part.path, 'The slide');
  await opened.close();
  return opened.file.dataSet;
}

/** `067Y` as `60–69`: a decade is enough for a balance and says less of the person. */
function ageBand(age: string | undefined): string | undefined {
  const match = /^(\d{3})([DWMY])$/.exec(age?.trim() ?? '');
  if (!match) return undefined;
  if (match[2] !== 'Y') return '0–9';
  const years = Number(match[1]);
  return years >= 90 ? '90+' : `${Math.floor(years / 10) * 10}–${Math.floor(years / 10) * 10 + 9}`;
}
