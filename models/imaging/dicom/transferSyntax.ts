/** The transfer syntaxes: how a data set's elements and its pixels are encoded. */

export type PixelCodec = 'native' | 'rle' | 'jpeg' | 'jpegLossless' | 'jpegLs' | 'jpeg2000' | 'htj2k';

export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly explicit: boolean;
  readonly littleEndian: boolean;
  readonly deflated: boolean;
  readonly codec: PixelCodec;
}

const encapsulated = (uid: string, name: string, codec: PixelCodec): TransferSyntax =>
  ({ uid, name, explicit: true, littleEndian: true, deflated: false, codec });

export const implicitLittleEndian: TransferSyntax =
  { uid: '1.2.840.10008.1.2', name: 'Implicit VR Little Endian', explicit: false, littleEndian: true, deflated: false, codec: 'native' };
export const explicitLittleEndian: TransferSyntax =
  { uid: '1.2.840.10008.1.2.1', name: 'Explicit VR Little Endian', explicit: true, littleEndian: true, deflated: false, codec: 'native' };
export const explicitBigEndian: TransferSyntax =
  { uid: '1.2.840.10008.1.2.2', name: 'Explicit VR Big Endian', explicit: true, littleEndian: false, deflated: false, codec: 'native' };

/** Every transfer syntax that is decoded. */
export const transferSyntaxes: readonly TransferSyntax[] = [
  implicitLittleEndian,
  explicitLittleEndian,
  { ...explicitLittleEndian, uid: '1.2.840.10008.1.2.1.99', name: 'Deflated Explicit VR Little Endian', deflated: true },
  explicitBigEndian,
  encapsulated('1.2.840.10008.1.2.1.98', 'Encapsulated Uncompressed Explicit VR Little Endian', 'native'),
  encapsulated('1.2.840.10008.1.2.4.50', 'JPEG Baseline (Process 1)', 'jpeg'),
  encapsulated('1.2.840.10008.1.2.4.51', 'JPEG Extended (Process 2 and 4)', 'jpeg'),
  encapsulated('1.2.840.10008.1.2.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'jpegLossless'),
  encapsulated('1.2.840.10008.1.2.4.70', 'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])', 'jpegLossless'),
  encapsulated('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless Image Compression', 'jpegLs'),
  encapsulated('1.2.840.10008.1.2.4.81', 'JPEG-LS Lossy (Near-Lossless) Image Compression', 'jpegLs'),
  encapsulated('1.2.840.10008.1.2.4.90', 'JPEG 2000 Image Compression (Lossless Only)', 'jpeg2000'),
  encapsulated('1.2.840.10008.1.2.4.91', 'JPEG 2000 Image Compression', 'jpeg2000'),
  encapsulated('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 Image Compression (Lossless Only)', 'htj2k'),
  encapsulated('1.2.840.10008.1.2.4.202', 'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)', 'htj2k'),
  encapsulated('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000 Image Compression', 'htj2k'),
  encapsulated('1.2.840.10008.1.2.5', 'RLE Lossless', 'rle'),
];

/** Known by name only, so that a refusal can say what the file uses. */
const undecoded: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.52': 'JPEG Extended (Process 3 and 5)',
  '1.2.840.10008.1.2.4.53': 'JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)',
  '1.2.840.10008.1.2.4.55': 'JPEG Full Progression, Non-Hierarchical (Process 10 and 12)',
  '1.2.840.10008.1.2.4.92': 'JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)',
  '1.2.840.10008.1.2.4.93': 'JPEG 2000 Part 2 Multi-component Image Compression',
  '1.2.840.10008.1.2.4.94': 'JPIP Referenced',
  '1.2.840.10008.1.2.4.95': 'JPIP Referenced Deflate',
  '1.2.840.10008.1.2.4.100': 'MPEG2 Main Profile / Main Level',
  '1.2.840.10008.1.2.4.101': 'MPEG2 Main Profile / High Level',
  '1.2.840.10008.1.2.4.102': 'MPEG-4 AVC/H.264 High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.103': 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
  '1.2.840.10008.1.2.4.107': 'HEVC/H.265 Main Profile / Level 5.1',
  '1.2.840.10008.1.2.4.110': 'JPEG XL Lossless',
  '1.2.840.10008.1.2.4.111': 'JPEG XL JPEG Recompression',
  '1.2.840.10008.1.2.4.112': 'JPEG XL',
  '1.2.840.10008.1.2.8.1': 'Deflated Image Frame Compression',
};

const byUid = new Map(transferSyntaxes.map((syntax) => [syntax.uid, syntax]));

export const transferSyntaxOf = (uid: string): TransferSyntax | undefined => byUid.get(uid);

/** The registered name, also of a syntax that is not decoded here; 'unknown' otherwise. */
export const transferSyntaxName = (uid: string): string => byUid.get(uid)?.name ?? undecoded[uid] ?? 'unknown';
