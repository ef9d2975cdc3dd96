/** Files of one picture, PNG, JPEG or TIFF, to pixels. */
import { Fault } from '#models/base/fault.ts';
import { decodeJpeg, isJpeg } from './jpeg.ts';
import { decodePng, isPng } from './png.ts';
import { bytesSource, isTiff, openTiff } from './tiff.ts';
import { readPage } from './tiffBlocks.ts';
import type { Picture } from './image.ts';

export { encodePng } from './png.ts';

/**
 * The picture in a file (a TIFF's first page), its kind told from the content and never from the name, which only opens the sentences of a fault.
 * Throws `picture.kind`, `picture.truncated`, `picture.damaged`, `picture.unsupported` or `picture.size`.
 */
export async function decodePicture(bytes: Uint8Array, name = 'The picture'): Promise<Picture> {
  if (isPng(bytes)) return decodePng(bytes, name);
  if (isJpeg(bytes)) return decodeJpeg(bytes, name);
  if (isTiff(bytes)) {
    const tiff = await openTiff(bytesSource(bytes), name);
    return readPage(tiff, tiff.pages[0]!, name);
  }
  throw new Fault({
    code: 'picture.kind',
    what: `${name} cannot be opened as a picture.`,
    why: bytes.length === 0 ? 'The file is empty.' : 'Its content is neither PNG nor JPEG nor TIFF.',
    mend: 'Export it as PNG, JPEG or TIFF; a DICOM file is opened as a study.',
  });
}
