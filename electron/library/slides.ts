/** Whole-slide images that consist of several DICOM files: which files are parts of one, and how they are opened as one. */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Sha256 } from '#electron/contract/library.ts';
import { bytesOf, startOfFile } from '#electron/storage/files.ts';
import { openDicom } from '#models/imaging/dicom/partial.ts';
import { dicomSlide, flavourBytes, flavourOf, flavourOfStart, type SlidePart } from '#models/imaging/slide/dicomSlide.ts';
import type { OpenSlideFile } from './inspect.ts';

/** A stored text that names the files of one slide: its hash is the slide's. */
const Manifest = z.object({ parts: z.array(z.object({ name: z.string(), sha256: Sha256 })).min(1).max(10_000) });
type ManifestPart = z.infer<typeof Manifest>['parts'][number];

/** The same files in any order give the same text. */
export const slideManifest = (parts: readonly ManifestPart[]): string =>
  JSON.stringify({ parts: parts.map(({ name, sha256 }) => ({ name, sha256 })).sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)) } satisfies z.input<typeof Manifest>);

/** The files that a stored manifest names, where they lie beside it in the store; null for any other file. */
export async function manifestParts(path: string): Promise<readonly { readonly path: string; readonly name: string }[] | null> {
  const beginning = '{"parts":[{"name":';
  if (Buffer.from(await startOfFile(path, beginning.length)).toString('latin1') !== beginning) return null;
  const { parts } = Manifest.parse(JSON.parse(Buffer.from(await startOfFile(path, 8_000_000)).toString('utf8')));
  const store = dirname(dirname(path));
  return parts.map(({ name, sha256 }) => ({ name, path: join(store, sha256.slice(0, 2), sha256.slice(2)) }));
}

/** Whether a DICOM file is part of a slide, without reading more than its beginning. */
export const isSlidePart = async (path: string): Promise<boolean> => flavourOfStart(await startOfFile(path, flavourBytes)) !== null;

export interface OpenPart extends SlidePart {
  close(): Promise<void>;
}

/** @throws Fault as `openDicom` does */
export async function openPart(path: string, name: string): Promise<OpenPart> {
  const handle = await open(path);
  try {
    return { name, ...await openDicom(await bytesOf(handle)), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The slide that these files are the levels of. @throws Fault as `dicomSlide` does */
export async function openDicomSlide(files: readonly { readonly path: string; readonly name: string }[], name: string): Promise<OpenSlideFile> {
  const parts: OpenPart[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.close()));
  };
  try {
    for (const file of files) parts.push(await openPart(file.path, file.name));
    return { ...await dicomSlide(parts, name), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Label and picture of the glass stay in the store: they can name the patient. */
export const isHidden = ({ file }: Pick<SlidePart, 'file'>): boolean => ['label', 'overview'].includes(flavourOf(file) ?? '');
