/** Whole-slide images in DICOM, drawn from a picture: each level is a file of tiles. */
import { crop, createPicture, paste, type Picture } from '#models/imaging/image.ts';
import { pixelElements, writeDicom, type EncapsulatedPixels, type NewElement } from '#models/imaging/dicom/writer.ts';

const root = '1.2.826.0.1.3680043.10.999.77';

export interface SlideFile {
  readonly picture: Picture;
  readonly tile: number;
  readonly number: number;
  /** Sparse: each tile states its place; `left` tells which tiles are written, in which order. */
  readonly sparse?: readonly { readonly column: number; readonly row: number }[];
  readonly flavour?: 'VOLUME' | 'LABEL' | 'OVERVIEW';
  readonly mppX?: number;
  /** Packs a tile; uncompressed without it. */
  readonly pack?: { readonly transferSyntaxUid: string; readonly photometric: string; readonly tile: (tile: Picture) => Uint8Array; readonly table?: EncapsulatedPixels['table'] };
}

/** The tiles of a picture from left to right and from top to bottom, the parts beyond its edges filled with a colour. */
export function tilesOf(picture: Picture, side: number): { readonly column: number; readonly row: number; readonly tile: Picture }[] {
  const [across, down] = [Math.ceil(picture.width / side), Math.ceil(picture.height / side)];
  return Array.from({ length: across * down }, (_, at) => {
    const [column, row] = [at % across, Math.floor(at / across)];
    const box = { x1: column * side, y1: row * side, x2: Math.min(picture.width, (column + 1) * side), y2: Math.min(picture.height, (row + 1) * side) };
    return { column, row, tile: paste(createPicture({ width: side, height: side }, [9, 9, 9]), crop(picture, box), { x: 0, y: 0 }) };
  });
}

export function slideFile({ picture, tile, number, sparse, flavour = 'VOLUME', mppX, pack }: SlideFile): Uint8Array {
  const all = tilesOf(picture, tile);
  const tiles = sparse ? sparse.map(({ column, row }) => all.find((one) => one.column === column && one.row === row)!) : all;
  const data = new Uint8Array(tiles.length * tile * tile * 3);
  if (!pack) tiles.forEach((one, i) => data.set(one.tile.data, i * tile * tile * 3));
  const measures: NewElement[] = mppX === undefined ? [] : [{ tag: 'x00289110', vr: 'SQ', value: [[{ tag: 'x00280030', vr: 'DS', value: [mppX / 1000, mppX / 1000] }]] }];
  const elements: NewElement[] = [
    { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', flavour, 'NONE'] },
    { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.77.1.6' }, { tag: 'x00080018', vr: 'UI', value: `${root}.1.${number}` }, { tag: 'x00080020', vr: 'DA', value: '20250301' },
    { tag: 'x00080060', vr: 'CS', value: 'SM' }, { tag: 'x0008103e', vr: 'LO', value: 'Pattern' }, { tag: 'x00100010', vr: 'PN', value: 'TEST^SLIDE' }, { tag: 'x00100020', vr: 'LO', value: 'SLIDE-1' },
    { tag: 'x0020000d', vr: 'UI', value: root }, { tag: 'x0020000e', vr: 'UI', value: `${root}.1` }, { tag: 'x00200013', vr: 'IS', value: number },
    { tag: 'x00209311', vr: 'CS', value: sparse ? 'TILED_SPARSE' : 'TILED_FULL' },
    { tag: 'x00480006', vr: 'UL', value: picture.width }, { tag: 'x00480007', vr: 'UL', value: picture.height }, { tag: 'x00480010', vr: 'CS', value: flavour === 'VOLUME' ? 'NO' : 'YES' },
    { tag: 'x00480105', vr: 'SQ', value: [[{ tag: 'x00480112', vr: 'DS', value: 20 }]] }, { tag: 'x52009229', vr: 'SQ', value: [measures] },
    ...(sparse ? [{ tag: 'x52009230', vr: 'SQ', value: sparse.map(({ column, row }): NewElement[] => [{ tag: 'x0048021a', vr: 'SQ', value: [[
      { tag: 'x0048021e', vr: 'SL', value: column * tile + 1 }, { tag: 'x0048021f', vr: 'SL', value: row * tile + 1 },
    ]] }]) } as const] : []),
    ...pixelElements({ rows: tile, columns: tile, frames: tiles.length, photometric: 'RGB', data }).filter(({ tag }) => !pack || (tag !== 'x7fe00010' && tag !== 'x00280004')),
    ...(pack ? [{ tag: 'x00280004', vr: 'CS', value: pack.photometric } as const] : []),
  ];
  return pack ? writeDicom(elements, { transferSyntaxUid: pack.transferSyntaxUid, table: pack.table ?? 'basic', frames: tiles.map((one) => [pack.tile(one.tile)]) }) : writeDicom(elements);
}
