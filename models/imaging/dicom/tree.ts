/** A data set as a tree of elements whose values stay as the bytes they were read as, so that what is not changed is written as it came. */
import { Fault } from '#models/base/fault.ts';
import type { DicomFile } from './dicomFile.ts';
import { element, items, rawBytes, tags } from './elements.ts';
import type { DataSet, Tag } from './elements.ts';
import { explicitBigEndian, explicitLittleEndian, implicitLittleEndian } from './transferSyntax.ts';
import { partTen } from './writer.ts';

/** How elements are laid out. */
export interface Encoding {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

/** One element: its value, or the items of its sequence. */
export type TreeNode = Leaf | Branch;

export interface Leaf {
  readonly tag: Tag;
  /** Undefined where the file does not say (implicit). */
  readonly vr: string | undefined;
  /** As in the file, padded; of encapsulated pixel data all items with their headers and the delimiter. */
  readonly value: Uint8Array;
  readonly isEncapsulated?: boolean;
}

export interface Branch {
  readonly tag: Tag;
  /** UN where a system that did not know the sequence passed it on: its items are then implicit little endian (PS3.5, 6.2.2). */
  readonly vr: string | undefined;
  readonly items: readonly Level[];
}

/** A data set or an item: its elements, and the sets in which its text is written. */
export interface Level {
  readonly nodes: readonly TreeNode[];
  readonly characterSets: readonly string[];
}

export const isBranch = (node: TreeNode): node is Branch => 'items' in node;

/** The whole data set up to and with the pixels; what follows them (padding, signatures) and the lengths of groups are left out. Throws Fault `dicom.truncated`. */
export function treeOf(file: DicomFile): Level {
  const damage = file.notes.find(({ code }) => code === 'dicom.truncated');
  if (damage) throw new Fault({ ...damage, code: 'dicom.truncated', what: 'The file cannot be rewritten.' });
  return levelOf(file.dataSet, file);
}

function levelOf(dataSet: DataSet, file: DicomFile): Level {
  const nodes = tags(dataSet).filter((tag) => !tag.endsWith('0000') && !tag.startsWith('xfffe')).map((tag) => nodeOf(dataSet, tag, file));
  return { nodes, characterSets: dataSet.characterSets };
}

function nodeOf(dataSet: DataSet, tag: Tag, file: DicomFile): TreeNode {
  const found = element(dataSet, tag);
  const vr = found?.vr;
  if (dataSet === file.dataSet && tag === 'x7fe00010' && found?.undefinedLength) return { tag, vr: 'OB', value: encapsulatedBytes(file), isEncapsulated: true };
  const inner = vr === 'SQ' || (vr === undefined && dataSet.parsed[tag]?.items) || (vr === 'UN' && found) ? items(dataSet, tag) : [];
  if (vr === 'SQ' || inner.length > 0) return { tag, vr, items: inner.map((item) => levelOf(item, file)) };
  return { tag, vr, value: rawBytes(dataSet, tag) };
}

/** From the offset table's item to the last fragment, and a delimiter behind it. */
function encapsulatedBytes({ dataSet, locations }: DicomFile): Uint8Array {
  const start = element(dataSet, 'x7fe00010')?.offset ?? 0;
  const last = locations?.kind === 'encapsulated' ? locations.frames.at(-1)?.at(-1) : undefined;
  if (!last) {
    throw new Fault({ code: 'dicom.transferSyntax', what: 'The file cannot be rewritten.', why: 'Its compressed pixels are of a kind that is not decoded here.', mend: 'Export it as Explicit VR Little Endian.' });
  }
  const end = last.offset + last.length;
  const out = new Uint8Array(end - start + 8);
  out.set(dataSet.bytes.subarray(start, end));
  out.set([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0], end - start);
  return out;
}

/** Representations whose length takes four bytes in explicit data sets. */
const longForm = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const implicit: Encoding = { explicit: false, littleEndian: true };

/** The elements in ascending order of their tags, encoded; sequences and items with their lengths. */
export function encodeTree(nodes: readonly TreeNode[], encoding: Encoding): Uint8Array[] {
  const sorted = [...nodes].sort((a, b) => (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0));
  return sorted.flatMap((node) => {
    const content = isBranch(node) ? itemsOf(node, encoding) : [node.value];
    const length = !isBranch(node) && node.isEncapsulated ? 0xffffffff : lengthOf(content);
    return [header(node.tag, node.vr, length, encoding), ...content];
  });
}

function itemsOf(node: Branch, encoding: Encoding): Uint8Array[] {
  const inner = encoding.explicit && node.vr === 'UN' ? implicit : encoding;
  return node.items.flatMap(({ nodes }) => {
    const content = encodeTree(nodes, inner);
    return [header('xfffee000', undefined, lengthOf(content), { explicit: false, littleEndian: inner.littleEndian }), ...content];
  });
}

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((total, { length }) => total + length, 0);

function header(tag: Tag, vr: string | undefined, length: number, { explicit, littleEndian }: Encoding): Uint8Array {
  // A representation that is not known is written as UN; where it is, as it was.
  const stated = vr ?? 'UN';
  const isLong = explicit && longForm.has(stated);
  const out = new Uint8Array(isLong ? 12 : 8);
  const view = new DataView(out.buffer);
  view.setUint16(0, parseInt(tag.slice(1, 5), 16), littleEndian);
  view.setUint16(2, parseInt(tag.slice(5), 16), littleEndian);
  if (!explicit) view.setUint32(4, length, littleEndian);
  else {
    out[4] = stated.charCodeAt(0);
    out[5] = stated.charCodeAt(1);
    if (isLong) view.setUint32(8, length, littleEndian);
    else view.setUint16(6, length, littleEndian);
  }
  return out;
}

/** An element of text within ASCII, which every character set holds; padded as its representation asks. */
export function textLeaf(tag: Tag, vr: string, text: string): Leaf {
  const value = new Uint8Array(text.length + (text.length % 2)).fill(vr === 'UI' ? 0 : 0x20);
  for (let i = 0; i < text.length; i++) value[i] = text.charCodeAt(i) & 0x7f;
  return { tag, vr, value };
}

export function shortLeaf(tag: Tag, value: number, { littleEndian }: Encoding): Leaf {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value, littleEndian);
  return { tag, vr: 'US', value: bytes };
}

/** The file of a changed tree, encoded as the one that was read; uncompressed where its pixels no longer are encapsulated. */
export function writeTree(file: DicomFile, nodes: readonly TreeNode[], identity: { readonly sopClassUid: string; readonly sopInstanceUid: string }): Uint8Array {
  const isEncapsulated = nodes.some((node) => !isBranch(node) && node.isEncapsulated);
  const { explicit, littleEndian } = file.encoding;
  const native = !littleEndian ? explicitBigEndian : explicit ? explicitLittleEndian : implicitLittleEndian;
  const transferSyntaxUid = isEncapsulated ? file.transferSyntaxUid ?? native.uid : native.uid;
  return partTen({ ...identity, transferSyntaxUid }, encodeTree(nodes, file.encoding));
}
