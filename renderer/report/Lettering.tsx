/** The pictures that would leave, with what looks like writing in them: a person looks at each before anything leaves without a name. */
import { useEffect, useState, type ReactElement } from 'react';
import type { Box } from '#models/clinical/finding.ts';
import type { KeyImage, Report } from '#models/clinical/report.ts';
import { writtenRows } from '#models/imaging/writing.ts';
import { useText } from '#renderer/workstation/text.ts';
import { pictureUrl, thumbnailUrl } from '#renderer/workstation/urls.ts';
import { KeyPicture } from './KeyPicture.tsx';
import { frameIdOf } from './state.ts';

export function Lettering({ report, isSeen, onSeen }: { readonly report: Report; readonly isSeen: boolean; readonly onSeen: (isSeen: boolean) => void }): ReactElement {
  const t = useText();
  return (
    <div className="lettering">
      <ul tabIndex={0}>{report.keyImages.map((image, at) => <Picture key={image.id} report={report} image={image} number={at + 1} />)}</ul>
      <label className="choice"><input type="checkbox" checked={isSeen} onChange={(event) => onSeen(event.currentTarget.checked)} /><span>{t(report.keyImages.length > 0 ? 'report.seenPictures' : 'report.seenText')}</span></label>
    </div>
  );
}

function Picture({ report, image, number }: { readonly report: Report; readonly image: KeyImage; readonly number: number }): ReactElement {
  const t = useText();
  const source = report.sources.find(({ sha256 }) => sha256 === image.place.source);
  const [rows, setRows] = useState<readonly Box[] | null>(null);
  const [isUnreadable, setUnreadable] = useState(false);
  const { columns = 0, rows: height = 0, kind } = source ?? {};
  useEffect(() => {
    let isGone = false;
    writingIn(kind === 'slide' ? thumbnailUrl(frameIdOf(image.place), 384) : pictureUrl(frameIdOf(image.place)), columns, height).then((found) => (isGone ? undefined : setRows(found)), () => (isGone ? undefined : setUnreadable(true)));
    return () => {
      isGone = true;
    };
  }, [image.place, kind, columns, height]);
  return (
    <li data-writing={rows === null ? undefined : rows.length}>
      <KeyPicture report={report} image={{ ...image, overlays: [] }} outlined={rows ?? []} />
      <small data-tone={rows && rows.length > 0 ? 'warning' : undefined}>{t('report.figure', { number })}: {isUnreadable ? t('report.notLookedInto') : rows === null ? t('report.looking') : t('report.writing', { count: rows.length })}</small>
    </li>
  );
}

/** Rows of writing, in pixels of the source. */
async function writingIn(url: string, columns: number, rows: number): Promise<readonly Box[]> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status}`);
  const bitmap = await createImageBitmap(await response.blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) throw new Error('There is no canvas.');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const shown = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) data.set(shown.subarray(from, from + 3), to);
  const [x, y] = [columns / width, rows / height];
  return writtenRows({ width, height, data }).map(({ x1, y1, x2, y2 }) => ({ x1: x1 * x, y1: y1 * y, x2: x2 * x, y2: y2 * y }));
}
