/** The report's PDF within DICOM, so that an archive keeps it beside the images it is about. */
import type { Report } from '#models/clinical/report.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstNumber, firstText, rawBytes } from '#models/imaging/dicom/elements.ts';
import { writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { coded } from './dicomCodes.ts';
import { codeSequence, commonElements, isSigned, reference, said, sequence, timesOf } from './dicomParts.ts';
import { srClassUid } from './dicomSr.ts';
import { fileName, uidOf, type ReportFormat, type ReportPictures } from './format.ts';
import { pdf } from './pdf.ts';

const pdfClassUid = '1.2.840.10008.5.1.4.1.1.104.1';

export const document: ReportFormat = {
  name: 'document',
  extension: 'dcm',
  mediaType: 'application/dicom',

  unsuitable: (report, pictures) => (pictures.images.length === 0 ? 'The study is no DICOM, so there is no archive to keep it beside: export the PDF itself.' : pdf.unsuitable(report, pictures)),

  write: async (report, pictures) => {
    const [file] = await pdf.write(report, pictures);
    return file ? [{ name: fileName(report, 'dcm', 'pdf'), bytes: writeDicom(wrapped(report, pictures, file.bytes)) }] : [];
  },

  readBack: async (files, report, pictures) => {
    const [file] = files;
    if (!file || files.length !== 1) return [`There are ${files.length} files instead of one.`];
    const { dataSet, notes } = readDicom(file.bytes);
    const inner = rawBytes(dataSet, 'x00420011').subarray(0, firstNumber(dataSet, 'x00420015', 'UL') ?? 0);
    return [
      ...notes.map(({ what, why }) => `${what} ${why}`),
      ...(firstText(dataSet, 'x00080018') === uidOf(report, 'document') ? [] : ['It is another instance.']),
      ...await pdf.readBack([{ name: fileName(report, 'pdf'), bytes: inner }], report, pictures),
    ];
  },
};

function wrapped(report: Report, pictures: ReportPictures, bytes: Uint8Array): NewElement[] {
  const written = timesOf(report.signature?.at ?? report.updatedAt, pictures.images);
  const structured = { sopClassUid: srClassUid, sopInstanceUid: uidOf(report, 'sr') };
  const sources = [...new Map(pictures.images.map((image) => [image.sopInstanceUid, image])).values()];
  return [
    ...commonElements(report, pictures, { sopClassUid: pdfClassUid, purpose: 'document', modality: 'DOC', seriesNumber: 4, instanceNumber: report.version }),
    said('x00080023', 'DA', written.date),
    said('x00080033', 'TM', written.time),
    said('x0008002a', 'DT', written.dateTime),
    said('x00080064', 'CS', 'WSD'),
    // Its pages name the patient unless the report was released without.
    said('x00280301', 'CS', report.subject === null ? 'NO' : 'YES'),
    codeSequence('x0040a043', coded.imagingReport),
    said('x0040a493', 'CS', isSigned(report) ? 'VERIFIED' : 'UNVERIFIED'),
    said('x00420010', 'ST', report.title),
    { tag: 'x00420011', vr: 'OB', value: bytes },
    said('x00420012', 'LO', 'application/pdf'),
    sequence('x00420013', ...[...sources, structured].map((source) => reference(source))),
    { tag: 'x00420015', vr: 'UL', value: bytes.length },
  ];
}
