/** Key images as DICOM secondary captures: for human eyes, with their overlays, the research banner and the mark of what a model made drawn into the pixels. */
import type { KeyImage, Report } from '#models/clinical/report.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, rawBytes } from '#models/imaging/dicom/elements.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { coded } from './dicomCodes.ts';
import { codeSequence, commonElements, derivationText, imageAt, reference, said, sequence, timesOf } from './dicomParts.ts';
import { fileName, uidOf, type Bitmap, type KeyPicture, type ReportFormat, type ReportPictures } from './format.ts';

const scClassUid = '1.2.840.10008.5.1.4.1.1.7';

export const sc: ReportFormat = {
  name: 'sc',
  extension: 'dcm',
  mediaType: 'application/dicom',

  unsuitable: (report, pictures) => {
    if (pictures.images.length === 0) return 'The study is no DICOM, so a capture would belong to no study.';
    return report.keyImages.length === 0 ? 'The report has no key images.' : null;
  },

  write: (report, pictures) => Promise.resolve(shown(report, pictures).map(({ image, picture }, i, { length }) => ({
    name: fileName(report, 'dcm', length > 1 ? `sc-${i + 1}` : 'sc'), bytes: writeDicom(capture(report, pictures, image, picture, i + 1)),
  }))),

  readBack: (files, report, pictures) => {
    const wanted = shown(report, pictures);
    if (files.length !== wanted.length || wanted.length !== report.keyImages.length) return Promise.resolve([`There are ${files.length} pictures instead of ${report.keyImages.length}.`]);
    return Promise.resolve(files.flatMap(({ bytes }, i) => {
      const { dataSet, notes } = readDicom(bytes);
      const { picture } = wanted[i] as typeof wanted[number];
      const pixels = rgb(picture.drawn);
      const is = rawBytes(dataSet, 'x7fe00010');
      return [
        ...notes.map(({ what, why }) => `${what} ${why}`),
        ...(firstText(dataSet, 'x00080018') === uidOf(report, `sc ${i + 1}`) ? [] : [`Picture ${i + 1} is another instance.`]),
        ...(pixels.every((value, at) => value === is[at]) ? [] : [`The pixels of picture ${i + 1} are not as they were.`]),
      ];
    }));
  },
};

const shown = (report: Report, pictures: ReportPictures): readonly { readonly image: KeyImage; readonly picture: KeyPicture }[] =>
  report.keyImages.flatMap((image) => pictures.keyImages.filter(({ id }) => id === image.id).map((picture) => ({ image, picture })));

function capture(report: Report, pictures: ReportPictures, image: KeyImage, { drawn }: KeyPicture, number: number): NewElement[] {
  const source = imageAt(pictures, image.place);
  const written = timesOf(report.signature?.at ?? report.updatedAt, pictures.images);
  const stated = source?.elements['00280301'];
  const isLossy = source?.elements['00282110'] === '01';
  return [
    ...commonElements(report, pictures, { sopClassUid: scClassUid, purpose: `sc ${number}`, modality: 'OT', seriesNumber: 3, instanceNumber: number }),
    { tag: 'x00080008', vr: 'CS', value: ['DERIVED', 'SECONDARY'] },
    said('x00080023', 'DA', written.date),
    said('x00080033', 'TM', written.time),
    said('x00080064', 'CS', 'WSD'),
    said('x00082111', 'ST', derivationText(report)),
    said('x00200020', 'CS', ''),
    said('x00200060', 'CS', ''),
    ...(image.caption === '' ? [] : [said('x00204000', 'LT', image.caption)]),
    ...(source ? [sequence('x00082112', [...reference(source, source.frames > 1 ? source.frame : undefined), codeSequence('x0040a170', coded.sourceImage)])] : []),
    // What the source's pixels carry, its capture carries too; what is drawn on it names nobody.
    ...(stated === 'YES' || stated === 'NO' ? [said('x00280301', 'CS', stated)] : []),
    ...(isLossy ? [said('x00282110', 'CS', '01')] : []),
    ...pixelElements({ rows: drawn.height, columns: drawn.width, photometric: 'RGB', data: rgb(drawn) }),
  ];
}

function rgb({ width, height, data }: Bitmap): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < out.length; i += 4, o += 3) {
    out[o] = data[i] as number;
    out[o + 1] = data[i + 1] as number;
    out[o + 2] = data[i + 2] as number;
  }
  return out;
}
