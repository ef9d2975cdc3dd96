import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventName } from '#electron/contract/events.ts';
import type { ImportProgress } from '#electron/contract/library.ts';
import { unpack, usualLimits } from '#electron/library/archive.ts';
import { assemble } from '#electron/library/assemble.ts';
import { identifiersOf } from '#electron/library/identifiers.ts';
import { inspect, isoDate, shownName } from '#electron/library/inspect.ts';
import { rebuildIndex } from '#electron/library/catalogue.ts';
import { openLibrary, type Library, type LibraryReader } from '#electron/library/library.ts';
import { openPixels } from '#electron/library/pixels.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { encodePng } from '#models/imaging/png.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { takesRegions, type DrawnRegions } from '#electron/report/regionsIn.ts';
import { blockFiles, instanceUid, studyUid } from '#tests/support/blocks.ts';
import { resize } from '#models/imaging/resize.ts';
import { slideFile, tilesOf } from '#tests/support/dicomSlides.ts';
import { fixture, pattern } from '#tests/support/pictures.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';

/** The reader as it runs in the decoding process, without the process. */
const reader: LibraryReader = {
  inspect: ({ path, name, sha256 }) => inspect(path, name, sha256),
  assemble: (files) => assemble(files),
  async unpack({ path, folder, key }, onEntry) {
    for await (const entry of unpack(path, folder, usualLimits, key)) onEntry(entry);
  },
  drawSamples: async () => undefined,
};

let folder: string;
let sources: string;
const film = sampleStudy('chest-film');
const head = sampleStudy('mr-head');
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loupe-library-'));
  sources = join(folder, 'sources');
  mkdirSync(sources, { recursive: true });
  writeFileSync(join(sources, 'photo.png'), encodePng(pattern(80, 60), { level: 4 }));
  for (const [name, bytes] of [...film.files, ...head.files]) {
    mkdirSync(dirname(join(sources, name)), { recursive: true });
    writeFileSync(join(sources, name), bytes);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function open(name = `library-${++count}`): { library: Library; told: [EventName, unknown][]; name: string } {
  const told: [EventName, unknown][] = [];
  const library = openLibrary({
    folder: join(folder, name), reader, now: () => '2026-01-01T00:00:00Z',
    publish(event, payload) {
      told.push([event, payload]);
      // Nobody here knows a password.
      const { importId, locked } = payload as Partial<ImportProgress>;
      if (locked) queueMicrotask(() => library.unlock(importId ?? '', null));
    },
  });
  return { library, told, name };
}

async function imported(library: Library, told: readonly [EventName, unknown][], ...paths: readonly string[]): Promise<ImportProgress> {
  await library.start(paths.map((path) => ({ path }))).done;
  return told.filter(([event]) => event === 'library.progress').at(-1)?.[1] as ImportProgress;
}

describe('an import of a locked archive', () => {
  const archive = async (password: string): Promise<string> => {
    const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
    for (const [at, [name, bytes]] of [...head.files].entries()) await writer.add(name, new Uint8ArrayReader(bytes), at < 3 ? {} : { password, ...(at % 2 === 0 ? { zipCrypto: true } : {}) });
    const path = join(sources, `locked-${++count}.zip`);
    writeFileSync(path, await writer.close());
    return path;
  };
  const begun = (answers: readonly (string | null)[], path: string): { done: Promise<void>; asked: ImportProgress[]; library: Library; last: () => ImportProgress } => {
    const asked: ImportProgress[] = [];
    let last: ImportProgress | undefined;
    const library: Library = openLibrary({
      folder: join(folder, `library-${++count}`), reader, now: () => '2026-01-01T00:00:00Z',
      publish(event, payload) {
        if (event !== 'library.progress') return;
        last = payload as ImportProgress;
        const { importId, locked } = last;
        if (!locked) return;
        asked.push(last);
        const answer = answers[asked.length - 1] ?? null;
        queueMicrotask(() => library.unlock(importId, answer));
      },
    });
    return { ...library.start([{ path }, { path: join(sources, 'chest-film.dcm') }]), asked, library, last: () => last as ImportProgress };
  };

  test('takes everything else first, then asks until the password is right, and keeps it nowhere', async () => {
    const { done, asked, library, last } = begun(['wrong', 'öffne dich'], await archive('öffne dich'));
    await done;
    expect(asked.map(({ locked, added }) => [locked, added])).toEqual([[{ name: expect.stringMatching(/^locked/) as unknown, files: 9, isWrong: false }, 4], [{ name: expect.stringMatching(/^locked/) as unknown, files: 9, isWrong: true }, 4]]);
    expect(last()).toMatchObject({ isDone: true, added: 13, skippedCount: 0, found: 14, done: 14, locked: null, fault: null });
    expect(library.list().map(({ images }) => images).sort()).toEqual([1, 12]);
    expect(JSON.stringify([asked, last()])).not.toContain('öffne');
    expect(readdirSync(join(folder, `library-${count}`, 'blobs', 'staging'))).toEqual([]);
    for (const name of ['library.jsonl', 'library-deeds.jsonl']) expect(readFileSync(join(folder, `library-${count}`, name), 'utf8')).not.toContain('öffne');
  });

  test('without the password leaves the locked files out, each with its reason, and keeps the rest', async () => {
    const { done, library, last } = begun(['wrong', null], await archive('right'));
    await done;
    expect(last()).toMatchObject({ isDone: true, added: 4, skippedCount: 9, found: 14, done: 14, locked: null, fault: null });
    expect(new Set(last().skipped.map(({ code }) => code))).toEqual(new Set(['archive.encrypted']));
    expect(library.list().map(({ images }) => images).sort()).toEqual([1, 3]);
  });

  test('that is stopped while it waits ends', async () => {
    const { importId, done, library, last } = ((path) => {
      let progress: ImportProgress | undefined;
      const library = openLibrary({ folder: join(folder, `library-${++count}`), reader, now: () => '2026-01-01T00:00:00Z', publish: (event, payload) => {
        if (event !== 'library.progress') return;
        progress = payload as ImportProgress;
        if (progress.locked) queueMicrotask(() => library.cancel(importId));
      } });
      const { importId, done } = library.start([{ path }]);
      return { importId, done, library, last: () => progress };
    })(await archive('x'));
    expect(importId).not.toBe('');
    await done;
    expect(last()).toMatchObject({ isDone: true, isCancelled: true, added: 3, skippedCount: 9 });
    library.close();
  });
});

describe('an import', () => {
  test('of a folder finds its studies, sorts the slices and tells its way', async () => {
    const { library, told } = open();
    const progress = await imported(library, told, join(sources, 'mr-head'));
    expect(progress).toMatchObject({ isDone: true, found: 12, done: 12, added: 12, skippedCount: 0, fault: null });
    const [study] = library.list();
    expect(study).toMatchObject({ patient: 'PHANTOM, HEAD', modalities: ['MR'], images: 12, series: 1, files: 12, status: 'new' });
    const { series } = await library.study(study?.id ?? '');
    const places = series[0]?.frames.map(({ alongMm }) => alongMm ?? NaN) ?? [];
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test('shows a study before it ends', async () => {
    const { library, told } = open();
    await imported(library, told, join(sources, 'mr-head'));
    const changed = told.findIndex(([event]) => event === 'library.changed');
    const done = told.findIndex(([event, payload]) => event === 'library.progress' && (payload as ImportProgress).isDone);
    expect([changed >= 0, changed < done]).toEqual([true, true]);
  });

  test('of the same files again adds nothing and says that they were there', async () => {
    const { library, told } = open();
    await imported(library, told, join(sources, 'mr-head'));
    expect(await imported(library, told, join(sources, 'mr-head'), join(sources, 'chest-film.dcm'))).toMatchObject({ added: 1, known: 12 });
    expect(library.list()).toHaveLength(2);
  });

  test('leaves out what it cannot show, each with its reason, and goes on', async () => {
    const mixed = join(folder, 'mixed');
    mkdirSync(join(mixed, '.hidden'), { recursive: true });
    writeFileSync(join(mixed, 'letter.txt'), 'Dear colleague');
    writeFileSync(join(mixed, 'empty.dcm'), '');
    writeFileSync(join(mixed, '.hidden', 'x.dcm'), 'x');
    const whole = film.files.get('chest-film.dcm') as Uint8Array;
    writeFileSync(join(mixed, 'film.dcm'), whole);
    writeFileSync(join(mixed, 'headless.dcm'), whole.subarray(0, 400));
    symlinkSync('/etc/passwd', join(mixed, 'link.dcm'));
    const { library, told } = open();
    const progress = await imported(library, told, mixed);
    expect(progress.added).toBe(1);
    const reasons = Object.fromEntries((progress.skipped as readonly { name: string; why: string }[]).map(({ name, why }): [string, string] => [name.split('/').at(-1)!, why]));
    expect(Object.keys(reasons).sort()).toEqual(['empty.dcm', 'headless.dcm', 'letter.txt', 'link.dcm']);
    expect(reasons['letter.txt']).toMatch(/neither DICOM/);
    expect(reasons['link.dcm']).toMatch(/link/);
    expect(Object.values(reasons).every((why) => typeof why === 'string' && why.length > 10)).toBe(true);
  });

  test('has a code of its own for each kind of damage', async () => {
    const place = join(folder, 'damaged');
    mkdirSync(place, { recursive: true });
    const whole = film.files.get('chest-film.dcm') as Uint8Array;
    const letters = new TextEncoder().encode('Dear colleague');
    const identity = (sopClass: string): NewElement[] => [{ tag: 'x00080016', vr: 'UI', value: sopClass }, { tag: 'x00080018', vr: 'UI', value: '1.2.3' }, { tag: 'x00080060', vr: 'CS', value: 'OT' }];
    const image = pixelElements({ rows: 4, columns: 4, photometric: 'MONOCHROME2', data: new Uint8Array(16) });
    const packed = zipSync({ 'a.dcm': whole });
    const withFlag = packed.slice();
    // General purpose bit 0, in the central directory alone: that is where it is looked for.
    const central = Buffer.from(withFlag).indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    withFlag[central + 8] = 1;
    const flipped = packed.slice();
    flipped[200] = flipped[200]! ^ 255;
    const files: Readonly<Record<string, readonly [Uint8Array, string]>> = {
      'letter.txt': [letters, 'library.kind'],
      'empty.dcm': [new Uint8Array(0), 'library.empty'],
      'cut-pixels.dcm': [whole.subarray(0, whole.length >> 1), 'library.truncated'],
      'no-image.dcm': [writeDicom(identity('1.2.840.10008.5.1.4.1.1.88.33')), 'dicom.noImage'],
      'segmentation.dcm': [writeDicom([...identity('1.2.840.10008.5.1.4.1.1.66.4'), ...image]), 'library.segmentation'],
      'syntax.dcm': [writeDicom([...identity('1.2.840.10008.5.1.4.1.1.7'), ...image.filter(({ tag }) => tag !== 'x7fe00010')], { transferSyntaxUid: '1.2.840.10008.1.2.4.100', table: 'basic', frames: [[letters]] }), 'dicom.transferSyntax'],
      'header.dcm': [writeDicom([...identity('1.2.840.10008.5.1.4.1.1.7'), ...image.map((one) => (one.tag === 'x00280010' ? { tag: 'x00280010', vr: 'US', value: 0 } as const : one))]), 'dicom.header'],
      'cut.png': [fixture('rgb.png').subarray(0, 60), 'picture.truncated'],
      'inks.jpg': [fixture('inks.jpg'), 'picture.unsupported'],
      'nested.zip': [zipSync({ 'b.zip': zipSync({ 'c.zip': packed }) }), 'archive.nested'],
      'locked.zip': [withFlag, 'archive.encrypted'],
      'flipped.zip': [flipped, 'archive.damaged'],
    };
    for (const [name, [bytes]] of Object.entries(files)) writeFileSync(join(place, name), bytes);
    symlinkSync('/etc/hostname', join(place, 'link.dcm'));
    const { library, told } = open();
    const { skipped, added } = await imported(library, told, place);
    const codes = Object.fromEntries(skipped.map(({ name, code }) => [name.split('/')[1]?.split(' › ')[0] ?? '', code]));
    expect(codes).toEqual({ ...Object.fromEntries(Object.entries(files).map(([name, [, code]]) => [name, code])), 'link.dcm': 'library.link' });
    expect(new Set(Object.values(codes)).size).toBe(13);
    expect(added).toBe(0);
  });

  test('of a ZIP archive takes what is in it, an archive within it too', async () => {
    const inner = zipSync({ 'film.dcm': film.files.get('chest-film.dcm') as Uint8Array });
    const path = join(folder, 'studies.zip');
    writeFileSync(path, zipSync({ 'a/inner.zip': inner, 'readme.txt': new TextEncoder().encode('hello'), '__MACOSX/x': new Uint8Array(3) }));
    const { library, told } = open();
    const progress = await imported(library, told, path);
    expect(progress).toMatchObject({ added: 1, skippedCount: 1, isDone: true });
    expect(progress.skipped[0]?.name).toBe('studies.zip › readme.txt');
    expect(library.list()[0]).toMatchObject({ patient: 'PHANTOM, FILM' });
  });

  test('of an archive of a disc takes the very files that the disc’s folder gives', async () => {
    const contents = writeDicom([{ tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.1.3.10' }, { tag: 'x00080018', vr: 'UI', value: '1.2.3.5' }, { tag: 'x00041220', vr: 'SQ', value: [...head.files.keys()].map((name): NewElement[] => [{ tag: 'x00041500', vr: 'CS', value: name.split('/') }]) }]);
    const disc = join(sources, 'disc');
    const files: Record<string, Uint8Array> = { DICOMDIR: contents, ...Object.fromEntries(head.files) };
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(disc, name)), { recursive: true });
      writeFileSync(join(disc, name), bytes);
    }
    writeFileSync(join(sources, 'disc.zip'), zipSync(files));
    const [asFolder, asArchive] = await Promise.all([disc, join(sources, 'disc.zip')].map(async (path) => {
      const { library, told } = open();
      const { skippedCount } = await imported(library, told, path);
      const hashes = await Promise.all(library.list().map(async ({ id }) => (await library.study(id)).files.map(({ sha256 }) => sha256).sort()));
      library.close();
      return { skippedCount, hashes };
    }));
    expect(asArchive).toEqual(asFolder);
    expect(asFolder).toMatchObject({ skippedCount: 0, hashes: [{ length: head.files.size }] });
  });

  test('of a DICOMDIR takes the files that it names, and says which of them are not there', async () => {
    const medium = join(folder, 'medium');
    mkdirSync(join(medium, 'IMAGES'), { recursive: true });
    const slices = [...head.files.values()].slice(0, 2);
    slices.forEach((bytes, i) => writeFileSync(join(medium, 'IMAGES', `IM${i}`), bytes));
    const record = (...parts: readonly string[]): NewElement[] => [{ tag: 'x00041500', vr: 'CS', value: parts }];
    writeFileSync(join(medium, 'DICOMDIR'), writeDicom([
      { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.1.3.10' }, { tag: 'x00080018', vr: 'UI', value: '1.2.3.4' },
      { tag: 'x00041220', vr: 'SQ', value: [record('IMAGES', 'IM0'), record('IMAGES', 'IM1'), record('IMAGES', 'IM9'), record('..', 'sources', 'chest-film.dcm')] },
    ]));
    const alone = open();
    const progress = await imported(alone.library, alone.told, join(medium, 'DICOMDIR'));
    expect(progress).toMatchObject({ added: 2, skippedCount: 1, found: 4, done: 4 });
    expect(progress.skipped[0]).toMatchObject({ name: 'DICOMDIR › IMAGES/IM9' });
    expect(alone.library.list()).toHaveLength(1);
    const whole = open();
    expect(await imported(whole.library, whole.told, medium)).toMatchObject({ added: 2, known: 0 });
  });

  test('of a slide in DICOM makes one slide of its levels, and shows neither label nor glass', async () => {
    const glass = join(folder, 'glass');
    mkdirSync(glass, { recursive: true });
    const base = pattern(100, 60);
    // The label comes first, as scanners write it.
    writeFileSync(join(glass, '0-label.dcm'), slideFile({ picture: pattern(32, 32), tile: 32, number: 3, flavour: 'LABEL' }));
    writeFileSync(join(glass, '1-base.dcm'), slideFile({ picture: base, tile: 16, number: 1, mppX: 0.5 }));
    writeFileSync(join(glass, '2-half.dcm'), slideFile({ picture: resize(base, { width: 50, height: 30 }), tile: 16, number: 2 }));
    const { library, told } = open();
    expect(await imported(library, told, glass)).toMatchObject({ added: 3, skippedCount: 0 });
    const [study] = library.list();
    const { series, statements } = await library.study(study?.id ?? '');
    const [slide] = series;
    expect([series.length, slide?.kind, slide?.slide?.levels.length, slide?.slide?.mpp]).toEqual([1, 'slide', 2, { x: 0.5, y: 0.5 }]);
    expect(statements.join()).toContain('label');
    const label = createHash('sha256').update(readFileSync(join(glass, '0-label.dcm'))).digest('hex');
    expect(JSON.stringify([study?.cover, series])).not.toContain(label);
    expect(study?.cover).toBe(`${slide?.slide?.id}-0`);
    // What the page fetches: tiles, the overview, and what could name a person.
    const path = library.pathOf(slide?.slide?.id ?? '');
    const pixels = openPixels();
    expect((await decodePicture((await pixels.tile(path, 0, 1, 1)).bytes)).data).toEqual(tilesOf(base, 16).find(({ column, row }) => column === 1 && row === 1)?.tile.data);
    expect((await pixels.shown(path, 0)).source).toEqual({ width: 100, height: 60 });
    expect((await identifiersOf(path)).fields).toContainEqual(expect.objectContaining({ name: "Patient's Name", value: 'TEST^SLIDE' }));
    await expect(pixels.thumbnail(library.pathOf(label), 0, 96)).rejects.toMatchObject({ code: 'slide.empty' });
    await pixels.close();
  });

  test('that is stopped keeps what is in and says so', async () => {
    const { library, told } = open();
    const { importId, done } = library.start([{ path: join(sources, 'mr-head') }]);
    library.cancel(importId);
    await done;
    expect(told.at(-1)?.[1]).toMatchObject({ isDone: true, isCancelled: true });
  });
});

describe('the library', () => {
  test('is the same after a new start, made from its journal', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'), join(sources, 'mr-head'));
    const [first] = library.list();
    library.setStatus(first?.id ?? '', 'asked');
    const before = library.list();
    library.close();
    const again = open(name).library;
    expect(again.list()).toEqual(before);
    expect((await again.study(before[0]?.id ?? '')).study.status).toBe('asked');
  });

  test('gives back what was removed, as long as it can be undone', async () => {
    const { library, told } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'));
    const undoId = library.remove(library.list().map(({ id }) => id));
    expect(library.list()).toEqual([]);
    library.restore(undoId);
    expect(library.list()).toHaveLength(1);
  });

  test('is made anew from the stored files when its journal is gone', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'), join(sources, 'mr-head'));
    const gist = (all: Library): unknown => all.list().map(({ id, patient, series, images, files, bytes, modalities }) => ({ id, patient, series, images, files, bytes, modalities })).sort((a, b) => (a.id < b.id ? -1 : 1));
    const before = gist(library);
    library.close();
    rmSync(join(folder, name, 'library.jsonl'));
    const again = open(name).library;
    expect(again.list()).toEqual([]);
    await again.recover();
    expect(gist(again)).toEqual(before);
    // With its journal there, nothing is done twice.
    const [first] = again.list();
    again.setStatus(first?.id ?? '', 'asked');
    again.close();
    const third = open(name);
    await third.library.recover();
    expect(third.told).toEqual([]);
    expect(third.library.list().find(({ id }) => id === first?.id)?.status).toBe('asked');
  });

  test('keeps statuses and removals when its index is deleted, and when it is made anew', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'), join(sources, 'mr-head'), join(sources, 'photo.png'));
    const [first, second, third] = library.list();
    library.setStatus(first?.id ?? '', 'judged');
    library.setStatus(second?.id ?? '', 'asked');
    library.remove([third?.id ?? '']);
    const rows = (all: Library): unknown => all.list().map((study) => ({ ...study })).sort((a, b) => (a.id < b.id ? -1 : 1));
    const before = rows(library);
    library.close();
    rmSync(join(folder, name, 'library.jsonl'));
    const again = open(name).library;
    await again.recover();
    expect(rows(again)).toEqual(before);
    again.close();
    writeFileSync(join(folder, name, 'library.jsonl'), 'not an index\n');
    expect(await rebuildIndex(join(folder, name))).toEqual({ studies: 2, kept: 0, found: 2, lost: [] });
    expect(await rebuildIndex(join(folder, name))).toEqual({ studies: 2, kept: 2, found: 0, lost: [] });
    const rebuilt = open(name).library;
    expect(rows(rebuilt)).toEqual(before);
    // What was removed comes back as it was when it is imported once more.
    const { told: toldLater, library: later } = (rebuilt.close(), open(name));
    await imported(later, toldLater, join(sources, 'photo.png'));
    expect(later.list()).toHaveLength(3);
    later.close();
    expect(open(name).library.list()).toHaveLength(3);
  });

  test('cut at any byte of its last entry knows every study and status again', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'photo.png'));
    await imported(library, told, join(sources, 'chest-film.dcm'));
    library.list().forEach(({ id }, at) => library.setStatus(id, at === 0 ? 'judged' : 'asked'));
    const rows = (all: Library): unknown => all.list().map((study) => ({ ...study })).sort((a, b) => (a.id < b.id ? -1 : 1));
    const before = rows(library);
    library.close();
    const index = join(folder, name, 'library.jsonl');
    const whole = readFileSync(index);
    const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    // What is left of a cut line is never read, so that every eleventh byte stands for its neighbours; the journal's own test takes each.
    for (const length of new Set([last + 1, ...Array.from({ length: Math.ceil((whole.length - last) / 11) }, (_, i) => last + 1 + 11 * i), whole.length - 1].filter((at) => at < whole.length))) {
      writeFileSync(index, whole.subarray(0, length));
      const cut = open(name).library;
      await cut.recover();
      expect(rows(cut)).toEqual(before);
      cut.close();
    }
    // Cut between two entries it looks whole: making it anew finds what it has lost.
    writeFileSync(index, whole.subarray(0, last));
    expect(await rebuildIndex(join(folder, name))).toMatchObject({ studies: 2, kept: 1, found: 1 });
    const rebuilt = open(name).library;
    expect(rows(rebuilt)).toEqual(before);
    rebuilt.close();
    // The deeds, cut at any byte of the last, lose that one alone.
    const deeds = join(folder, name, 'library-deeds.jsonl');
    const said = readFileSync(deeds);
    for (let length = said.lastIndexOf(0x0a, said.length - 2) + 1; length < said.length; length++) {
      writeFileSync(deeds, said.subarray(0, length));
      const cut = open(name).library;
      expect(cut.list().map(({ status }) => status).sort()).toEqual(['judged', 'new']);
      cut.close();
    }
  });

  test('of an earlier version, where deeds stood in the index, keeps them', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'), join(sources, 'photo.png'));
    const [first, second] = library.list();
    library.close();
    const index = join(folder, name, 'library.jsonl');
    rmSync(join(folder, name, 'library-deeds.jsonl'));
    const at = '2026-01-01T00:00:00Z';
    const deeds = [{ type: 'status', at, studyId: first?.id, status: 'judged' }, { type: 'removed', at, studyIds: [second?.id] }, { type: 'samples', at }];
    writeFileSync(index, readFileSync(index, 'utf8') + deeds.map((deed) => `${JSON.stringify(deed)}\n`).join(''));
    const again = open(name).library;
    expect(again.list().map(({ id, status }) => [id, status])).toEqual([[first?.id, 'judged']]);
    again.close();
    rmSync(index);
    const third = open(name).library;
    await third.recover();
    expect(third.list().map(({ id, status }) => [id, status])).toEqual([[first?.id, 'judged']]);
    third.close();
  });

  test('says which studies cannot be shown any more', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'), join(sources, 'photo.png'));
    const [first] = library.list();
    const { files } = await library.study(first?.id ?? '');
    rmSync(library.pathOf(files[0]?.sha256 ?? ''));
    library.close();
    const { lost } = await rebuildIndex(join(folder, name));
    expect(lost.map(({ id, why }) => [id, why])).toEqual([[first?.id, '1 of its 1 files are not in the store. Import it again.']]);
  });

  test('opens in time that grows with the number of studies, not faster', async () => {
    const { library, told, name } = open();
    await imported(library, told, join(sources, 'chest-film.dcm'));
    library.close();
    const line = readFileSync(join(folder, name, 'library.jsonl'), 'utf8').trim().split('\n')[0] ?? '';
    const id = library.list()[0]?.id ?? '';
    const opening = (studies: number): number => {
      const large = `large-${studies}`;
      mkdirSync(join(folder, large), { recursive: true });
      writeFileSync(join(folder, large, 'library.jsonl'), `${Array.from({ length: studies }, (_, i) => line.replaceAll(id, i.toString(16).padStart(24, '0'))).join('\n')}\n`);
      // The least of three: whatever else runs only ever adds.
      return Math.min(...Array.from({ length: 3 }, () => {
        const before = process.cpuUsage();
        const opened = open(large).library;
        const { user, system } = process.cpuUsage(before);
        expect(opened.list()).toHaveLength(studies);
        opened.close();
        return user + system;
      }));
    };
    const few = opening(1000);
    expect(opening(10_000)).toBeLessThan(40 * few);
  });

  test('keeps two patients apart who bear one study number, whichever comes first, and says so on both', async () => {
    const common = { study: '31', date: '20250601', frameOfReference: '1', slices: 3, stepMm: 2 } as const;
    const put = (at: string, files: readonly Uint8Array[]): string => {
      mkdirSync(join(sources, at));
      files.forEach((bytes, i) => writeFileSync(join(sources, at, `${i}.dcm`), bytes));
      return join(sources, at);
    };
    const ann = put('ann', blockFiles({ ...common, series: '1', description: 'First', person: { name: 'ADAMS^ANN', id: 'A-1' } }));
    const bob = put('bob', blockFiles({ ...common, series: '2', description: 'Second', person: { name: 'BROWN^BOB', id: 'B-2' } }));
    // The same person, written otherwise.
    const again = put('ann-again', blockFiles({ ...common, series: '3', description: 'Third', person: { name: 'Adams^Ann^', id: 'A-1' } }));
    const { library, told, name } = open();
    await imported(library, told, ann, bob, again);
    const found = (): readonly (readonly [string, string, number])[] => library.list().map(({ patient, patientId, images }) => [patient, patientId, images] as const);
    expect(found()).toEqual([['ADAMS, ANN', 'A-1', 6], ['BROWN, BOB', 'B-2', 3]]);
    const [first, second] = library.list();
    expect(second).toMatchObject({ sameNumberAs: first!.id });
    for (const { id } of [first!, second!]) expect((await library.study(id)).statements[0]).toMatch(/^The study number of these images also belongs to a study of another patient/);
    // Again adds nothing, and a new start knows it all.
    expect(await imported(library, told, bob, ann)).toMatchObject({ added: 0, known: 6 });
    library.close();
    rmSync(join(folder, name, 'library.jsonl'));
    const { library: next } = open(name);
    await next.recover();
    expect(next.list().map(({ patient }) => patient).sort()).toEqual(['ADAMS, ANN', 'BROWN, BOB']);
    expect((await next.study(first!.id)).statements).toHaveLength(1);
    // Where only one of them is here there is nothing to be told.
    next.remove([second!.id]);
    expect((await next.study(first!.id)).statements).toEqual([]);
    next.close();
  });

  test('draws regions that came before their images once those are here, in the same import or in a later one', async () => {
    const slices = blockFiles({ study: '32', date: '20250601', frameOfReference: '1', series: '1', description: 'Marked', slices: 4, stepMm: 2 });
    const at = join(sources, 'marked');
    mkdirSync(at);
    // A report comes first by its name, and one of its images is not there yet.
    writeFileSync(join(at, '0-report.dcm'), writeDicom([{ tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.88.33' }, { tag: 'x00080018', vr: 'UI', value: '1.2.3.4' }, { tag: 'x00080060', vr: 'CS', value: 'SR' }, { tag: 'x0020000d', vr: 'UI', value: studyUid('32') }]));
    slices.slice(0, 3).forEach((bytes, i) => writeFileSync(join(at, `slice-${i}.dcm`), bytes));
    const rest = join(sources, 'marked-rest.dcm');
    writeFileSync(rest, slices[3]!);
    const drawn: string[] = [];
    const box = { kind: 'rectangle', points: [{ x: 1, y: 1 }, { x: 9, y: 9 }], label: 'nodule', tracking: 't', trackingUid: null, isByAlgorithm: true } as const;
    const regions = [1, 3].map((slice) => ({ ...box, source: { sopInstanceUid: instanceUid('32', '1', slice), frame: 0 } }));
    const told: ImportProgress[] = [];
    const name = `library-${++count}`;
    const library: Library = openLibrary({
      folder: join(folder, name), now: () => '2026-01-01T00:00:00Z', publish: (event, payload) => (event === 'library.progress' ? void told.push(payload as ImportProgress) : undefined),
      reader: takesRegions(reader, {
        regions: () => Promise.resolve({ kind: 'report', studyInstanceUid: studyUid('32'), regions } as unknown as DrawnRegions), now: () => '', draw: (_, changes) => drawn.push(changes.map((change) => (change.kind === 'put' ? change.annotation.frameId.slice(0, 64) : '')).join()),
        async filesOf(_, uids) {
          const [known] = library.list();
          if (!known) return null;
          const { files } = await library.study(known.id);
          const found = files.map(({ sha256 }) => [firstText(readDicom(readFileSync(library.pathOf(sha256))).dataSet, 'x00080018') ?? '', sha256] as const).filter(([uid]) => uids.includes(uid));
          return { studyId: known.id, files: new Map(found) };
        },
      }),
    });
    const hash = (slice: number): string => createHash('sha256').update(slices[slice]!).digest('hex');
    await library.start([{ path: at }]).done;
    expect(told.at(-1)).toMatchObject({ skippedCount: 0, added: 4, done: 4 });
    expect(drawn.at(-1)).toBe(hash(1));
    library.close();
    // After a new start it still waits for the image that is missing, and no longer than that.
    const { library: next } = { library: openLibrary({ folder: join(folder, name), now: () => '2026-01-02T00:00:00Z', publish: () => undefined, reader: { ...reader, drawRegions: ({ name: file }) => (drawn.push(file), Promise.resolve({ missing: 0 })) } }) };
    await next.start([{ path: rest }]).done;
    expect(drawn.at(-1)).toMatch(/0-report\.dcm$/);
    const times = drawn.length;
    await next.start([{ path: join(sources, 'photo.png') }]).done;
    expect(drawn).toHaveLength(times);
    next.close();
  });

  test('says that a study is gone instead of failing', async () => await expect(open().library.study('0'.repeat(24))).rejects.toMatchObject({ code: 'library.unknown' }));
});

describe('names and dates', () => {
  test('a name reads family first', () => expect([shownName('DOE^JANE^Q'), shownName('^^'), shownName('Single'), shownName('=ideographic^name')]).toEqual(['DOE, JANE Q', '', 'Single', 'ideographic, name']));
  test('a date is one, or none', () => expect([isoDate('20200131'), isoDate('2020.01.31'), isoDate('20201331'), isoDate('yesterday')]).toEqual(['2020-01-31', '2020-01-31', null, null]));
});
