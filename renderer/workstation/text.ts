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

/** 12,345 and 1.5 MB, as the person's language writes them. */
export const formatNumber = (value: number, digits = 0): string => new Intl.NumberFormat(i18next.language, { maximumFractionDigits: digits }).format(value);

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
  return Number.isNaN(date.getTime()) ? iso : new Intl.DateTimeFormat(i18next.language === 'en' ? 'en-GB' : i18next.language, { day: '2-digit', month: 'short', year: 'numeric' }).format(date);
}

/** `12 Sep 2026, 09:05:31`, in the time of this place. */
export function formatMoment(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${formatDate(iso)}, ${formatTime(iso)}`;
}

/** `09:05:31`. */
export const formatTime = (iso: string): string => new Intl.DateTimeFormat(i18next.language === 'en' ? 'en-GB' : i18next.language, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(iso));
