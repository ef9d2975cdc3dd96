/** Takes out of a DICOM file what names a person or a place: the Basic Application Level Confidentiality Profile and its options (PS3.15 Annex E), into every sequence. */
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { blankedPixels, writingOf, type Writing } from './burnedIn.ts';
import { decodeText } from './characterSet.ts';
import { confidentiality, type Confidentiality } from './confidentiality.ts';
import { cleanedText } from './descriptors.ts';
import type { DicomFile } from './dicomFile.ts';
import { element, firstText, items, spell, tags, text, type DataSet, type Tag } from './elements.ts';
import { isSafePrivate } from './safePrivate.ts';
import { isBranch, textLeaf, treeOf, writeTree, type Branch, type Leaf, type Level, type TreeNode } from './tree.ts';

/** The options beside the basic profile, each with its code (PS3.16, CID 7050). */
export const deidentifyOptions = {
  'clean-descriptors': { code: '113105', meaning: 'Clean Descriptors Option' },
  'clean-structured-content': { code: '113104', meaning: 'Clean Structured Content Option' },
  'modified-dates': { code: '113107', meaning: 'Retain Longitudinal Temporal Information Modified Dates Option' },
  'full-dates': { code: '113106', meaning: 'Retain Longitudinal Temporal Information Full Dates Option' },
  'patient-characteristics': { code: '113108', meaning: 'Retain Patient Characteristics Option' },
  'device': { code: '113109', meaning: 'Retain Device Identity Option' },
  'institution': { code: '113112', meaning: 'Retain Institution Identity Option' },
  'uids': { code: '113110', meaning: 'Retain UIDs Option' },
  'safe-private': { code: '113111', meaning: 'Retain Safe Private Option' },
} as const;
export type DeidentifyOption = keyof typeof deidentifyOptions;

/** What is chosen where nothing is said: intervals between examinations stay, and words that say what was imaged. */
export const usualOptions: readonly DeidentifyOption[] = ['modified-dates', 'clean-descriptors'];

/** What stands for what: the same for the same as long as the secret behind it is the same. */
export interface Mapping {
  /** Another UID, under 2.25. */
  uid(original: string): string;
  /** A short name for a person, a container, a specimen. */
  pseudonym(original: string): string;
  /** By how many days all dates of a patient are moved to the past; 30 to 3679. */
  daysEarlier(patient: string): number;
}

/** @param keyed the first 16 bytes or more of a keyed hash (HMAC-SHA-256 under the mapping's secret) of a text */
export function mappingOf(keyed: (text: string) => Uint8Array): Mapping {
  return {
    uid(original) {
      const bytes = keyed(`uid\0${original}`).slice(0, 16);
      // The bits of a UUID of version 8: made by a rule of the program's own (RFC 9562).
      bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
      bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
      return `2.25.${bytes.reduce((total, byte) => (total << 8n) | BigInt(byte), 0n)}`;
    },
    pseudonym: (original) => `P-${[...keyed(`name\0${original}`).subarray(0, 10)].map((byte) => letters[byte & 31]).join('')}`,
    daysEarlier(patient) {
      const [a = 0, b = 0, c = 0] = keyed(`days\0${patient}`);
      return 30 + ((a << 16) | (b << 8) | c) % 3650;
    },
  };
}

/** Without those that look alike. */
const letters = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** What a person decided about the writing in the pixels after having looked at them. */
export type PixelDecision =
  /** Nothing that is written there names anybody. */
  | { readonly kind: 'clean' }
  /** These rectangles are made black in every frame. */
  | { readonly kind: 'blank'; readonly boxes: readonly Box[] };

export interface DeidentifyRequest {
  readonly options: readonly DeidentifyOption[];
  readonly mapping: Mapping;
  /** Name and version of the program, for the record in the file. */
  readonly software: string;
  /** Absent: nobody has looked yet, so a file with likely writing is refused. */
  readonly pixels?: PixelDecision;
}

/** One element that is not what it was. */
export interface Change {
  /** `(0040,0275)[1].(0032,1060)`: items count from 1. */
  readonly path: string;
  /** As the profile's table calls it; '' for private and unknown elements. */
  readonly name: string;
  readonly action: 'X' | 'Z' | 'D' | 'U' | 'C' | 'K' | 'added';
  /** Null where there was, or is, none. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface Deidentified {
  readonly bytes: Uint8Array;
  readonly sopInstanceUid: string;
  /** What stands for the patient from now on. */
  readonly patient: string;
  readonly changes: readonly Change[];
  /** Of the profile and its options, as written into the file. */
  readonly codes: readonly string[];
}

/** Storage classes whose content is a document in another format, and directories: nothing of them can be cleaned element by element. */
const refused: readonly (readonly [prefix: string, why: string])[] = [
  ['1.2.840.10008.5.1.4.1.1.104.', 'It wraps a document (a PDF, for one) whose pages are not looked into.'],
  ['1.2.840.10008.1.3.10', 'It is the directory of a disc and lists the patients of other files.'],
];

/**
 * The file without identity. Throws Fault `deidentify.pixels` where its pixels are likely to carry writing and nobody has decided about it, `deidentify.kind` for
 * what cannot be cleaned, `dicom.truncated` for damaged files, and those of the decoders.
 */
export async function deidentify(file: DicomFile, request: DeidentifyRequest): Promise<Deidentified> {
  const sopClassUid = firstText(file.dataSet, 'x00080016') ?? (file.meta && firstText(file.meta, 'x00020002')) ?? '';
  const reason = refused.find(([prefix]) => sopClassUid.startsWith(prefix))?.[1];
  if (reason) throw new Fault({ code: 'deidentify.kind', what: 'The file was not de-identified.', why: reason, mend: 'Leave it out, and make the document again from the de-identified study.' });
  const { nodes, characterSets } = treeOf(file);
  const pixels = await decidedPixels(file, request.pixels);
  const patient = patientKey(file);
  const walk = new Walk(request, patient, isStrict(file, sopClassUid));
  const kept = walk.level({ nodes: withoutEmbeddedOverlays(nodes, file), characterSets }, '').nodes;
  const painted = request.pixels?.kind === 'blank' && request.pixels.boxes.length > 0 ? await blankedPixels(file, request.pixels.boxes) : [];
  if (painted.length > 0) walk.note('x7fe00010', '', 'C', 'Pixel Data', `${file.image?.frames ?? 1} frames`, `${request.pixels?.kind === 'blank' ? request.pixels.boxes.length : 0} rectangles made black`);
  const isClean = pixels !== null;
  const codes = ['113100', ...(isClean ? ['113101'] : []), ...request.options.map((option) => deidentifyOptions[option].code)];
  const stamps = stampsOf(request, isClean, firstText(file.dataSet, 'x00280301'));
  for (const stamp of stamps) walk.note(stamp.tag, '', 'added', stampNames[stamp.tag] ?? '', null, isBranch(stamp) ? codes.join(', ') : shown(stamp, []));
  const replaced = new Set([...painted, ...stamps].map(({ tag }) => tag));
  // Offsets of compressed frames have no meaning without them.
  if (painted.length > 0) ['x7fe00001', 'x7fe00002'].forEach((tag) => replaced.add(tag as Tag));
  const all = [...kept.filter(({ tag }) => !replaced.has(tag)), ...painted, ...stamps];
  const original = firstText(file.dataSet, 'x00080018') ?? (file.meta && firstText(file.meta, 'x00020003')) ?? 'none';
  const sopInstanceUid = request.options.includes('uids') ? original : request.mapping.uid(original);
  return { bytes: writeTree(file, all, { sopClassUid, sopInstanceUid }), sopInstanceUid, patient: request.mapping.pseudonym(patient), changes: walk.changes, codes };
}

/** Null where there are no pixels or no reason for a look; else the decision. Throws where one is missing. */
async function decidedPixels(file: DicomFile, decision: PixelDecision | undefined): Promise<PixelDecision | null> {
  if (decision) return decision;
  const writing = await writingOf(file);
  if (!writing.mustBeSeen) return null;
  throw undecidedPixels(writing);
}

export const undecidedPixels = ({ reasons }: Pick<Writing, 'reasons'>): Fault => new Fault({
  code: 'deidentify.pixels', what: 'The file was not de-identified: its pixels have to be looked at first.', why: reasons.join(' '),
  mend: 'Look at the picture with the rectangles that were found, and say which to make black or that nothing in it names anybody.',
});

/** What a patient is known by within a mapping: the ID, else the name, else the study. */
const patientKey = ({ dataSet }: DicomFile): string => firstText(dataSet, 'x00100020') ?? firstText(dataSet, 'x00100010') ?? firstText(dataSet, 'x0020000d') ?? '';

/** Enhanced objects (with functional groups), and all that are no plain images, require values where plain images do without. */
const isStrict = ({ dataSet, image }: DicomFile, sopClassUid: string): boolean => image === null || dataSet.parsed['x52009229'] !== undefined
  || dataSet.parsed['x52009230'] !== undefined || /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(2\.[12]|4\.[134]|6\.2|11|12\.\d\.1|13|30|66|67|77\.1\.5\.4|77\.1\.6|88|128\.1|130|481)/.test(sopClassUid);

/** Attributes that no plain image has to have, and that are removed from every kind of object. */
const alwaysRemoved = new Set<Tag>(['x00080080', 'x00080082', 'x00081010', 'x00081070', 'x00081072']);
/** References to orders and studies: plain images need none, documents need the sequence, be it empty. */
const removedFromImages = new Set<Tag>(['x00081110', 'x00081111']);
/** Identifiers that a pseudonym stands for, so that what belongs together still does. */
const pseudonymous = new Set<Tag>(['x00100010', 'x00100020', 'x00120040', 'x00400512', 'x00400551']);
/** UIDs that name kinds, syntaxes and lists, not things. */
const kindUids = new Set<Tag>(['x00080016', 'x00081150', 'x0008001a', 'x0008001b', 'x0008010c', 'x00080117', 'x00080118', 'x00080062', 'x00041510', 'x00041512', 'x04000010']);
const wellKnown = '1.2.840.10008.';
const studyTime: Tag = 'x00080030';
const removedText = 'REMOVED';
const textual = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

/** One pass through a data set. */
class Walk {
  readonly changes: Change[] = [];
  private readonly mapping: Mapping;
  private readonly options: ReadonlySet<DeidentifyOption>;
  private readonly patient: string;
  private readonly isStrict: boolean;
  private readonly days: number;

  constructor({ mapping, options }: DeidentifyRequest, patient: string, isStrictKind: boolean) {
    this.mapping = mapping;
    this.options = new Set(options);
    this.patient = patient;
    this.isStrict = isStrictKind;
    this.days = mapping.daysEarlier(patient);
  }

  /** @param isDummy whether all that is text in it gives way to dummies: the item of a sequence whose action is D */
  level({ nodes, characterSets }: Level, path: string, isDummy = false): Level {
    const creators = creatorsOf(nodes, characterSets);
    const kept = nodes.flatMap((node) => {
      const after = isPrivate(node.tag) ? this.privateNode(node, creators, path, characterSets) : this.node(node, path, characterSets, isDummy);
      return after ? [after] : [];
    });
    // A block's creator stays while something of the block does.
    const used = new Set(kept.filter(({ tag }) => isPrivate(tag) && !isCreator(tag)).map(({ tag }) => blockOf(tag)));
    return { nodes: kept.filter(({ tag }) => !isPrivate(tag) || !isCreator(tag) || used.has(`${tag.slice(1, 5)}${tag.slice(7)}`)), characterSets };
  }

  note(tag: Tag, path: string, action: Change['action'], name: string, before: string | null, after: string | null): void {
    if (before !== after) this.changes.push({ path: `${path}${spell(tag)}`, name, action, before, after });
  }

  private privateNode(node: TreeNode, creators: ReadonlyMap<string, string>, path: string, characterSets: readonly string[]): TreeNode | null {
    const isKept = this.options.has('safe-private') && (isCreator(node.tag) ? true : isSafePrivate(node.tag, creators.get(blockOf(node.tag)) ?? ''));
    if (isKept) return isBranch(node) ? this.branch(node, path) : node;
    this.note(node.tag, path, 'X', '', described(node, characterSets), null);
    return null;
  }

  private node(node: TreeNode, path: string, characterSets: readonly string[], isDummy: boolean): TreeNode | null {
    const { tag } = node;
    if (/^x(50|60)/.test(tag)) return this.remove(node, path, characterSets, tag.startsWith('x50') ? 'Curve' : 'Overlay');
    const row = confidentiality.get(tag);
    const action = row ? this.actionOf(row, node) : defaultAction(node);
    const name = row?.name ?? '';
    // Words of a defined list name nobody, and an object is not of its kind without them.
    if (isDummy && (action === 'K' || action === 'C') && !(node.vr === 'CS' && !row)) return this.dummy(node, path, characterSets, name, row);
    switch (action) {
      case 'X': return this.remove(node, path, characterSets, name);
      case 'Z': return this.empty(node, path, characterSets, name);
      case 'D': return this.dummy(node, path, characterSets, name, row);
      case 'U': return this.otherUid(node, path, characterSets, name);
      case 'C': return this.clean(node, path, characterSets, row);
      case 'K': return isBranch(node) ? this.branch(node, path) : row?.vr === 'AS' ? this.cappedAge(node, path, characterSets, name) : node;
    }
  }

  /** The action on an attribute of the table: what an option says, else the profile's. */
  private actionOf({ tag, basic, options: letter }: Confidentiality, node: TreeNode): 'X' | 'Z' | 'D' | 'U' | 'C' | 'K' {
    const { options } = this;
    if (letter.has('u') && options.has('uids')) return 'K';
    if ((letter.has('t') || letter.has('k')) && options.has('full-dates')) return 'K';
    if (letter.has('t') && options.has('modified-dates')) return 'C';
    if (letter.has('d') && options.has('device')) return 'K';
    if (letter.has('i') && options.has('institution')) return 'K';
    if (letter.has('p') && options.has('patient-characteristics')) return 'K';
    if (letter.has('q') && options.has('patient-characteristics')) return 'C';
    if (letter.has('c') && options.has('clean-descriptors')) return 'C';
    if (letter.has('s') && options.has('clean-structured-content')) return 'C';
    return this.basicOf(tag, basic, isEmpty(node));
  }

  private basicOf(tag: Tag, basic: Confidentiality['basic'], isEmptyNow: boolean): 'X' | 'Z' | 'D' | 'U' {
    if (basic === 'X/Z/U') return 'U';
    if (pseudonymous.has(tag)) return 'D';
    if (basic === 'D' || basic === 'U' || basic === 'X' || basic === 'Z') return basic === 'D' && isEmptyNow ? 'Z' : basic;
    if (alwaysRemoved.has(tag) || (removedFromImages.has(tag) && !this.isStrict)) return 'X';
    // Empty is allowed wherever absent is, so Z is the safe one of the two.
    const choices = (basic === 'X/Z' ? ['Z'] : basic.split('/')) as ('X' | 'Z' | 'D')[];
    const chosen = this.isStrict ? choices.at(-1) : choices[0];
    return chosen === 'D' && isEmptyNow ? 'Z' : chosen ?? 'X';
  }

  private remove(node: TreeNode, path: string, characterSets: readonly string[], name: string): null {
    this.note(node.tag, path, 'X', name, described(node, characterSets), null);
    return null;
  }

  private empty(node: TreeNode, path: string, characterSets: readonly string[], name: string): TreeNode {
    this.note(node.tag, path, 'Z', name, described(node, characterSets), isBranch(node) ? '0 items' : '');
    return isBranch(node) ? { ...node, items: [] } : { tag: node.tag, vr: node.vr, value: new Uint8Array(0) };
  }

  private dummy(node: TreeNode, path: string, characterSets: readonly string[], name: string, row: Confidentiality | undefined): TreeNode {
    if (isBranch(node)) return node.tag === 'x0040a730' ? this.dummyContent(node, path) : this.branch(node, path, true);
    const vr = node.vr ?? row?.vr ?? '';
    const before = shown(node, characterSets);
    if (vr === 'UI') return this.otherUid(node, path, characterSets, name);
    const text = pseudonymous.has(node.tag) ? this.mapping.pseudonym(node.tag === 'x00100020' || node.tag === 'x00100010' ? this.patient : before) : dummyText(vr);
    const isBinary = text === null && vr !== '';
    const leaf = node.value.length === 0 ? node : isBinary ? { ...node, value: new Uint8Array(node.value.length) } : textLeaf(node.tag, vr === '' ? 'LO' : vr, text ?? removedText);
    this.note(node.tag, path, 'D', name, before, isBinary ? `${node.value.length} bytes of zero` : shown(leaf, characterSets));
    return node.vr === undefined && !isBranch(leaf) ? { ...leaf, vr: undefined } : leaf;
  }

  /** The content of a structured report as one sentence that it was taken out. */
  private dummyContent(node: Branch, path: string): Branch {
    const code: Level = { characterSets: [], nodes: [textLeaf('x00080100', 'SH', '121106'), textLeaf('x00080102', 'SH', 'DCM'), textLeaf('x00080104', 'LO', 'Comment')] };
    const item: Level = {
      characterSets: [],
      nodes: [
        textLeaf('x0040a010', 'CS', 'CONTAINS'), textLeaf('x0040a040', 'CS', 'TEXT'), { tag: 'x0040a043', vr: 'SQ', items: [code] },
        textLeaf('x0040a160', 'UT', 'Content removed by de-identification.'),
      ],
    };
    this.note(node.tag, path, 'D', 'Content Sequence', `${node.items.length} items`, '1 item that says so');
    return { ...node, vr: node.vr === undefined ? undefined : 'SQ', items: [item] };
  }

  private otherUid(node: TreeNode, path: string, characterSets: readonly string[], name: string): TreeNode {
    if (isBranch(node)) return this.branch(node, path);
    const before = shown(node, characterSets);
    if (before === '') return node;
    const after = before.split('\\').map((uid) => (uid.startsWith(wellKnown) || uid === '' ? uid : this.mapping.uid(uid))).join('\\');
    this.note(node.tag, path, 'U', name, before, after);
    return before === after ? node : { ...textLeaf(node.tag, 'UI', after), vr: node.vr };
  }

  private clean(node: TreeNode, path: string, characterSets: readonly string[], row: Confidentiality | undefined): TreeNode | null {
    if (isBranch(node)) return node.tag === 'x0040a730' || node.tag === 'x00400555' ? this.content(node, path) : this.branch(node, path);
    const vr = node.vr && node.vr !== 'UN' ? node.vr : row?.vr ?? '';
    const before = shown(node, characterSets);
    const after = vr === 'DA' || vr === 'DT' || vr === 'TM' ? this.shifted(node.tag, vr, before) : cleanedText(before);
    if (after === null || (after === '' && before !== '')) {
      const basic = row ? this.basicOf(row.tag, row.basic, before === '') : 'X';
      return basic === 'Z' ? this.empty(node, path, characterSets, row?.name ?? '') : basic === 'D' ? this.dummy(node, path, characterSets, row?.name ?? '', row) : this.remove(node, path, characterSets, row?.name ?? '');
    }
    this.note(node.tag, path, 'C', row?.name ?? '', before, after);
    return before === after ? node : { ...textLeaf(node.tag, vr, after), vr: node.vr };
  }

  /** A tree of content items: codes and numbers stay, free text keeps the words of the list. */
  private content(node: Branch, path: string): Branch {
    return {
      ...node,
      items: node.items.map((item, i) => {
        const inner = this.level(item, `${path}${spell(node.tag)}[${i + 1}].`);
        return {
          ...inner,
          nodes: inner.nodes.map((leaf) => {
            if (isBranch(leaf) || leaf.tag !== 'x0040a160') return leaf;
            const before = shown(leaf, inner.characterSets);
            const after = cleanedText(before) || removedText;
            this.note(leaf.tag, `${path}${spell(node.tag)}[${i + 1}].`, 'C', 'Text Value', before, after);
            return { ...textLeaf(leaf.tag, 'UT', after), vr: leaf.vr };
          }),
        };
      }),
    };
  }

  private branch(node: Branch, path: string, isDummy = false): Branch {
    return { ...node, items: node.items.map((item, i) => this.level(item, `${path}${spell(node.tag)}[${i + 1}].`, isDummy)) };
  }

  /** All values of a date or time moved by the patient's days; the study's time to the hour. Null where one is no date. */
  private shifted(tag: Tag, vr: string, text: string): string | null {
    if (vr === 'TM') return tag === studyTime && text !== '' ? `${text.replace(/\D/g, '').slice(0, 2).padEnd(2, '0')}0000` : text;
    const values = text.split('\\').map((value) => shiftDate(value, this.days));
    return values.every((value) => value !== null) ? values.join('\\') : null;
  }

  /** Ages of 90 years and more are one (45 CFR 164.514). */
  private cappedAge(node: Leaf, path: string, characterSets: readonly string[], name: string): TreeNode {
    const before = shown(node, characterSets);
    if (!/^\d{3}Y$/.test(before) || Number(before.slice(0, 3)) <= 90) return node;
    this.note(node.tag, path, 'C', name, before, '090Y');
    return { ...textLeaf(node.tag, 'AS', '090Y'), vr: node.vr };
  }
}

const isPrivate = (tag: string): boolean => parseInt(tag.slice(4, 5), 16) % 2 === 1;
const isCreator = (tag: string): boolean => tag.slice(5, 7) === '00';
/** Group and block of a private element: `001910` of `x00191008`. */
const blockOf = (tag: string): string => `${tag.slice(1, 5)}${tag.slice(5, 7)}`;

/** Who reserved each private block of a level. */
function creatorsOf(nodes: readonly TreeNode[], characterSets: readonly string[]): ReadonlyMap<string, string> {
  return new Map(nodes.flatMap((node) => (isPrivate(node.tag) && isCreator(node.tag) && !isBranch(node) ? [[`${node.tag.slice(1, 5)}${node.tag.slice(7)}`, shown(node, characterSets)] as const] : [])));
}

/** Of attributes that the table does not know: names give way, UIDs of things are mapped, the rest stays. */
function defaultAction(node: TreeNode): 'D' | 'U' | 'K' {
  if (isBranch(node)) return 'K';
  return node.vr === 'PN' ? 'D' : node.vr === 'UI' && !kindUids.has(node.tag) ? 'U' : 'K';
}

const isEmpty = (node: TreeNode): boolean => (isBranch(node) ? node.items.length === 0 : node.value.length === 0);

/** The value as text, without padding; of binary values how long they are. */
function shown(node: Leaf, characterSets: readonly string[]): string {
  const vr = node.vr ?? confidentiality.get(node.tag)?.vr ?? 'UN';
  const isText = textual.has(vr) || ['AS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI'].includes(vr);
  if (isText) return decodeText(node.value.subarray(0, 1 << 16), vr === 'UI' ? [] : characterSets, { personName: vr === 'PN' }).replace(/[\0 ]+$/, '').trimStart();
  if (node.value.length <= 256 && node.value.every((byte) => byte === 0 || (byte >= 0x20 && byte < 0x7f))) return decodeText(node.value, []).replace(/[\0 ]+$/, '');
  return `${node.value.length} bytes`;
}

const described = (node: TreeNode, characterSets: readonly string[]): string => (isBranch(node) ? `${node.items.length} ${node.items.length === 1 ? 'item' : 'items'}` : shown(node, characterSets));

/** A value that says nothing, of the representation; null where a text does. */
function dummyText(vr: string): string | null {
  switch (vr) {
    case 'DA': return '19000101';
    case 'DT': return '19000101000000';
    case 'TM': return '000000';
    case 'AS': return '000Y';
    case 'DS': case 'IS': return '0';
    default: return textual.has(vr) ? removedText : null;
  }
}

/** A date (YYYYMMDD, or a date and time that begins with it; month and day may be missing) so many days earlier; null for what is none. */
export function shiftDate(value: string, days: number): string | null {
  if (value.trim() === '') return '';
  const match = /^(\d{4})[.-]?(\d{2})?[.-]?(\d{2})?([\d.]*)([+-]\d{4})?\s*$/.exec(value.trim());
  if (!match) return null;
  const [, year = '', month = '', day = '', rest = '', zone = ''] = match;
  const date = new Date(Date.UTC(Number(year), Number(month || '1') - 1, Number(day || '1')));
  if (date.getUTCFullYear() !== Number(year) || date.getUTCMonth() + 1 !== Number(month || '1')) return null;
  const moved = new Date(date.getTime() - days * 86_400_000);
  const text = `${String(moved.getUTCFullYear()).padStart(4, '0')}${String(moved.getUTCMonth() + 1).padStart(2, '0')}${String(moved.getUTCDate()).padStart(2, '0')}`;
  return `${text.slice(0, 4 + month.length + day.length)}${rest}${zone}`;
}

/** Old files keep overlays in bits of the pixels that hold no value: with their group gone, these bits are cleared. */
function withoutEmbeddedOverlays(nodes: readonly TreeNode[], { image, encoding }: DicomFile): readonly TreeNode[] {
  const groups = new Set(nodes.filter(({ tag }) => tag.startsWith('x60')).map(({ tag }) => tag.slice(0, 5)));
  const isEmbedded = [...groups].some((group) => !nodes.some(({ tag }) => tag === `${group}3000`));
  if (!isEmbedded || !image || image.bitsAllocated !== 16 || image.bitsStored === 16) return nodes;
  const mask = ((1 << image.bitsStored) - 1) << (image.highBit - image.bitsStored + 1);
  const sign = 1 << image.highBit;
  return nodes.map((node) => {
    if (node.tag !== 'x7fe00010' || isBranch(node) || node.isEncapsulated) return node;
    const value = node.value.slice();
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    for (let at = 0; at + 1 < value.length; at += 2) {
      const stored = view.getUint16(at, encoding.littleEndian) & mask;
      // A negative value's sign fills the bits above it.
      const extended = image.signed && (stored & sign) !== 0 ? stored | (0xffff & ~((sign << 1) - 1)) : stored;
      view.setUint16(at, extended, encoding.littleEndian);
    }
    return { ...node, value };
  });
}

const stampNames: Readonly<Record<string, string>> = {
  x00120062: 'Patient Identity Removed', x00120063: 'De-identification Method', x00120064: 'De-identification Method Code Sequence', x00280301: 'Burned In Annotation',
  x00280303: 'Longitudinal Temporal Information Modified',
};

/** What says in the file that, how and by what it was de-identified (PS3.15 E.1.1). */
function stampsOf({ options, software }: DeidentifyRequest, isClean: boolean, burnedIn: string | undefined): TreeNode[] {
  const codes = [
    { code: '113100', meaning: 'Basic Application Confidentiality Profile' },
    ...(isClean ? [{ code: '113101', meaning: 'Clean Pixel Data Option' }] : []),
    ...options.map((option) => deidentifyOptions[option]),
  ];
  const dates = options.includes('full-dates') ? 'UNMODIFIED' : options.includes('modified-dates') ? 'MODIFIED' : 'REMOVED';
  return [
    textLeaf('x00120062', 'CS', 'YES'),
    textLeaf('x00120063', 'LO', ['PS3.15 Basic Profile', ...(isClean ? ['clean-pixels'] : []), ...options, software].join('\\')),
    {
      tag: 'x00120064', vr: 'SQ',
      items: codes.map(({ code, meaning }) => ({ characterSets: [], nodes: [textLeaf('x00080100', 'SH', code), textLeaf('x00080102', 'SH', 'DCM'), textLeaf('x00080104', 'LO', meaning)] })),
    },
    textLeaf('x00280303', 'CS', dates),
    ...(isClean ? [textLeaf('x00280301', 'CS', 'NO')] : burnedIn ? [textLeaf('x00280301', 'CS', burnedIn)] : []),
  ];
}

export interface Identifier {
  readonly tag: Tag;
  readonly path: string;
  readonly name: string;
  readonly value: string;
}

/** Attributes whose values can turn up in a sentence and betray a person: names, numbers and places of the profile's table; not what describes machine or examination. */
const betraying = /^(?!Issuer).*(\bIDs?\b|Address|Tele|Locator|Accession|Order Number|Residence|Birth Date|Patient Comments|Patient History)/;
const naming = new Set([...confidentiality.values()].filter(({ vr, basic, options, name }) =>
  vr === 'PN' || (!options.has('d') && basic !== 'U' && ['LO', 'LT', 'SH', 'ST', 'UC', 'UT', 'DA'].includes(vr) && betraying.test(name))).map(({ tag }) => tag));

/** What a file says of persons, places and visits, sequences included, each value once. */
export function identifiersIn(dataSet: DataSet): readonly Identifier[] {
  const found = new Map<string, Identifier>();
  const visit = (level: DataSet, path: string): void => {
    for (const tag of tags(level)) {
      const vr = element(level, tag)?.vr;
      if (naming.has(tag) || vr === 'PN') {
        const isName = (vr ?? confidentiality.get(tag)?.vr) === 'PN';
        for (const value of text(level, tag, { personName: isName }).split('\\').map((part) => part.trim()).filter((part) => part !== '').slice(0, 4)) {
          const key = `${tag} ${value}`;
          if (!found.has(key)) found.set(key, { tag, path: `${path}${spell(tag)}`, name: confidentiality.get(tag)?.name ?? 'Name', value: value.slice(0, 200) });
        }
      } else items(level, tag).forEach((item, i) => visit(item, `${path}${spell(tag)}[${i + 1}].`));
    }
  };
  visit(dataSet, '');
  return [...found.values()];
}
