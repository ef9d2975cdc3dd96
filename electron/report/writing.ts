/** Draws a report's pictures and writes its files: seconds of work for a long report, so the window has it done in a process of its own. */
import { sha256, canonical } from '#electron/audit/canonical.ts';
import type { KeyImage, Report } from '#models/clinical/report.ts';
import { written, type WrittenFile } from './exporting.ts';
import { writer, writerNames, type WriterName } from './formats.ts';
import type { ReportPictures, SourceImage } from './formats/format.ts';
import { keyPictures, type Shown } from './pictures.ts';

/** What a key image shows, as its source is known here: in a copy without the subject the report itself has other names for it. */
export type View = Pick<KeyImage, 'place' | 'window' | 'region' | 'channels'>;

export interface WriteJob {
  readonly report: Report;
  readonly images: readonly SourceImage[];
  /** One for each of the report's key images, in their order. */
  readonly views: readonly View[];
}

export interface FormatChoice {
  readonly format: WriterName;
  /** Why the report cannot be given in this form, for people; null: it can. */
  readonly why: string | null;
}

export interface Writing {
  /** Of every form but the capsule. */
  choices(job: WriteJob): Promise<readonly FormatChoice[]>;
  /** Written and read back. @throws Fault as `written` */
  files(job: WriteJob, formats: readonly WriterName[]): Promise<readonly WrittenFile[]>;
  /** The web page, not read back: for the preview. */
  page(job: WriteJob): Promise<string>;
}

/** @param shown  the pixels of a view */
export function openWriting(shown: (view: View) => Promise<Shown>): Writing {
  const picturesFor = rememberPictures(shown);
  return {
    choices: ({ report, images }) => Promise.all(writerNames.map(async (format) => ({ format, why: (await writer(format)).unsuitable(report, { keyImages: [], images }) }))),
    async files(job, formats) {
      if (formats.length === 0) return [];
      return written(job.report, await picturesFor(job), await Promise.all(formats.map(writer)));
    },
    async page(job) {
      const [file] = await (await writer('html')).write(job.report, await picturesFor(job));
      return Buffer.from(file?.bytes ?? []).toString('utf8');
    },
  };
}

/** Drawing takes a second; the same pictures of the same report are drawn once. */
function rememberPictures(shown: (view: View) => Promise<Shown>): (job: WriteJob) => Promise<ReportPictures> {
  let last: { readonly key: string; readonly keyImages: ReturnType<typeof keyPictures> } | undefined;
  return async ({ report, images, views }) => {
    const { id, keyImages, boxes, measurements, banner } = report;
    const key = sha256(canonical({ id, keyImages, boxes, measurements, banner, views: views.map(({ place, window, region, channels }) => ({ place, window, region, ...(channels ? { channels } : {}) })) })).toString('hex');
    if (last?.key !== key) {
      const drawn = keyPictures(report, (image) => shown(views[keyImages.indexOf(image)] ?? image));
      const mine = (last = { key, keyImages: drawn });
      drawn.catch(() => (last === mine ? (last = undefined) : undefined));
    }
    return { keyImages: await last.keyImages, images };
  };
}
