/** The channels of a fluorescence slide: which are seen, in which colours, and from which values on. */
import type { ReactElement } from 'react';
import type { SlideChannel } from '#electron/contract/library.ts';
import { useText } from '#renderer/workstation/text.ts';
import { changedChannel, firstChannels, placeOfValue, valueOfPlace, type ChannelSetting } from './channels.ts';

interface ChannelPanelProps {
  readonly channels: readonly SlideChannel[];
  readonly settings: readonly ChannelSetting[];
  /** Null: as the file has them at first. */
  readonly onChange: (settings: readonly ChannelSetting[] | null) => void;
}

const steps = 1000;

export function ChannelPanel({ channels, settings, onChange }: ChannelPanelProps): ReactElement {
  const t = useText();
  const isFirst = JSON.stringify(settings) === JSON.stringify(firstChannels(channels));
  return (
    <section className="channel-panel" aria-label={t('app.channels')} onKeyDown={(event) => event.stopPropagation()}>
      <header><h3>{t('app.channels')}</h3><button className="text-button" disabled={isFirst} onClick={() => onChange(null)}>{t('app.channelsReset')}</button></header>
      <ul>
        {settings.map(({ at, colour, low, high, isShown }) => {
          const { name, most } = channels[at] as SlideChannel;
          const bound = (which: 'low' | 'high', value: number): ReactElement => (
            <input
              type="range" min={0} max={steps} value={Math.round(placeOfValue(value, most) * steps)} disabled={!isShown} aria-label={t(which === 'low' ? 'app.channelLow' : 'app.channelHigh', { name })} aria-valuetext={String(value)}
              onChange={(event) => onChange(changedChannel(settings, at, { [which]: valueOfPlace(Number(event.target.value) / steps, most) }))}
            />
          );
          return (
            <li key={at} data-channel={at} data-off={!isShown || undefined}>
              <input type="checkbox" checked={isShown} aria-label={t('app.channelShown', { name })} onChange={(event) => onChange(changedChannel(settings, at, { isShown: event.target.checked }))} />
              <input type="color" value={colour} aria-label={t('app.channelColour', { name })} title={t('app.channelColour', { name })} onChange={(event) => onChange(changedChannel(settings, at, { colour: event.target.value }))} />
              <span className="name" title={name}>{name}</span>
              <span className="number dim">{shortened(low)} – {shortened(high)}</span>
              <div className="bounds" style={{ '--channel': colour } as React.CSSProperties}>{bound('low', low)}{bound('high', high)}</div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const shortened = (value: number): string => String(Number(value.toPrecision(value >= 10_000 ? 5 : 4)));
