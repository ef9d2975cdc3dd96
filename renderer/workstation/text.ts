/** What the window says, by key: English stands in each screen's `strings.ts`, and `main.tsx` hands all of it to `speak`. */
import i18next, { type TFunction } from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';

export type Strings = { readonly [key: string]: string | Strings };

/** Before anything is drawn. */
export async function speak(language: string, strings: Readonly<Record<string, Strings>>): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language, fallbackLng: 'en', resources: Object.fromEntries(Object.entries(strings).map(([name, table]) => [name, { translation: table }])),
    interpolation: { escapeValue: false }, returnNull: false, showSupportNotice: false, nsSeparator: false,
  });
  document.documentElement.lang = language;
  document.documentElement.dir = i18next.dir(language);
}

/** For components. */
export function useText(): TFunction {
  return useTranslation().t;
}

/** Outside of components. */
export const text: TFunction = ((...given: Parameters<TFunction>) => i18next.t(...given)) as TFunction;

/** Making a format costs as much as a row of a table, so that each is made once: by language and what it shows. */
function once<Format>(make: (language: string, what: string) => Format): (what: string) => Format {
  const made = new Map<string, Format>();
  return (what) => {
    const key = `${i18next.language} ${what}`;
    const format = made.get(key) ?? make(i18next.language, what);
    made.set(key, format);
    return format;
  };
}

const numbers = once((language, digits) => new Intl.NumberFormat(language, { maximumFractionDigits: Number(digits) }));
const moments = once((language, what) => new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, what === 'date' ? { day: '2-digit', month: 'short', year: 'numeric' } : { hour: '2-digit', minute: '2-digit', second: '2-digit' }));

/** 12,345 and 1.5 MB, as the person's language writes them. */
export const formatNumber = (value: number, digits = 0): string => numbers(String(digits)).format(value);

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes <= 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${formatNumber(value, value < 10 && step > 0 ? 1 : 0)} ${units[step] ?? 'B'}`;
}

/** `12 Sep 2026`: no order of day and month to be mistaken. */
export function formatDate(iso: string | null): string {
  if (iso === null) return '';
  const date = new Date(iso.length === 10 ? `${iso}T12:00:00` : iso);
  return Number.isNaN(date.getTime()) ? iso : moments('date').format(date);
}

/** `12 Sep 2026, 09:05:31`, in the time of this place. */
export function formatMoment(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${formatDate(iso)}, ${formatTime(iso)}`;
}

/** `09:05:31`. */
export const formatTime = (iso: string): string => moments('time').format(new Date(iso));
