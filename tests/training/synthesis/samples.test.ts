/** The sample files open with the readers that the workstation uses, and show what was drawn. */
import { describe, expect, test } from 'vitest';
import { modalities } from '#models/clinical/study.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { toDisplay } from '#models/imaging/dicom/display.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { frameGeometry } from '#models/imaging/dicom/geometry.ts';
import { assembleSeries } from '#models/imaging/dicom/series.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openSlide } from '#models/imaging/slide/slide.ts';
import { bytesSource } from '#models/imaging/tiff.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';
import { sampleNames, sampleStudy as drawn, type SampleStudy } from '#training/synthesis/samples.ts';

const samples = new Map<string, SampleStudy>();

/** Each sample is drawn once for all tests. */
function sampleStudy(name: string): SampleStudy {
  const sample = samples.get(name) ?? drawn(name);
  samples.set(name, sample);
  return sample;
}

test('there is a sample for each modality', () => {
  expect(new Set(sampleNames.map((name) => sampleStudy(name).modality))).toEqual(new Set(modalities));
}, 240_000);

describe.each(['ct-chest', 'ct-liver', 'mr-head', 'chest-film', 'breast-ultrasound'])('%s', (name) => {
  test('is DICOM whose values, scale and place are those that were drawn', async () => {
    const { files, truth } = sampleStudy(name);
    expect(files.size).toBe(truth.frames.length);
    const opened = [...files].map(([file, bytes]) => ({ name: file, file: readDicom(bytes) }));
    const { stacks, statements } = assembleSeries(opened);
    expect(statements).toEqual([]);
    expect(stacks).toHaveLength(1);
    expect(stacks[0]!.statements).toEqual([]);
    expect(stacks[0]!.frames).toHaveLength(truth.frames.length);
    const { file } = opened[0]!;
    const frame = await decodeFrame(file, 0);
    expect(frame.data.every((value, i) => value === truth.frames[0]!.stored!.samples[i])).toBe(true);
    expect(frameGeometry(file)).toEqual(truth.frames[0]!.geometry);
    const shown = toDisplay(file, frame);
    const expected = framePicture(truth.frames[0]!);
    let difference = 0;
    for (let i = 0; i < expected.data.length; i++) difference = Math.max(difference, Math.abs(expected.data[i]! - shown.data[i]!));
    expect(difference).toBeLessThanOrEqual(1);
  }, 120_000);
});

describe.each(['skin-lesion', 'fundus', 'oct', 'blood-smear'])('%s', (name) => {
  test('is a picture with the pixels that were drawn', async () => {
    const { files, truth } = sampleStudy(name);
    const [[file, bytes]] = [...files] as [[string, Uint8Array]];
    const [read, expected] = [await decodePicture(bytes, file), framePicture(truth.frames[0]!)];
    expect([read.width, read.height]).toEqual([expected.width, expected.height]);
    expect(Buffer.compare(read.data, expected.data)).toBe(0);
  }, 120_000);
});

test('the slide opens as a pyramid with its scale', async () => {
  const { files, truth } = sampleStudy('slide');
  const slide = await openSlide(bytesSource([...files.values()][0]!));
  expect(slide.levels.map(({ width }) => width)).toEqual(truth.levels.map(({ picture }) => picture.width));
  expect(slide.mpp!.x).toBeCloseTo(0.5, 6);
}, 120_000);

test('identifiers are unique, short enough and the same each time', () => {
  const identifiers = ['ct-chest', 'mr-head', 'chest-film'].flatMap((name) => [...sampleStudy(name).files.values()].map((bytes) => {
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, 1200));
    const [uid] = /2\.25\.302819462870911842035176\.[0-9.]+/.exec(text)!;
    expect(uid.length).toBeLessThanOrEqual(64);
    expect(text).toContain('PHANTOM^');
    return uid;
  }));
  expect(new Set(identifiers).size).toBe(identifiers.length);
  const [once, twice] = [drawn('chest-film'), drawn('chest-film')].map(({ files }) => files.get('chest-film.dcm')!);
  expect(Buffer.compare(once!, twice!)).toBe(0);
}, 120_000);

test('an unknown sample is refused with a fault that names the known ones', () => {
  expect(() => drawn('toString')).toThrow(/ct-chest/);
});
