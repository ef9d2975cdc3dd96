/** What in a file's header names a person, and what describes the machine: so that nothing of the former slips into a training case. */
import { startOfFile } from '#electron/storage/files.ts';
import { identifiersIn } from '#models/imaging/dicom/deidentify.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, spell, type DataSet } from '#models/imaging/dicom/elements.ts';
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

/** Modalities whose machines write into the picture as a matter of course. */
export const oftenBurned: readonly string[] = ['US', 'SC', 'XC', 'ES', 'OP', 'OT'];

/** @throws Fault where the file cannot be read; a picture or a slide carries none of these fields */
export async function identifiersOf(path: string): Promise<Identifiers> {
  const dataSet = await headerOf(path);
  if (!dataSet) return { fields: [], burnedIn: null, facts: {} };
  const fields = identifiersIn(dataSet).map(({ tag, name, value }) => ({ tag: spell(tag), name, value }));
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
