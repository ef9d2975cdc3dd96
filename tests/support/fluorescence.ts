/** Drawn fluorescence slides: nuclei in blue, a ring of another stain around some of them, strands of a third, as OME-TIFF or as PerkinElmer writes them. */
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { makeTiff, type TestPage } from './tiff.ts';

interface Described {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly { readonly name: string; readonly colour: string }[];
  readonly depths?: number;
  readonly order?: string;
  readonly mpp?: number;
  /** TiffData elements. */
  readonly told?: string;
  readonly uuid?: string;
}

/** What an OME-TIFF says in its first page. */
export function omeText({ width, height, channels, depths = 1, order = 'XYCZT', mpp, told = '<TiffData/>', uuid }: Described): string {
  const scale = mpp === undefined ? '' : ` PhysicalSizeX="${mpp}" PhysicalSizeY="${mpp}"`;
  const own = channels.map(({ name, colour }, at) => `<Channel ID="Channel:0:${at}" Name="${name}" SamplesPerPixel="1" Color="${(Number.parseInt(colour.slice(1), 16) * 256 + 255) | 0}"/>`).join('');
  return `<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"${uuid === undefined ? '' : ` UUID="${uuid}"`}><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="${order}" Type="uint16" `
    + `SizeX="${width}" SizeY="${height}" SizeC="${channels.length}" SizeZ="${depths}" SizeT="1"${scale}>${own}${told}</Pixels></Image></OME>`;
}

/** A page of 16-bit values in tiles of 16 pixels, or of `tile`. */
export function greyPage(values: Uint16Array, width: number, height: number, more: Partial<TestPage> = {}, tile = 16): TestPage {
  const blocks: Uint8Array[] = [];
  for (let top = 0; top < height; top += tile) {
    for (let left = 0; left < width; left += tile) {
      const block = new Uint16Array(tile * tile);
      for (let y = 0; y < tile && top + y < height; y++) block.set(values.subarray((top + y) * width + left, (top + y) * width + Math.min(width, left + tile)), y * tile);
      blocks.push(new Uint8Array(block.buffer));
    }
  }
  return { width, height, tile: [tile, tile], samples: 1, photometric: 1, tags: { 258: 16 }, blocks, ...more };
}

interface Drawn {
  readonly side: number;
  readonly levels?: number;
  readonly maker?: 'ome' | 'perkinElmer';
  readonly mpp?: number;
}

const stains = [{ name: 'DAPI', colour: '#3060ff' }, { name: 'CD3', colour: '#30e060' }, { name: 'PanCK', colour: '#ff4030' }];

/** A slide of cells in three channels. @returns the file's bytes */
export function fluorescence({ side, levels = 1, maker = 'ome', mpp = 0.5 }: Drawn): Uint8Array {
  const tile = side >= 512 ? 256 : 16;
  const drawn = Array.from({ length: levels }, (_, level) => stains.map((_stain, channel) => values(channel, side >> level, 1 << level)));
  const page = (level: number, channel: number, more: Partial<TestPage> = {}): TestPage => greyPage(drawn[level]![channel]!, side >> level, side >> level, more, tile);
  if (maker === 'perkinElmer') {
    const told = (channel: number): string => `<?xml version="1.0"?><PerkinElmer-QPI-ImageDescription><Name>${stains[channel]!.name}</Name><Color>${[16, 8, 0].map((shift) => (Number.parseInt(stains[channel]!.colour.slice(1), 16) >> shift) & 255).join(',')}</Color></PerkinElmer-QPI-ImageDescription>`;
    return makeTiff(Array.from({ length: levels }, (_, level) => stains.map((_stain, channel) => page(level, channel, { description: told(channel) }))).flat());
  }
  const description = omeText({ width: side, height: side, channels: stains, mpp });
  return makeTiff(stains.map((_stain, channel) => page(0, channel, { ...(channel === 0 ? { description } : {}), below: Array.from({ length: levels - 1 }, (_, at) => page(at + 1, channel)) })));
}

function values(channel: number, side: number, step: number): Uint16Array {
  const whole = side * step;
  const pitch = Math.max(24, Math.round(whole / 12));
  return Uint16Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) * step, Math.floor(i / side) * step];
    const [column, row] = [Math.floor(x / pitch), Math.floor(y / pitch)];
    const hash = ((column * 73_856_093) ^ (row * 19_349_663)) >>> 0;
    const [cx, cy] = [(column + 0.35 + 0.3 * ((hash % 97) / 97)) * pitch, (row + 0.35 + 0.3 * ((hash % 89) / 89)) * pitch];
    const distance = Math.hypot(x - cx, y - cy) / pitch;
    const ground = 120 + ((x * 7 + y * 13) % 17);
    if (channel === 0) return distance < 0.22 ? 2600 - Math.round(distance * 4000) : ground;
    if (channel === 1) return hash % 3 === 0 && distance > 0.22 && distance < 0.31 ? 1800 : ground;
    return Math.abs(Math.sin((x + 0.6 * y) / (pitch * 0.9))) > 0.96 ? 1500 : ground;
  });
}

/** A level of a DICOM slide in tiles of 16 pixels: grey, one optical path after another. @param of  the values of each path, [side · side] */
export function channelFile(paths: readonly { readonly id: string; readonly name: string }[], of: readonly Uint16Array[], side: number, number: number): Uint8Array {
  const elements: NewElement[] = [
    { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'] }, { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.77.1.6' }, { tag: 'x00080018', vr: 'UI', value: `1.2.3.${number}` },
    { tag: 'x00080060', vr: 'CS', value: 'SM' }, { tag: 'x0020000d', vr: 'UI', value: '1.2.3' }, { tag: 'x0020000e', vr: 'UI', value: '1.2.3.1' }, { tag: 'x00209311', vr: 'CS', value: 'TILED_FULL' },
    { tag: 'x00480006', vr: 'UL', value: side }, { tag: 'x00480007', vr: 'UL', value: side }, { tag: 'x00480010', vr: 'CS', value: 'NO' }, { tag: 'x00480302', vr: 'UL', value: paths.length }, { tag: 'x00480303', vr: 'UL', value: 1 },
    { tag: 'x00480105', vr: 'SQ', value: paths.map(({ id, name }) => [{ tag: 'x00480106', vr: 'SH', value: id }, { tag: 'x00480107', vr: 'ST', value: name }]) },
    ...pixelElements({ rows: 16, columns: 16, frames: (side / 16) ** 2 * paths.length, photometric: 'MONOCHROME2', data: Uint16Array.from(of.flatMap((one) => tiled(one, side))) }),
  ];
  return writeDicom(elements);
}

const tiled = (own: Uint16Array, side: number): number[] => Array.from({ length: own.length }, (_, i) => {
  const [tile, x, y] = [Math.floor(i / 256), i % 16, Math.floor((i % 256) / 16)];
  const across = side / 16;
  return own[(Math.floor(tile / across) * 16 + y) * side + (tile % across) * 16 + x]!;
});
