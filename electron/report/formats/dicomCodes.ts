/** The codes that the report's DICOM files use: each from PS3.16 or the terminologies it names, under the meaning it has there. Nothing outside this table and that of findings is ever written. */
import type { Code as FindingCode } from '#models/clinical/codes.ts';
import type { Quantity } from '#models/clinical/report.ts';

export interface Coded {
  readonly scheme: 'DCM' | 'SCT' | 'LN' | 'UCUM' | 'RFC5646';
  readonly value: string;
  readonly meaning: string;
}

const code = (scheme: Coded['scheme'], value: string, meaning: string): Coded => ({ scheme, value, meaning });
const dcm = (value: string, meaning: string): Coded => code('DCM', value, meaning);
const sct = (value: string, meaning: string): Coded => code('SCT', value, meaning);

export const coded = {
  imagingMeasurementReport: dcm('126000', 'Imaging Measurement Report'),
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  imageRegion: dcm('111030', 'Image Region'),
  sourceOfMeasurement: dcm('121112', 'Source of Measurement'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  english: code('RFC5646', 'en', 'English'),
  observerType: dcm('121005', 'Observer Type'),
  person: dcm('121006', 'Person'),
  device: dcm('121007', 'Device'),
  personName: dcm('121008', 'Person Observer Name'),
  deviceUid: dcm('121012', 'Device Observer UID'),
  deviceName: dcm('121013', 'Device Observer Name'),
  deviceManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceModel: dcm('121015', 'Device Observer Model Name'),
  procedureReported: dcm('121058', 'Procedure Reported'),
  findings: dcm('121070', 'Findings'),
  finding: dcm('121071', 'Finding'),
  impressions: dcm('121072', 'Impressions'),
  impression: dcm('121073', 'Impression'),
  conclusion: dcm('121077', 'Conclusion'),
  comment: dcm('121106', 'Comment'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  findingSite: sct('363698007', 'Finding Site'),
  laterality: sct('272741003', 'Laterality'),
  algorithmFamily: dcm('111000', 'Algorithm Family'),
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  artificialIntelligence: dcm('123110', 'Artificial Intelligence'),
  attenuation: dcm('112031', 'Attenuation Coefficient'),
  derivation: dcm('121401', 'Derivation'),
  segmentation: dcm('113076', 'Segmentation'),
  sourceForProcessing: dcm('121322', 'Source image for image processing operation'),
  sourceImage: dcm('121324', 'Source image'),
  selectedRegion: dcm('111099', 'Selected region'),
  abnormalStructure: sct('49755003', 'Morphologically Abnormal Structure'),
  spatialConcept: sct('309825002', 'Spatial and Relational Concept'),
  imagingReport: code('LN', '18748-4', 'Diagnostic imaging report'),
} as const satisfies Readonly<Record<string, Coded>>;

/** What was done, by modality: codes for an unspecified body region. */
const procedures: Readonly<Record<string, Coded>> = {
  CT: code('LN', '25045-6', 'CT unspecified body region'),
  MR: code('LN', '25056-3', 'MRI unspecified body region'),
  CR: code('LN', '43468-8', 'XR unspecified body region'),
  DX: code('LN', '43468-8', 'XR unspecified body region'),
};
export const procedureOf = (modality: string): Coded => procedures[modality] ?? sct('363679005', 'Imaging procedure');

/** What is measured; null: the number has no code here and is given in words. */
export const quantityCodes: Readonly<Record<Quantity, Coded | null>> = {
  length: sct('410668003', 'Length'),
  longAxis: sct('103339001', 'Long Axis'),
  shortAxis: sct('103340004', 'Short Axis'),
  angle: sct('1483009', 'Angle'),
  cobbAngle: sct('285285000', 'Cobb angle'),
  area: sct('42798000', 'Area'),
  mean: null, deviation: null, least: null, greatest: null, value: null, count: null,
};

/** How a number came out of many; they stand with `attenuation` where the unit is Hounsfield's. */
export const derivationCodes: Partial<Readonly<Record<Quantity, Coded>>> = {
  mean: sct('373098007', 'Mean'),
  deviation: sct('386136009', 'Standard Deviation'),
  least: sct('255605001', 'Minimum'),
  greatest: sct('56851009', 'Maximum'),
};

export const hounsfield = "[hnsf'U]";
export const unitCodes: Readonly<Record<string, Coded>> = Object.fromEntries([
  ['mm', 'millimeter'], ['um', 'micrometer'], ['mm2', 'square millimeter'], ['um2', 'square micrometer'], ['deg', 'degree'], [hounsfield, 'Hounsfield unit'], ['{pixels}', 'pixels'], ['1', 'no units'],
].map(([value = '', meaning = '']) => [value, code('UCUM', value, meaning)]));

/** A code of the table of findings. */
export const asCoded = ({ scheme, value, meaning }: FindingCode): Coded => ({ scheme, value, meaning });

/** Every code of this table. */
export const allCodes: readonly Coded[] = [
  ...Object.values(coded), ...Object.values(procedures), procedureOf(''), ...Object.values(quantityCodes).filter((found) => found !== null), ...Object.values(derivationCodes), ...Object.values(unitCodes),
];
