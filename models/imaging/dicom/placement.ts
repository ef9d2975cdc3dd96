/** How a frame lies in the patient and of which part it is, as its file says. */
import type { Placement } from '#models/imaging/sides.ts';
import type { DicomFile } from './dicomFile.ts';
import { firstText, items, texts } from './elements.ts';
import { attributeSources, frameGeometry } from './geometry.ts';

const sides: Readonly<Record<string, Placement['laterality']>> = { L: 'left', R: 'right', B: 'both' };

export function placementOf(file: DicomFile, frame = 0): Placement {
  const { dataSet } = file;
  const anatomy = attributeSources(file, frame, 'x00209071')[0];
  const region = (anatomy ? items(anatomy, 'x00082218')[0] : undefined) ?? items(dataSet, 'x00082218')[0];
  const side = [anatomy && firstText(anatomy, 'x00209072'), firstText(dataSet, 'x00200062'), firstText(dataSet, 'x00200060')].map((text) => text?.trim().toUpperCase()).find((text) => text !== undefined && text in sides);
  const [row, column] = texts(dataSet, 'x00200020').filter((letters) => /^[LRAPHF]{1,3}$/.test(letters));
  return {
    modality: firstText(dataSet, 'x00080060')?.trim().toUpperCase() ?? '',
    bodyPart: [firstText(dataSet, 'x00180015'), region && firstText(region, 'x00080104')].map((text) => text?.trim()).find((text) => text !== undefined && text !== '') ?? null,
    laterality: (side !== undefined ? sides[side] : null) ?? null,
    viewPosition: firstText(dataSet, 'x00185101')?.trim().toUpperCase() ?? null,
    orientation: frameGeometry(file, frame).orientation,
    patientOrientation: row !== undefined && column !== undefined ? [row, column] : null,
  };
}
